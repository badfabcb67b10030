"""Parameters of one query, shared by the event loop and the thread that runs it."""

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueryContext:
    """Where and how long to query. ``timeout`` is in seconds.

    Error texts show ``host``, since ``base_url`` may contain a password. ``cancelled`` is set when the caller stops waiting.
    """

    base_url: str
    host: str
    timeout: float
    cancelled: threading.Event
