"""Faults that a test orders: which method, what goes wrong, how many times."""

import asyncio
from dataclasses import asdict, dataclass, field

from sandbox.slack.errors import Json

KINDS_BEFORE_DELIVERY = ("429", "500", "503", "timeout_before", "ok_false", "slow", "held")
KINDS_AFTER_DELIVERY = ("timeout_after", "drop_after", "500_after")
MAX_HANG_SECONDS = 300.0


class UnknownFault(ValueError):
    """A fault that the gateway cannot make; the message lists those it can."""


@dataclass(slots=True, kw_only=True)
class ApiFault:
    """``kind`` without its parameter; ``times`` is how often it still happens."""

    method: str
    kind: str
    times: int = 1
    retry_after: int = 1
    error: str = ""
    seconds: float = 0.0
    channel: str | None = None

    @property
    def is_after_delivery(self) -> bool:
        return self.kind in KINDS_AFTER_DELIVERY

    def matches(self, method: str, channel: str | None) -> bool:
        if self.times <= 0 or self.method not in {method, "*"}:
            return False
        return self.channel is None or self.channel == channel


def parse_fault(body: Json) -> ApiFault:
    """A fault from `{"method": …, "kind": "ok_false:not_in_channel", "times": 2}`. Raises `UnknownFault`."""
    kind, _, parameter = str(body.get("kind", "")).partition(":")
    if kind not in (*KINDS_BEFORE_DELIVERY, *KINDS_AFTER_DELIVERY):
        raise UnknownFault(f"There is no fault {kind!r}; there are {', '.join((*KINDS_BEFORE_DELIVERY, *KINDS_AFTER_DELIVERY))}.")
    if not body.get("method"):
        raise UnknownFault("A fault needs a method, such as chat.postMessage, response_url, or * for all.")
    fault = ApiFault(
        method=str(body["method"]),
        kind=kind,
        times=int(body.get("times", 1)),
        retry_after=int(body.get("retry_after", 1)),
        channel=body.get("channel"),
    )
    if kind == "ok_false":
        fault.error = parameter or "internal_error"
    if kind == "slow":
        fault.seconds = float(parameter or 1)
    return fault


@dataclass(slots=True)
class FaultQueue:
    """The faults still to happen, in the order in which they were ordered."""

    _faults: list[ApiFault] = field(default_factory=list)
    _release: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, fault: ApiFault) -> None:
        self._faults.append(fault)

    def take_matching(self, method: str, channel: str | None) -> ApiFault | None:
        """The first fault that meets this call, one of its times used up."""
        for fault in self._faults:
            if fault.matches(method, channel):
                fault.times -= 1
                return fault
        return None

    def pending(self) -> list[Json]:
        return [asdict(fault) for fault in self._faults if fault.times > 0]

    def clear(self) -> None:
        """Forget what was ordered, and let go of every call that hangs."""
        self._faults.clear()
        self._release.set()
        self._release = asyncio.Event()

    async def hang(self) -> None:
        """Keep a call waiting until the faults are cleared or the gateway stops."""
        try:
            async with asyncio.timeout(MAX_HANG_SECONDS):
                await self._release.wait()
        except TimeoutError:
            return
