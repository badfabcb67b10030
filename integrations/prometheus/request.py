"""Parameters of one query, shared by the event loop and the thread that runs it."""

import threading
from dataclasses import dataclass

from integrations.http import HttpCall


@dataclass(frozen=True, slots=True)
class QueryContext:
    """Where and how long to query. ``cancelled`` is set when the caller stops waiting."""

    base_url: str
    call: HttpCall
    cancelled: threading.Event
