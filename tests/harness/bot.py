"""The whole process on a local Slack and a stand-in cluster, in the test's own loop."""

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from pydantic import SecretStr

from bot.components.core import RuntimeOptions
from bot.components.families import FAMILIES
from bot.components.family import Family
from bot.core.settings import HttpSettings, Settings, SlackSettings
from bot.wiring import Bot, run_bot
from domain.clock import SystemClock
from domain.inbound import InboundKind, InboundMessage
from sandbox.catalogue import catalogue_data
from sandbox.cluster import CONTEXTS, FAST, StandInCluster
from sandbox.slack import LocalSlack, RunningSlack
from storage.inbox import InboxWriter
from storage.outbox import RateLimits
from storage.store import Store

NO_RATE_LIMITS = RateLimits(post_interval=timedelta(), edit_interval=timedelta(), low_priority_interval=timedelta())


class AdvancedSystemClock(SystemClock):
    """The machine's clock plus an offset that tests set."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        return super().now() + self.offset


@dataclass
class BotHarness:
    """What outlives the bot: Slack, the cluster, the database, the catalogue's file."""

    slack: RunningSlack
    stand_in: StandInCluster
    folder: Path
    clock: AdvancedSystemClock = field(default_factory=AdvancedSystemClock)

    @property
    def catalogue(self) -> Path:
        return self.folder / "deepecho.yaml"

    @property
    def database(self) -> str:
        return f"sqlite:///{self.folder / 'deepecho.db'}"

    def settings(self, *, mode: Any = "socket", port: int = 0) -> Settings:
        return Settings(
            slack=SlackSettings(
                bot_token=SecretStr(self.slack.bot_token),
                app_token=SecretStr(self.slack.app_token),
                signing_secret=SecretStr(self.slack.signing_secret),
                api_url=self.slack.api_url,
                mode=mode,
            ),
            database_url=SecretStr(self.database),
            catalogue=self.catalogue,
            http=HttpSettings(port=port),
        )

    def environment(self) -> dict[str, str]:
        """The same settings for a process of its own."""
        return {
            "DEEPECHO_SLACK__BOT_TOKEN": self.slack.bot_token,
            "DEEPECHO_SLACK__APP_TOKEN": self.slack.app_token,
            "DEEPECHO_SLACK__SIGNING_SECRET": self.slack.signing_secret,
            "DEEPECHO_SLACK__API_URL": self.slack.api_url,
            "DEEPECHO_DATABASE_URL": self.database,
            "DEEPECHO_CATALOGUE": str(self.catalogue),
            "DEEPECHO_WEBHOOKS__ALERTMANAGER_TOKEN": "local-alertmanager-token",
            "DEEPECHO_HTTP__PORT": "0",
            "DEEPECHO_LOG__FORMAT": "json",
        }

    @asynccontextmanager
    async def run_bot(
        self,
        *,
        mode: str = "socket",
        connected: bool = True,
        families: Sequence[Family] = FAMILIES,
        rate_limits: RateLimits = NO_RATE_LIMITS,
    ) -> AsyncIterator[Bot]:
        options = RuntimeOptions(clock=self.clock, rate_limits=rate_limits)
        async with run_bot(self.settings(mode=mode), options, families) as bot:
            if mode == "socket" and connected:
                await self.slack.client.wait_for_bot()
            yield bot


@asynccontextmanager
async def open_bot_harness(folder: Path, migrated: Path) -> AsyncIterator[BotHarness]:
    shutil.copy(migrated, folder / "deepecho.db")
    async with LocalSlack() as slack, StandInCluster(pace=FAST) as stand_in:
        stand_in.seed()
        harness = BotHarness(slack, stand_in, folder)
        kubeconfig = stand_in.kubeconfig(folder / "kubeconfig", context="production")
        data = catalogue_data(str(kubeconfig), {name: name for name in CONTEXTS})
        # Its policies lead to the stand-in for PagerDuty, which does not run here.
        data.pop("paging")
        harness.catalogue.write_text(yaml.safe_dump(data))
        yield harness


async def get_endpoint(bot: Bot, path: str) -> tuple[int, Any]:
    """What one of the bot's own addresses answers; JSON where it is JSON."""
    url = f"http://127.0.0.1:{bot.management_port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await (response.json() if "json" in response.content_type else response.text())


async def store_unanswered(
    store: Store, harness: BotHarness, *, key: str, body: str, kind: InboundKind, age: timedelta, claimed_by: str = ""
) -> None:
    """An inbound message that a process stored, and perhaps claimed, before it died."""
    at = harness.clock.now() - age
    await InboxWriter(store.engines.write).put(InboundMessage(key=key, kind=kind, body=body, received_at=at))
    if claimed_by:
        async with store.write() as tx:
            await tx.inbox.claim(key, claimed_by)


async def stored_answer(store: Store, key: str) -> str:
    """The answer of an inbound message; empty where there is none."""
    async with store.engines.read.connect() as connection:
        row = (await connection.exec_driver_sql("SELECT outcome FROM inbox WHERE key = ?", (key,))).one()
    return str(row[0])
