"""Bringing what people did to the bot: through its socket, or as signed HTTP requests."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp

from sandbox.slack.errors import Json
from sandbox.slack.signing import signed_headers
from sandbox.slack.sockets import ACK_SECONDS, SocketModeServer

_MAX_LOG_ENTRIES = 1_000
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """Whether the bot answered in time, and with what."""

    answered: bool
    payload: Json | None = None
    status: int | None = None


class PayloadDelivery:
    """``request_url`` None means Socket Mode."""

    def __init__(
        self, session: aiohttp.ClientSession, sockets: SocketModeServer, secret: str, now: Callable[[], float] = time.time
    ) -> None:
        self.request_url: str | None = None
        self.log: deque[Json] = deque(maxlen=_MAX_LOG_ENTRIES)
        """What was delivered and how it was acknowledged, as entries of the local Slack's own log."""
        self._session = session
        self._sockets = sockets
        self._secret = secret
        self._now = now
        self._count = 0

    async def deliver(self, kind: str, payload: Json) -> Ack:
        """Deliver a `slash_commands`, `interactive` or `events_api` payload. An event is tried twice."""
        self._log("to_bot", kind, payload)
        ack = await self._attempt(kind, payload, retry=0)
        if not ack.answered and kind == "events_api":
            ack = await self._attempt(kind, payload, retry=1)
        self._log("from_bot", "ack" if ack.answered else "no ack", asdict(ack), summarizes=kind)
        return ack

    def _log(self, direction: str, kind: str, detail: Json, summarizes: str = "") -> None:
        self._count += 1
        summary = summarizes or detail.get("command") or detail.get("type") or kind
        entry = {"id": f"D{self._count}", "time": int(self._now() * 1000), "direction": direction}
        self.log.append({**entry, "kind": kind, "summary": summary, "detail": detail})

    async def _attempt(self, kind: str, payload: Json, *, retry: int) -> Ack:
        if self.request_url is None:
            answered, answer = await self._sockets.deliver(kind, payload, retry=retry)
            return Ack(answered=answered, payload=answer)
        headers = {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": "http_timeout"} if retry else {}
        return await self.post(self.request_url, kind, payload, headers=headers)

    async def post(
        self,
        url: str,
        kind: str,
        payload: Json,
        *,
        secret: str | None = None,
        timestamp: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Ack:
        """Send one signed request as Slack would; a wrong ``secret`` or old ``timestamp`` is sent as given."""
        body, content_type = _encode(kind, payload)
        stamp = timestamp if timestamp is not None else str(int(self._now()))
        signed = signed_headers(secret or self._secret, stamp, body, content_type) | (headers or {})
        try:
            async with (
                asyncio.timeout(ACK_SECONDS),
                self._session.post(url, data=body.encode(), headers=signed) as response,
            ):
                text = await response.text()
                return Ack(answered=response.status < 300, payload=_decode(text), status=response.status)
        except (TimeoutError, aiohttp.ClientError):
            return Ack(answered=False)


def _encode(kind: str, payload: Json) -> tuple[str, str]:
    if kind == "events_api":
        return json.dumps(payload), "application/json"
    if kind == "interactive":
        return urlencode({"payload": json.dumps(payload)}), _FORM
    return urlencode(payload), _FORM


def _decode(text: str) -> Json | None:
    """An acknowledgement's body: an object, a plain text for the person, or nothing."""
    try:
        value: Any = json.loads(text)
    except ValueError:
        return {"text": text} if text.strip() else None
    return value if isinstance(value, dict) else None
