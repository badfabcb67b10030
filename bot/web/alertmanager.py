"""Where Alertmanager posts: who calls is checked, then what they bring, then it is on the disk, then 200.

Alertmanager drops what gets a 4xx and tries again after a 5xx: 4xx is for what will never be right, 503 for everything else.
"""

import base64
import binascii
import hmac
from collections.abc import Callable

from aiohttp import web

from bot.core.intake import Writer
from bot.web.metrics import Number
from domain.catalogue.alerts import AlertsEntry
from domain.clock import Clock
from domain.errors import TemporaryError
from domain.inbound import Delivery, DeliveryKind
from integrations.alertmanager.webhook import UnreadablePayload, checked_key
from runbooks.alerts.intake import AlertIntake

ALERTS = "/webhooks/alertmanager"

LARGEST_BODY = 8 * 1024 * 1024
"""Some ten thousand alerts. Alertmanager has no limit of its own unless ``max_alerts`` sets one."""
TOO_LARGE = f"The body is larger than {LARGEST_BODY // 1024 // 1024} MiB. `max_alerts` of the receiver makes it smaller."

MOST_WAITING = 2000
"""Notifications that wait to be applied, some four seconds' work. Alertmanager keeps what we refuse, and comes again."""

MOST_BYTES = 8 * LARGEST_BODY
"""Of bodies that are being read and written at once: they are held in memory."""


class AlertDoor:
    """Alertmanager's address. ``entry`` is the catalogue's, None while it says nothing of alerts."""

    def __init__(
        self, token: str, writer: Writer, intake: AlertIntake, clock: Clock, entry: Callable[[], AlertsEntry | None]
    ) -> None:
        self._token = token.encode()
        self._writer, self._intake, self._clock, self._entry = writer, intake, clock, entry
        self._held = 0
        self.kept = 0
        self.repeated = 0
        self.refused = 0
        self.turned_away = 0

    async def serve(self, request: web.Request) -> web.Response:
        """401 and 400 keep nothing and will not change; 413 is too large; 503 keeps nothing and may come again."""
        given = _secret(request.headers.get("Authorization", ""))
        if not hmac.compare_digest(given, self._token) or not self._token:
            self.refused += 1
            return web.Response(status=401, text="The token is missing or wrong.", headers={"WWW-Authenticate": "Bearer"})
        entry = self._entry()
        if entry is None:
            return self._busy("The catalogue says nothing of alerts yet.")
        if request.headers.get("Content-Encoding", "identity") != "identity":
            return self._refused(415, "Send the body as it is: Alertmanager never compresses it.")
        # Who does not say how much is coming may bring the most that is taken.
        length = LARGEST_BODY if request.content_length is None else request.content_length
        if length > LARGEST_BODY:
            return self._refused(413, TOO_LARGE)
        if self._intake.backlog >= MOST_WAITING or self._held + length > MOST_BYTES:
            return self._busy("Too much is waiting already. Nothing was kept.")
        self._held += length
        try:
            body = await _body(request)
            return self._refused(413, TOO_LARGE) if body is None else await self._take(body, entry)
        finally:
            self._held -= length

    async def _take(self, body: bytes, entry: AlertsEntry) -> web.Response:
        at = self._clock.now()
        try:
            key = checked_key(body, at, entry.repeat_seconds)
        except UnreadablePayload as error:
            return self._refused(400, str(error))
        try:
            is_new = await self._writer.put(Delivery(key=key, kind=DeliveryKind.ALERT, body=body.decode(), received_at=at))
        except TemporaryError as error:
            return self._busy(str(error))
        if is_new:
            self.kept += 1
            self._intake.kept()
        else:
            self.repeated += 1
        return web.Response()

    def _refused(self, status: int, why: str) -> web.Response:
        self.refused += 1
        return web.Response(status=status, text=why)

    def _busy(self, why: str) -> web.Response:
        self.turned_away += 1
        return web.Response(status=503, text=why, headers={"Retry-After": "5"})


async def _body(request: web.Request) -> bytes | None:
    """The body; None where it is too large. The limit of the application is Slack's, and smaller."""
    body = bytearray()
    while part := await request.content.readany():
        body += part
        if len(body) > LARGEST_BODY:
            return None
    return bytes(body)


def _secret(authorization: str) -> bytes:
    """The token of a bearer, or the password of basic auth, whose user's name says nothing."""
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return given.strip().encode(errors="surrogateescape")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(given.strip(), validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    return b""


def alert_numbers(intake: AlertIntake, door: AlertDoor | None) -> tuple[Number, ...]:
    """What Prometheus is told of it."""
    numbers = [
        Number("deepecho_notifications_applied", "counter", "Notifications of alerts applied", lambda: intake.applied),
        Number("deepecho_notifications_waiting", "gauge", "Notifications kept and not applied yet", lambda: intake.backlog),
        Number("deepecho_notifications_set_aside", "counter", "Notifications that cannot be applied", lambda: intake.set_aside),
    ]
    if door is not None:
        numbers += [
            Number("deepecho_notifications_kept", "counter", "Notifications written down", lambda: door.kept),
            Number("deepecho_notifications_repeated", "counter", "Notifications that had come before", lambda: door.repeated),
            Number("deepecho_notifications_refused", "counter", "Without a good token, or unreadable", lambda: door.refused),
            Number("deepecho_notifications_turned_away", "counter", "Answered 503, to come again", lambda: door.turned_away),
        ]
    return tuple(numbers)
