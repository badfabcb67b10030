"""Alertmanager webhook endpoint: authenticate, validate, store, answer 200.

Alertmanager drops a notification after 4xx and retries after 5xx: 4xx is for what will never be valid, 503 for all else.
"""

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus

import structlog
from aiohttp import web

from bot.core.intake import InboundWriter
from bot.web.bodies import OVERLOADED, BodyReader, BodyRefused
from bot.web.metrics import MetricSpec
from domain.catalogue.alerts import AlertsConfig
from domain.clock import Clock
from domain.errors import TemporaryError
from domain.inbound import InboundKind, InboundMessage
from integrations.alertmanager.webhook import InvalidWebhookPayload, external_url_of, notification_key
from runbooks.alerts.intake import NotificationProcessor

ALERTS_PATH = "/webhooks/alertmanager"

MAX_BODY_BYTES = 8 * 1024 * 1024
"""About ten thousand alerts. Alertmanager has no limit of its own unless ``max_alerts`` sets one."""
TOO_LARGE_HINT = "`max_alerts` of the receiver makes it smaller."

MAX_QUEUED_NOTIFICATIONS = 2000
"""Notifications that wait to be applied, about four seconds of work. Alertmanager retries what gets a 503."""

log = structlog.get_logger()

MAX_BYTES_IN_FLIGHT = 4 * MAX_BODY_BYTES
"""Total size of the bodies that are read and stored at the same time: they are in memory."""


class AlertmanagerWebhook:
    """Serves Alertmanager's webhook. ``config``: the catalogue's section ``alerts``; None where it has none.

    ``tokens`` by the name of the source, which is the last part of the path; that of the path without a name is empty.
    """

    def __init__(
        self,
        tokens: Mapping[str, str],
        writer: InboundWriter,
        intake: NotificationProcessor,
        clock: Clock,
        config: Callable[[], AlertsConfig | None],
    ) -> None:
        self._tokens = {webhook_path(source): (source, token.encode()) for source, token in tokens.items()}
        self._writer, self._intake, self._clock, self._config = writer, intake, clock, config
        self._bodies = BodyReader(max_bytes=MAX_BODY_BYTES, max_total=MAX_BYTES_IN_FLIGHT, accepts_gzip=True)
        self.stored = 0
        self.duplicates = 0
        self.refused = 0
        self.overloaded = 0

    @property
    def paths(self) -> tuple[str, ...]:
        """The path of each source."""
        return tuple(self._tokens)

    async def serve(self, request: web.Request) -> web.Response:
        """Handle a notification. Only 200 stores it; 400, 401, 413 and 415 are final; after 503 Alertmanager retries."""
        source, expected = self._tokens.get(request.path, ("", b""))
        token = _credentials(request.headers.get("Authorization", ""))
        if not hmac.compare_digest(token, expected) or not expected:
            self.refused += 1
            return web.Response(status=401, text="The token is missing or wrong.", headers={"WWW-Authenticate": "Bearer"})
        config = self._config()
        if config is None:
            return self._overloaded("The catalogue says nothing of alerts yet.")
        if self._intake.backlog >= MAX_QUEUED_NOTIFICATIONS:
            return self._overloaded(OVERLOADED)
        try:
            async with self._bodies.reading(request) as body:
                return await self._accept(body, config, source)
        except BodyRefused as error:
            return self._body_refused(error)

    def _body_refused(self, error: BodyRefused) -> web.Response:
        # Alertmanager would drop what a slow network delayed, if it were told so with a 4xx.
        if error.status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.REQUEST_TIMEOUT):
            return self._overloaded(str(error))
        hint = f" {TOO_LARGE_HINT}" if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else ""
        return self._reject(error.status, f"{error}{hint}")

    async def _accept(self, body: bytes, config: AlertsConfig, source: str) -> web.Response:
        at = self._clock.now()
        try:
            key = notification_key(body, at, config.deduplicate_seconds)
            if not source and config.sources:
                source = config.source_at(external_url_of(body))
        except InvalidWebhookPayload as error:
            return self._reject(400, str(error))
        try:
            is_new = await self._writer.put(_inbound(key, body, at, source))
        except TemporaryError as error:
            return self._overloaded(str(error))
        log.debug("notification received", inbound=key, is_new=is_new)
        if is_new:
            self.stored += 1
            self._intake.on_stored()
        else:
            self.duplicates += 1
        return web.Response()

    def _reject(self, status: int, reason: str) -> web.Response:
        self.refused += 1
        return web.Response(status=status, text=reason)

    def _overloaded(self, reason: str) -> web.Response:
        self.overloaded += 1
        return web.Response(status=503, text=reason, headers={"Retry-After": "5"})


def webhook_path(source: str) -> str:
    """The path that a source posts to."""
    return f"{ALERTS_PATH}/{source}" if source else ALERTS_PATH


def _inbound(key: str, body: bytes, at: datetime, source: str) -> InboundMessage:
    """What two sources say in the same words is not a repetition."""
    key = f"{key}-{source}" if source else key
    return InboundMessage(key=key, kind=InboundKind.ALERT, body=body.decode(), received_at=at, source=source)


def _credentials(authorization: str) -> bytes:
    """The bearer token, or the password of basic auth, whose user name is ignored."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip().encode(errors="surrogateescape")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials.strip(), validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    return b""


def alert_metrics(intake: NotificationProcessor, webhook: AlertmanagerWebhook | None) -> tuple[MetricSpec, ...]:
    """Metrics of the intake, and of the webhook where it is served."""
    metrics = [
        MetricSpec("deepecho_notifications_applied", "counter", "Notifications of alerts applied", lambda: intake.applied),
        MetricSpec("deepecho_notifications_waiting", "gauge", "Notifications kept and not applied yet", lambda: intake.backlog),
        MetricSpec(
            "deepecho_notifications_set_aside", "counter", "Notifications that cannot be applied", lambda: intake.set_aside
        ),
    ]
    if webhook is not None:
        metrics += [
            MetricSpec("deepecho_notifications_stored", "counter", "Notifications written down", lambda: webhook.stored),
            MetricSpec(
                "deepecho_notifications_duplicate", "counter", "Notifications that had come before", lambda: webhook.duplicates
            ),
            MetricSpec(
                "deepecho_notifications_refused", "counter", "Without a good token, or unreadable", lambda: webhook.refused
            ),
            MetricSpec("deepecho_notifications_overloaded", "counter", "Answered 503, to come again", lambda: webhook.overloaded),
        ]
    return tuple(metrics)
