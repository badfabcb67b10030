"""What the bot could not take, Alertmanager brings again by itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.web.alertmanager import ALERTS_PATH, AlertmanagerWebhook
from bot.web.server import HttpServer
from domain.clock import SystemClock
from domain.errors import TemporaryError
from domain.inbound import InboundMessage
from runbooks.alerts.intake import NotificationProcessor
from sandbox.monitoring import alertmanager_config, running_alertmanager
from storage.engines import open_engines
from storage.inbox import InboxWriter
from storage.migrate import migrate
from storage.store import Store
from tests.harness.alert_pipeline import TOKEN, WAIT_TIMEOUT, post_alerts, prometheus_alert
from tests.harness.ports import free_ports
from tests.harness.samples.team import team_catalogue


class UnavailableInbox:
    """A database that does not take the first ``times``."""

    def __init__(self, writer: InboxWriter, times: int) -> None:
        self._writer, self.times = writer, times

    async def put(self, delivery: InboundMessage) -> bool:
        if self.times > 0:
            self.times -= 1
            raise TemporaryError("The database is away. Nothing was kept.")
        return await self._writer.put(delivery)


@asynccontextmanager
async def open_webhook_endpoint(folder: Path, *, away: int) -> AsyncIterator[tuple[str, HttpServer, AlertmanagerWebhook, Store]]:
    url = f"sqlite:///{folder / 'deepecho.sqlite'}"
    await migrate(url)
    store, catalogue = Store(open_engines(url, pooled=False)), team_catalogue(alerts={"default": {"channel": "C0ALERTS"}})
    writer = InboxWriter(store.engines.write)
    intake = NotificationProcessor(store, SystemClock(), lambda: catalogue, lambda: None)
    http, alerts = (
        HttpServer("127.0.0.1", 0),
        AlertmanagerWebhook({"": TOKEN}, UnavailableInbox(writer, away), intake, SystemClock(), lambda: catalogue.alerts),
    )
    http.reserve(ALERTS_PATH)
    try:
        yield f"http://127.0.0.1:{await http.open()}{ALERTS_PATH}", http, alerts, store
    finally:
        await http.close()
        writer.close()
        await store.close()


async def test_a_notification_that_was_answered_503_comes_again(tmp_path: Path) -> None:
    """Its database is away for a moment."""
    async with open_webhook_endpoint(tmp_path, away=2) as (address, http, alerts, store):
        config = alertmanager_config(address, TOKEN)
        async with running_alertmanager(tmp_path / "alertmanager", free_ports(), config) as alertmanager:
            await post_alerts([alertmanager.url], [prometheus_alert("HighErrorRate", service="deep-echo-main")])
            http.enable(alerts.serve, ALERTS_PATH)
            async with asyncio.timeout(WAIT_TIMEOUT):
                while not alerts.stored:
                    await asyncio.sleep(0.1)

    assert alerts.overloaded == 2
    async with store.read() as tx:
        (kept,) = await tx.inbox.notifications(limit=10)
    assert "HighErrorRate" in kept.body
