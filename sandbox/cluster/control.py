"""Trouble on request: what a test or a curious person may do to the cluster beside using it."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from sandbox.cluster.model import Json

FaultKind = Literal["status", "delay", "hold", "hang", "drop", "fail_after_apply", "body"]
_MAX_REQUESTS = 1_000


@dataclass(slots=True, kw_only=True)
class ClusterFault:
    """What happens to the next ``times`` requests whose path begins with ``path_prefix``.

    ``status`` answers that code (with ``retry_after`` seconds and ``message``, where given); ``body`` answers that code with
    this text as it is; ``delay`` waits ``seconds`` first;
    ``hold`` waits until the faults are cleared; ``hang`` never answers; ``drop`` cuts the connection before anything is done,
    ``fail_after_apply`` after it is done.
    """

    kind: FaultKind
    status: int = 500
    seconds: float = 0.0
    times: int = 1
    path_prefix: str = ""
    method: str = ""
    retry_after: int | None = None
    message: str = ""
    body: str = ""

    def matches(self, method: str, path: str) -> bool:
        return self.times > 0 and path.startswith(self.path_prefix) and self.method in ("", method)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """One request as it was answered; ``status`` is 0 for one that got no answer."""

    method: str
    path: str
    query: str
    user: str
    status: int
    at: float = field(default_factory=time.time)

    def as_json(self) -> Json:
        return {name: getattr(self, name) for name in ("method", "path", "query", "user", "status", "at")}


class ClusterControl:
    """The faults that wait to happen, and the requests that were seen (the newest thousand)."""

    def __init__(self) -> None:
        self.faults: list[ClusterFault] = []
        self.requests: deque[RecordedRequest] = deque(maxlen=_MAX_REQUESTS)
        self.released = asyncio.Event()
        self.alter: Callable[[Json], None] | None = None
        """A mutating admission webhook: alters what clients write over what is there, before it is stored."""

    def add_fault(self, fault: ClusterFault) -> None:
        self.faults.append(fault)

    def clear_faults(self) -> None:
        """No more faults; what is held goes on, what hangs is let go without an answer."""
        self.faults.clear()
        self.released.set()
        self.released = asyncio.Event()

    def take_fault(self, method: str, path: str) -> ClusterFault | None:
        """The fault that this request meets, counted down."""
        fault = next((each for each in self.faults if each.matches(method, path)), None)
        if fault is not None:
            fault.times -= 1
            self.faults = [each for each in self.faults if each.times > 0]
        return fault

    def writes(self, path_prefix: str = "") -> list[RecordedRequest]:
        """The requests that were to change something, oldest first."""
        reads = ("GET", "HEAD", "OPTIONS")
        return [each for each in self.requests if each.method not in reads and each.path.startswith(path_prefix)]
