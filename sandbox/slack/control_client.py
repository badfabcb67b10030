"""Talking to the gateway's control: what goes wrong on purpose, and how the sockets behave."""

import aiohttp

from sandbox.slack.errors import Json


class SlackCallRefused(RuntimeError):
    """The gateway refused what was ordered, or what a person tried to do."""


class ControlClient:
    """`/_gateway/…` at ``url``."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def post(self, verb: str, body: Json | None = None) -> Json:
        """Order something. Raises `SlackSaidNo` with the gateway's word for it."""
        async with self._session.post(f"{self._url}/_gateway/{verb}", json=body or {}) as response:
            return _raise_if_refused(verb, await response.json())

    async def get(self, what: str, **query: str) -> Json:
        """Look something up. Raises `SlackSaidNo`."""
        async with self._session.get(f"{self._url}/_gateway/{what}", params=query) as response:
            return _raise_if_refused(what, await response.json())


def _raise_if_refused(verb: str, answer: Json) -> Json:
    if not answer["ok"]:
        raise SlackCallRefused(f"{verb}: {answer['error']}")
    return answer


class FaultControl:
    """Faults in Web API calls. ``method`` may also be `response_url`, `upload`, or `*`."""

    def __init__(self, control: ControlClient) -> None:
        self._control = control

    async def add(self, method: str, kind: str, *, times: int = 1, retry_after: int = 1, channel: str | None = None) -> None:
        """``kind``: 429, 500, 503, timeout_before, timeout_after, drop_after, 500_after, ok_false:<error>, slow:<s>, held."""
        body = {"method": method, "kind": kind, "times": times, "retry_after": retry_after, "channel": channel}
        await self._control.post("faults", body)

    async def rate_limit(self, method: str, *, retry_after: int = 1, times: int = 1) -> None:
        await self.add(method, "429", retry_after=retry_after, times=times)

    async def answer_unavailable(self, method: str, *, times: int = 1) -> None:
        await self.add(method, "503", times=times)

    async def refuse(self, method: str, error: str, *, times: int = 1) -> None:
        await self.add(method, f"ok_false:{error}", times=times)

    async def hang_before_delivery(self, method: str, *, times: int = 1) -> None:
        await self.add(method, "timeout_before", times=times)

    async def hang_after_delivery(self, method: str, *, times: int = 1) -> None:
        await self.add(method, "timeout_after", times=times)

    async def drop_after_delivery(self, method: str, *, times: int = 1) -> None:
        await self.add(method, "drop_after", times=times)

    async def slow(self, method: str, seconds: float, *, times: int = 1) -> None:
        await self.add(method, f"slow:{seconds}", times=times)

    async def hold(self, method: str, *, times: int = 1) -> None:
        """The call goes on once the faults are cleared."""
        await self.add(method, "held", times=times)

    async def pending(self) -> list[Json]:
        faults: list[Json] = (await self._control.get("faults"))["faults"]
        return faults

    async def clear(self) -> None:
        """Forget all, and let go of the calls that hang."""
        await self._control.post("faults/clear")

    async def enforce_rate_limits(self, scale: float | None) -> None:
        """Enforce the real limits, multiplied by ``scale``; None switches them off."""
        await self._control.post("rates", {"scale": scale})

    async def over_budget(self) -> dict[str, int]:
        """By channel id, how many posts came faster than one a second (after a burst of three)."""
        counts: dict[str, int] = (await self._control.get("rates"))["over_budget"]
        return counts


class SocketControl:
    """The bot's Socket Mode connections."""

    def __init__(self, control: ControlClient) -> None:
        self._control = control

    async def status(self) -> Json:
        """`connections`, `muted`, `opened` (ever), `envelopes` (ever), `waiting`."""
        return await self._control.get("sockets")

    async def drop(self) -> None:
        """Cut every connection without a word."""
        await self._control.post("sockets/drop")

    async def mute(self) -> None:
        """Make the present connections deaf and dumb: connected, and nothing arrives, not even pongs."""
        await self._control.post("sockets/mute")

    async def unmute(self) -> None:
        await self._control.post("sockets/unmute")

    async def repeat(self, times: int = 1) -> None:
        """Deliver each of the next ``times`` envelopes twice."""
        await self._control.post("sockets/repeat", {"times": times})

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Say goodbye as Slack does; `warning` only announces it."""
        await self._control.post("sockets/disconnect", {"reason": reason})
