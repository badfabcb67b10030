"""How one question is asked."""

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueryContext:
    """``place`` is the host in the words of an error: an address may hold a password. ``timeout`` in seconds.

    ``given_up`` is set when nobody waits for the answer any more.
    """

    base_url: str
    host: str
    timeout: float
    cancelled: threading.Event
