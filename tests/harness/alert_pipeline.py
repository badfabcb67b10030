"""A bot process beside a local Slack, to which real Alertmanagers post. It restarts when a test kills it."""

import asyncio
import json
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from sandbox.alert_routes import alerts_config
from sandbox.bot import running_bot
from sandbox.catalogue import catalogue_data
from sandbox.cluster import CONTEXTS, FAST, StandInCluster
from sandbox.slack import LocalSlack, RunningSlack
from storage.engines import open_engines
from storage.store import Store
from tests.harness.ports import free_ports

TOKEN = "a-token-for-the-webhook"
WAIT_TIMEOUT = 30.0
STARTED_AT = datetime.now(UTC).isoformat()
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertingHarness:
    """``store`` looks into the bot's database from outside."""

    folder: Path
    slack: RunningSlack
    bot: str
    store: Store

    @property
    def webhook(self) -> str:
        return f"{self.bot}/webhooks/alertmanager"

    async def kill_bot(self) -> None:
        """Kill the bot with SIGKILL, once it is ready."""
        async with asyncio.timeout(WAIT_TIMEOUT), aiohttp.ClientSession() as session:
            while not await self._is_ready(session):
                await asyncio.sleep(0.1)
        os.kill(int((self.folder / "bot.pid").read_text()), signal.SIGKILL)

    async def _is_ready(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.bot}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def notifications_received(self) -> int:
        """Notifications that the bot received since it started, duplicates included."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.bot}/metrics") as answer:
            page = await answer.text()
        names = ("deepecho_notifications_stored_total", "deepecho_notifications_duplicate_total")
        return sum(int(float(line.split()[1])) for line in page.splitlines() if line.startswith(names))

    async def wait_settled(self, within: float = WAIT_TIMEOUT) -> None:
        """Wait until every notification is applied and every message sent."""
        unanswered = "SELECT count(*) FROM inbox WHERE answered_at IS NULL"
        unsent = "SELECT count(*) FROM outbox WHERE settled_at IS NULL"
        await wait_until(lambda: self.query_number(unanswered) + self.query_number(unsent) == 0, within)

    async def wait_until_listed(self, within: float = WAIT_TIMEOUT) -> None:
        """Wait until the bot has found an alert in Alertmanager's list."""
        await wait_until(lambda: self.query_number("SELECT count(*) FROM alertmanagers") > 0, within)

    def query_number(self, statement: str) -> int:
        """One number out of the database."""
        with closing(sqlite3.connect(f"file:{self.folder / 'data' / 'deepecho.sqlite'}?mode=ro", uri=True)) as connection:
            number: int = connection.execute(statement).fetchone()[0]
            return number


@asynccontextmanager
async def open_alerting_harness(folder: Path, *, alertmanager: str = "", **overrides: Any) -> AsyncIterator[AlertingHarness]:
    """``alertmanager`` is the address that the catalogue names, ``changed`` are keys of its ``alerts``."""
    async with LocalSlack() as slack, StandInCluster(pace=FAST) as cluster:
        cluster.seed()
        kubeconfig = cluster.kubeconfig(folder / "kubeconfig", context="production")
        data = catalogue_data(str(kubeconfig), {name: name for name in CONTEXTS}, alertmanager=alertmanager)
        data["alerts"] = alerts_config(with_watchdog=False) | overrides
        (folder / "deepecho.yaml").write_text(yaml.safe_dump(data))
        (folder / "data").mkdir()
        async with running_bot(_environment(slack, folder), free_ports(), folder / "bot.log") as bot:
            store = Store(open_engines(f"sqlite:///{folder / 'data' / 'deepecho.sqlite'}", pooled=False))
            yield AlertingHarness(folder=folder, slack=slack, bot=bot, store=store)


def _environment(slack: RunningSlack, folder: Path) -> Mapping[str, str]:
    return {
        "DEEPECHO_SLACK__BOT_TOKEN": slack.bot_token,
        "DEEPECHO_SLACK__APP_TOKEN": slack.app_token,
        "DEEPECHO_SLACK__API_URL": slack.api_url,
        "DEEPECHO_CATALOGUE": str(folder / "deepecho.yaml"),
        "DEEPECHO_DATA_DIR": str(folder / "data"),
        "DEEPECHO_WEBHOOKS__ALERTMANAGER_TOKEN": TOKEN,
        "DEEPECHO_LOG__FORMAT": "json",
    }


def prometheus_alert(name: str, *, ended: bool = False, **labels: str) -> Json:
    """An alert as Prometheus sends it to Alertmanager: with its beginning, which is the same for all of a pair."""
    body = {
        "labels": {"alertname": name, "environment": "production", **labels},
        "annotations": {"summary": f"{name} is bad"},
        "startsAt": STARTED_AT,
    }
    return body | ({"endsAt": datetime.now(UTC).isoformat()} if ended else {})


async def post_alerts(alertmanagers: Sequence[str], alerts: Sequence[Json]) -> None:
    """To every Alertmanager, as Prometheus does."""
    async with aiohttp.ClientSession() as session:
        for url in alertmanagers:
            for start in range(0, len(alerts), 500):
                body = json.dumps(alerts[start : start + 500])
                headers = {"Content-Type": "application/json"}
                async with session.post(f"{url}/api/v2/alerts", data=body, headers=headers) as answer:
                    assert answer.status == 200, await answer.text()


async def wait_until(condition: Callable[[], bool], within: float = WAIT_TIMEOUT) -> None:
    """Wait for an effect of another process."""
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.1)
