"""Alertmanager's door, opened for a test, and what is behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp

from bot.web.alertmanager import ALERTS, AlertDoor, alert_numbers
from bot.web.server import HttpDoor
from domain.catalogue.catalogue import Catalogue
from domain.inbound import Delivery
from runbooks.alerts.intake import AlertIntake
from storage.engines import open_engines
from storage.inbox import InboxWriter
from storage.store import Store
from tests.harness.fakes.clock import StoppedClock
from tests.harness.samples.notifications import alert, body, notification
from tests.harness.samples.team import alerting_catalogue

TOKEN = "the-webhook-token"
RECORDINGS = sorted((Path(__file__).parents[1] / "recordings").glob("alertmanager_webhook_*.json"))
FIRING = body(notification(alert("a"), alert("b"))).encode()


def recorded(file: Path) -> bytes:
    return file.read_bytes()


@dataclass
class Door:
    """The door as Alertmanager finds it, and what is behind it."""

    url: str
    store: Store
    clock: StoppedClock
    catalogue: Catalogue
    intake: AlertIntake
    door: AlertDoor

    async def post(self, data: Any = FIRING, **headers: str) -> tuple[int, str]:
        sent = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"} | headers
        data = BytesIO(data) if isinstance(data, bytes) else data  # aiohttp warns of long bytes
        async with aiohttp.ClientSession() as session, session.post(self.url, data=data, headers=sent) as response:
            return response.status, await response.text()

    async def kept(self) -> tuple[Delivery, ...]:
        async with self.store.read() as tx:
            return await tx.inbox.notifications(limit=1000)

    def numbers(self) -> dict[str, float]:
        return {each.name.removeprefix("deepecho_notifications_"): each.read() for each in alert_numbers(self.intake, self.door)}


@asynccontextmanager
async def open_door(url: str, *, token: str = TOKEN, writer: InboxWriter | None = None) -> AsyncIterator[Door]:
    store, clock, http = Store(open_engines(url)), StoppedClock(), HttpDoor("127.0.0.1", 0)
    kept_by = writer or InboxWriter(store.engines.write)
    catalogue = alerting_catalogue()
    intake = AlertIntake(store, clock, lambda: opened.catalogue, lambda: None)
    door = AlertDoor(token, kept_by, intake, clock, lambda: opened.catalogue.alerts)
    opened = Door("", store, clock, catalogue, intake, door)
    http.reserve(ALERTS)
    http.let_in(door.serve, ALERTS)
    opened.url = f"http://127.0.0.1:{await http.open()}{ALERTS}"
    try:
        yield opened
    finally:
        await http.close()
        kept_by.close()
        await store.close()
