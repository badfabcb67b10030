"""Alertmanager's webhook with its intake, for tests."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp

from bot.web.alertmanager import ALERTS_PATH, AlertmanagerWebhook, alert_metrics
from bot.web.limits import HttpLimits
from bot.web.server import HttpServer
from domain.catalogue.catalogue import Catalogue
from domain.inbound import InboundMessage
from runbooks.alerts.intake import NotificationProcessor
from storage.engines import open_engines
from storage.inbox import InboxWriter
from storage.store import Store
from tests.harness.fakes.clock import StoppedClock
from tests.harness.samples.notifications import alert, notification, webhook_body
from tests.harness.samples.team import alerting_catalogue

TOKEN = "the-webhook-token"
RECORDINGS = sorted((Path(__file__).parents[1] / "recordings").glob("alertmanager_webhook_*.json"))
FIRING = webhook_body(notification(alert("a"), alert("b"))).encode()


def recorded(file: Path) -> bytes:
    return file.read_bytes()


@dataclass
class WebhookHarness:
    """The webhook as Alertmanager calls it, and the intake behind it."""

    url: str
    store: Store
    clock: StoppedClock
    catalogue: Catalogue
    intake: NotificationProcessor
    webhook: AlertmanagerWebhook

    async def post(self, data: Any = FIRING, *, source: str = "", **headers: str) -> tuple[int, str]:
        sent = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"} | headers
        url = f"{self.url}/{source}" if source else self.url
        data = BytesIO(data) if isinstance(data, bytes) else data  # aiohttp warns of long bytes
        async with aiohttp.ClientSession() as session, session.post(url, data=data, headers=sent) as response:
            return response.status, await response.text()

    async def stored(self) -> tuple[InboundMessage, ...]:
        async with self.store.read() as tx:
            return await tx.inbox.notifications(limit=1000)

    def metrics(self) -> dict[str, float]:
        return {
            each.name.removeprefix("deepecho_notifications_"): each.read() for each in alert_metrics(self.intake, self.webhook)
        }


@asynccontextmanager
async def open_webhook(
    url: str,
    *,
    token: str = TOKEN,
    tokens: Mapping[str, str] | None = None,
    writer: InboxWriter | None = None,
    limits: HttpLimits | None = None,
) -> AsyncIterator[WebhookHarness]:
    """``tokens`` are those of named sources."""
    store, clock, http = Store(open_engines(url)), StoppedClock(), HttpServer("127.0.0.1", 0, limits)
    inbox_writer = writer or InboxWriter(store.engines.write)
    catalogue = alerting_catalogue()
    intake = NotificationProcessor(store, clock, lambda: opened.catalogue, lambda: None)
    webhook = AlertmanagerWebhook({"": token, **(tokens or {})}, inbox_writer, intake, clock, lambda: opened.catalogue.alerts)
    opened = WebhookHarness("", store, clock, catalogue, intake, webhook)
    http.reserve(*webhook.paths)
    http.enable(webhook.serve, *webhook.paths)
    opened.url = f"http://127.0.0.1:{await http.open()}{ALERTS_PATH}"
    try:
        yield opened
    finally:
        await http.close()
        inbox_writer.close()
        await store.close()
