"""One story, told to a bot that dies at some point and is started again, and everything that is true at its end."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from domain.audit import first_broken
from domain.operations.operation import OperationRecord
from sandbox.catalogue import catalogue
from sandbox.cluster import CONTEXTS, FAST, StandInCluster
from sandbox.cluster.resources import DEPLOYMENTS
from sandbox.slack import RunningSlack
from sandbox.slack.message_views import SeenMessage
from storage.engines import open_engines
from storage.store import Store

FASTER = 20.0
"""Waits between messages, and a replica's lease, are this much shorter than in life."""
PATIENCE = 120.0
MAIN = "deep-echo-main"


@dataclass(frozen=True, slots=True)
class Scenario:
    """What ana types, and whether mia has to approve it."""

    name: str
    command: str
    approved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What a person sees at the end, and what stands in the cluster and in the database."""

    state: str
    outcome: str
    stands: tuple[str, ...]
    revision: int
    image: str
    replicas: int
    cards: int
    replies: tuple[str, ...]
    locks: int
    unsettled: int
    chain: str
    audit: tuple[str, ...]


@dataclass
class Stage:
    """A local Slack, a cluster and a database, which outlive the bot."""

    slack: RunningSlack
    stand_in: StandInCluster
    folder: Path
    database: str
    store: Store
    channel: str = "production"
    bots: list[asyncio.subprocess.Process] = field(default_factory=list)

    @property
    def trace(self) -> Path:
        return self.folder / "trace"

    def prepare(self) -> None:
        """The catalogue that the bot reads, and the kubeconfig that it names."""
        kubeconfig = self.stand_in.kubeconfig(self.folder / "kubeconfig", context="production")
        data = catalogue(str(kubeconfig), {name: name for name in CONTEXTS})
        (self.folder / "deepecho.yaml").write_text(yaml.safe_dump(data))
        self.trace.touch()

    async def start_bot(self, die_at: str = "", **more: str) -> asyncio.subprocess.Process:
        """A bot as a process of its own. Returns at once. ``more`` are further settings of the child."""
        environment = {
            **os.environ,
            "DEEPECHO_SLACK__BOT_TOKEN": self.slack.bot_token,
            "DEEPECHO_SLACK__APP_TOKEN": self.slack.app_token,
            "DEEPECHO_SLACK__API_URL": self.slack.api_url,
            "DEEPECHO_CATALOGUE": str(self.folder / "deepecho.yaml"),
            "DEEPECHO_DATABASE_URL": self.database,
            "DEEPECHO_DATA_DIR": str(self.folder),
            "DEEPECHO_HTTP__PORT": "0",
            "DEEPECHO_TEST_TRACE": str(self.trace),
            "DEEPECHO_TEST_FASTER": str(FASTER),
            "DEEPECHO_TEST_DIE_AT": die_at,
            **more,
        }
        with (self.folder / "bot.log").open("ab") as log:
            bot = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.harness.crash_bot", env=environment, stdout=log, stderr=log
            )
        self.bots.append(bot)
        return bot

    async def stop_bots(self) -> None:
        """SIGKILL to whoever lives: the story is told, and a clean stop is tested elsewhere."""
        for bot in self.bots:
            if bot.returncode is None:
                bot.kill()
        async with asyncio.timeout(10):
            await asyncio.gather(*(bot.wait() for bot in self.bots))

    def main(self) -> dict[str, Any]:
        """Production's deep-echo-main as the cluster has it."""
        found = self.stand_in.store.find(DEPLOYMENTS, (CONTEXTS["production"], MAIN))
        assert found is not None
        return found

    async def record(self) -> OperationRecord | None:
        """The one operation, once there is one."""
        async with self.store.read() as tx:
            found = await tx.operations.recent()
        assert len(found) <= 1, "one command made two operations"
        return found[0] if found else None

    async def card(self) -> SeenMessage | None:
        """The operation's card, as it is in the channel now."""
        cards = await self.slack.client.messages(self.channel)
        return cards[0] if cards else None

    async def ending(self) -> Ending:
        """Everything that a crash must not have changed."""
        cards = await self.slack.client.messages(self.channel)
        replies = await self.slack.client.thread(self.channel, cards[0].ts)
        deployment = self.main()
        async with self.store.read() as tx:
            (record,) = await tx.operations.recent()
            counts = await tx.outbox.counts()
            locks = await tx.locks.all(record.requested_at)
            log = [each async for each in tx.audit.walk()]
            broken = first_broken(log, await tx.audit.head())
        template = deployment["spec"]["template"]["spec"]["containers"][0]
        return Ending(
            state=record.state.value,
            outcome=_plain(record.outcome, record.id),
            stands=record.stands,
            revision=int(deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"]),
            image=template["image"],
            replicas=deployment["spec"]["replicas"],
            cards=len(cards),
            replies=tuple(_plain(each.words, record.id) for each in replies),
            locks=len(locks),
            unsettled=sum(number for state, number in counts.items() if state not in ("delivered", "superseded")),
            chain=broken.problem if broken else "",
            audit=tuple(sorted(each.entry.key.replace(record.id, "op") for each in log)),
        )


def _plain(text: str, operation: str) -> str:
    """Without what differs between two runs: ids and times."""
    text = text.replace(operation, "op")
    return re.sub(r"<!date[^>]*>|\(?\d\d:\d\d UTC\)?", "", text)


async def play(stage: Stage, scenario: Scenario, die_at: str = "") -> int:
    """Tell the story to its end; how often the bot died on the way. A dead bot is started again, without a point to die at."""
    await stage.start_bot(die_at)
    await stage.slack.client.wait_for_bot(within=PATIENCE)
    await stage.slack.client.command("ana", scenario.command, channel=stage.channel)
    return await finish(stage, approved=scenario.approved)


async def finish(stage: Stage, *, approved: bool) -> int:
    """Wait until the operation has ended and everything is said. ``approved``: mia approves it on the way."""
    deaths, decided = 0, not approved
    async with asyncio.timeout(PATIENCE):
        while not await _settled(stage):
            if stage.bots[-1].returncode is not None:
                deaths += 1
                await stage.start_bot()
            if not decided:
                decided = await _approve(stage)
            await asyncio.sleep(0.1)
    return deaths


async def _approve(stage: Stage) -> bool:
    card = await stage.card()
    record = await stage.record()
    if card is None or "Approve" not in card.buttons or record is None or record.state.value != "waiting":
        return False
    if not await _connected(stage):
        return False
    answer = await stage.slack.client.press("mia", card, "Approve")
    return bool(answer.get("answered", True))


async def _connected(stage: Stage) -> bool:
    sockets = await stage.slack.client.sockets.status()
    return stage.bots[-1].returncode is None and bool(sockets["connections"])


async def _settled(stage: Stage) -> bool:
    record = await stage.record()
    if record is None or not record.state.final:
        return False
    async with stage.store.read() as tx:
        return await tx.outbox.oldest_unsettled() is None


@asynccontextmanager
async def set_up(slack: RunningSlack, folder: Path, database: str) -> AsyncIterator[Stage]:
    """A fresh cluster, database and channel for one story in a folder with a migrated database; bots are stopped at its end."""
    await slack.client.reset()
    store = Store(open_engines(database))
    async with StandInCluster(pace=FAST) as stand_in:
        stand_in.seed()
        stage = Stage(slack, stand_in, folder, database, store)
        stage.prepare()
        try:
            yield stage
        finally:
            await stage.stop_bots()
            await store.close()
