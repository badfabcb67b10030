"""Talking to the gateway's control: what goes wrong on purpose, and how the sockets behave."""

import aiohttp

from sandbox.slack.errors import Json


class SlackSaidNo(RuntimeError):
    """The gateway refused what was ordered, or what a person tried to do."""


class GatewayControl:
    """`/_gateway/…` at ``url``."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def order(self, verb: str, body: Json | None = None) -> Json:
        """Order something. Raises `SlackSaidNo` with the gateway's word for it."""
        async with self._session.post(f"{self._url}/_gateway/{verb}", json=body or {}) as response:
            return _checked(verb, await response.json())

    async def look(self, what: str, **query: str) -> Json:
        """Look something up. Raises `SlackSaidNo`."""
        async with self._session.get(f"{self._url}/_gateway/{what}", params=query) as response:
            return _checked(what, await response.json())


def _checked(verb: str, answer: Json) -> Json:
    if not answer["ok"]:
        raise SlackSaidNo(f"{verb}: {answer['error']}")
    return answer


class FaultOrders:
    """Faults in Web API calls. ``method`` may also be `response_url`, `upload`, or `*`."""

    def __init__(self, control: GatewayControl) -> None:
        self._control = control

    async def order(self, method: str, kind: str, *, times: int = 1, retry_after: int = 1, channel: str | None = None) -> None:
        """``kind``: 429, 500, 503, timeout_before, timeout_after, drop_after, 500_after, ok_false:<error>, slow:<s>."""
        body = {"method": method, "kind": kind, "times": times, "retry_after": retry_after, "channel": channel}
        await self._control.order("faults", body)

    async def rate_limited(self, method: str, *, retry_after: int = 1, times: int = 1) -> None:
        await self.order(method, "429", retry_after=retry_after, times=times)

    async def unavailable(self, method: str, *, times: int = 1) -> None:
        await self.order(method, "503", times=times)

    async def refuses(self, method: str, error: str, *, times: int = 1) -> None:
        await self.order(method, f"ok_false:{error}", times=times)

    async def hangs_undelivered(self, method: str, *, times: int = 1) -> None:
        await self.order(method, "timeout_before", times=times)

    async def hangs_delivered(self, method: str, *, times: int = 1) -> None:
        await self.order(method, "timeout_after", times=times)

    async def drops_delivered(self, method: str, *, times: int = 1) -> None:
        await self.order(method, "drop_after", times=times)

    async def slow(self, method: str, seconds: float, *, times: int = 1) -> None:
        await self.order(method, f"slow:{seconds}", times=times)

    async def pending(self) -> list[Json]:
        faults: list[Json] = (await self._control.look("faults"))["faults"]
        return faults

    async def clear(self) -> None:
        """Forget all, and let go of the calls that hang."""
        await self._control.order("faults/clear")

    async def rate_limits(self, scale: float | None) -> None:
        """Enforce the real limits, multiplied by ``scale``; None switches them off."""
        await self._control.order("rates", {"scale": scale})

    async def over_budget(self) -> dict[str, int]:
        """By channel id, how many posts came faster than one a second (after a burst of three)."""
        counts: dict[str, int] = (await self._control.look("rates"))["over_budget"]
        return counts


class SocketOrders:
    """The bot's Socket Mode connections."""

    def __init__(self, control: GatewayControl) -> None:
        self._control = control

    async def status(self) -> Json:
        """`connections`, `muted`, `opened` (ever), `envelopes` (ever), `waiting`."""
        return await self._control.look("sockets")

    async def drop(self) -> None:
        """Cut every connection without a word."""
        await self._control.order("sockets/drop")

    async def mute(self) -> None:
        """Make the present connections deaf and dumb: connected, and nothing arrives, not even pongs."""
        await self._control.order("sockets/mute")

    async def unmute(self) -> None:
        await self._control.order("sockets/unmute")

    async def repeat(self, times: int = 1) -> None:
        """Deliver each of the next ``times`` envelopes twice."""
        await self._control.order("sockets/repeat", {"times": times})

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Say goodbye as Slack does; `warning` only announces it."""
        await self._control.order("sockets/disconnect", {"reason": reason})
