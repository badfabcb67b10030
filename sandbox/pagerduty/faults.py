"""Faults that a test orders: which call, what goes wrong, how many times or how long."""

import asyncio
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from domain.clock import Clock
from sandbox.pagerduty.model import Json

KINDS_BEFORE = ("429", "500", "503", "timeout_before", "down", "slow")
"""PagerDuty did nothing."""
KINDS_AFTER = ("timeout_after", "drop_after", "500_after")
"""It took the request, and the answer is lost or says otherwise."""
LATE = "late"
"""It accepts, and does it so many seconds later."""
MAX_HANG_SECONDS = 300.0
LATE_SECONDS = web.RequestKey("late_seconds", float)
"""How late a request is to be done."""


class UnknownFault(ValueError):
    """A fault that the stand-in cannot make; the message lists those it can."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """``call`` is ``events``, ``rest`` or ``*``. ``until``: it happens to every call until then; else ``times`` are left."""

    call: str
    kind: str
    times: int = 1
    seconds: float = 0.0
    until: datetime | None = None

    @property
    def is_after(self) -> bool:
        return self.kind in KINDS_AFTER


def parse_fault(body: Json, now: datetime) -> Fault:
    """A fault from ``{"call": "events", "kind": "timeout_after", "times": 2}`` or with ``"for_seconds": 600``."""
    kind, _, parameter = str(body.get("kind", "")).partition(":")
    if kind not in (*KINDS_BEFORE, *KINDS_AFTER, LATE):
        raise UnknownFault(f"There is no fault {kind!r}; there are {', '.join((*KINDS_BEFORE, *KINDS_AFTER, LATE))}.")
    call = str(body.get("call", ""))
    if call not in ("events", "rest", "*"):
        raise UnknownFault("A fault needs a call: events, rest, or * for both.")
    duration = body.get("for_seconds")
    return Fault(
        call=call,
        kind=kind,
        times=int(body.get("times", 1)),
        seconds=float(parameter or 1),
        until=now + timedelta(seconds=float(duration)) if duration is not None else None,
    )


@dataclass(slots=True)
class Faults:
    """The faults still to happen, in the order in which they were ordered."""

    clock: Clock
    _faults: list[Fault] = field(default_factory=list)
    _release: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def take(self, call: str) -> Fault | None:
        """The first fault that meets this call, one of its times used up."""
        self._faults = [each for each in self._faults if self._is_left(each)]
        for fault in self._faults:
            if fault.call in (call, "*"):
                fault.times -= 1 if fault.until is None else 0
                return fault
        return None

    def _is_left(self, fault: Fault) -> bool:
        return fault.times > 0 if fault.until is None else self.clock.now() < fault.until

    def pending(self) -> list[Json]:
        return [asdict(fault) for fault in self._faults if self._is_left(fault)]

    def clear(self) -> None:
        """Forget what was ordered, and let go of every call that hangs."""
        self._faults.clear()
        self._release.set()
        self._release = asyncio.Event()

    async def hang(self) -> None:
        """Keep a call waiting until the faults are cleared or the stand-in stops."""
        try:
            async with asyncio.timeout(MAX_HANG_SECONDS):
                await self._release.wait()
        except TimeoutError:
            return


def fault_middleware(faults: Faults) -> Middleware:
    """Make the faults happen to ``/v2/enqueue`` and to the REST API; the phone page and the control API are left alone."""

    @web.middleware
    async def meet(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(("/_control", "/phone")) or request.path == "/":
            return await handler(request)
        fault = faults.take("events" if request.path == "/v2/enqueue" else "rest")
        if fault is None:
            return await handler(request)
        if fault.kind in ("slow", LATE):
            await asyncio.sleep(fault.seconds if fault.kind == "slow" else 0)
            request[LATE_SECONDS] = fault.seconds if fault.kind == LATE else 0.0
            return await handler(request)
        if fault.is_after:
            await handler(request)
        return await _fail(request, fault.kind, faults)

    return meet


async def _fail(request: web.Request, kind: str, faults: Faults) -> web.Response:
    if kind.startswith("timeout"):
        await faults.hang()
    if kind in ("down", "drop_after") or kind.startswith("timeout"):
        if isinstance(request.transport, asyncio.Transport):
            request.transport.abort()  # the connection breaks without an answer
        return web.Response()
    status = int(kind.removesuffix("_after"))
    return web.json_response({"status": "error", "message": "Internal Server Error"}, status=status)
