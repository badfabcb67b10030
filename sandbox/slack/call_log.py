"""Every Web API call, in order, for tests and reports."""

import time
from dataclasses import asdict, dataclass, field

from sandbox.slack.errors import Json

_MAX_CALLS = 10_000


@dataclass(slots=True, kw_only=True)
class ApiCall:
    """One call. ``outcome`` is `ok`, Slack's word for a refusal, or the name of an injected fault.

    ``delivered`` says whether it took effect, which after a fault may differ from what the caller saw.
    """

    number: int
    time: float
    method: str
    channel: str | None
    args: Json
    outcome: str = "open"
    delivered: bool = False
    ts: str | None = None
    seconds: float = 0.0

    def as_json(self) -> Json:
        return asdict(self)


@dataclass(slots=True)
class CallLog:
    calls: list[ApiCall] = field(default_factory=list)
    _count: int = 0

    def open(self, method: str, args: Json) -> ApiCall:
        self._count += 1
        channel = args.get("channel") or args.get("channel_id")
        call = ApiCall(
            number=self._count,
            time=time.time(),
            method=method,
            channel=str(channel) if channel else None,
            args=args,
        )
        self.calls.append(call)
        del self.calls[:-_MAX_CALLS]
        return call

    def close(self, call: ApiCall, outcome: str) -> None:
        call.outcome = outcome
        call.seconds = round(time.time() - call.time, 6)

    def clear(self) -> None:
        self.calls.clear()
