"""One operation with a bot that is killed at some point and restarted, and the state at its end."""

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

from domain.audit import find_broken_link
from domain.leases.lease import LeaseKind
from domain.operations.operation import OperationRecord
from runbooks.engine.lease import LEASE_LOST_EXIT_CODE
from sandbox.catalogue import catalogue_data
from sandbox.cluster import CONTEXTS, FAST, StandInCluster
from sandbox.cluster.resources import DEPLOYMENTS
from sandbox.slack import RunningSlack
from sandbox.slack.message_views import MessageView
from storage.engines import open_engines
from storage.leases import LeaseRepository
from storage.store import Store

SPEED_UP = 20.0
"""Pauses between messages and a replica's lease are divided by this."""
RUN_TIMEOUT = 120.0
MAIN = "deep-echo-main"


@dataclass(frozen=True, slots=True)
class Scenario:
    """What ana types, whether mia has to approve it, and the leases that stand at its end."""

    name: str
    command: str
    approved: bool = False
    leases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalState:
    """What a person sees at the end, and what stands in the cluster and in the database."""

    state: str
    outcome: str
    end_state: tuple[str, ...]
    revision: int
    image: str
    replicas: int
    cards: int
    replies: tuple[str, ...]
    locks: int
    leases: tuple[str, ...]
    unsettled: int
    chain: str
    audit: tuple[str, ...]


@dataclass
class CrashHarness:
    """A local Slack, a cluster and a database, which outlive the bot."""

    slack: RunningSlack
    stand_in: StandInCluster
    folder: Path
    database: str
    store: Store
    channel: str = "production"
    sections: dict[str, Any] = field(default_factory=dict)
    """Of the catalogue, beside those of the sandbox."""
    bots: list[asyncio.subprocess.Process] = field(default_factory=list)

    @property
    def trace(self) -> Path:
        return self.folder / "trace"

    def prepare(self) -> None:
        """The catalogue that the bot reads, and the kubeconfig that it names."""
        kubeconfig = self.stand_in.kubeconfig(self.folder / "kubeconfig", context="production")
        data = catalogue_data(str(kubeconfig), {name: name for name in CONTEXTS}) | self.sections
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
            "DEEPECHO_TEST_FASTER": str(SPEED_UP),
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
        """Send SIGKILL to all running bots; a clean stop is tested elsewhere."""
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

    async def card(self) -> MessageView | None:
        """The operation's card, as it is in the channel now."""
        cards = await self.slack.client.messages(self.channel)
        return cards[0] if cards else None

    async def final_state(self) -> FinalState:
        """Everything that a crash must not have changed."""
        cards = await self.slack.client.messages(self.channel)
        replies = await self.slack.client.thread(self.channel, cards[0].ts)
        deployment = self.main()
        async with self.store.read() as tx:
            (record,) = await tx.operations.recent()
            counts = await tx.outbox.count_by_state()
            locks = await tx.locks.active(record.requested_at)
            leases = await tx.of(LeaseRepository).of_kind(LeaseKind.SCALE, record.environment)
            log = [each async for each in tx.audit.walk()]
            broken = find_broken_link(log, await tx.audit.head())
        template = deployment["spec"]["template"]["spec"]["containers"][0]
        return FinalState(
            state=record.state.value,
            outcome=_without_ids_and_times(str(record.outcome), record.id),
            end_state=tuple(map(str, record.end_state)),
            revision=int(deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"]),
            image=template["image"],
            replicas=deployment["spec"]["replicas"],
            cards=len(cards),
            replies=tuple(_without_ids_and_times(each.visible_text, record.id) for each in replies),
            locks=len(locks),
            leases=tuple(each.purpose for each in leases),
            unsettled=sum(number for state, number in counts.items() if state not in ("delivered", "superseded")),
            chain=broken.problem if broken else "",
            audit=tuple(sorted(each.entry.key.replace(record.id, "op") for each in log)),
        )


def _without_ids_and_times(text: str, operation: str) -> str:
    """Without what differs between two runs: ids and times."""
    text = text.replace(operation, "op")
    return re.sub(r"<!date[^>]*>|\(?\d\d:\d\d UTC\)?", "", text)


async def run_scenario(harness: CrashHarness, scenario: Scenario, die_at: str = "") -> int:
    """Tell the story to its end; how often the bot died on the way. A dead bot is started again, without a point to die at."""
    await start_connected(harness, die_at)
    await harness.slack.client.command("ana", scenario.command, channel=harness.channel)
    return await wait_finished(harness, approved=scenario.approved, die_at=die_at)


async def start_connected(
    harness: CrashHarness, die_at: str = "", *, connections: int = 1, **more: str
) -> asyncio.subprocess.Process:
    """Start a bot and wait until Slack has this many connections. Returns the process that lives, with its settings as given."""
    await harness.start_bot(die_at, **more)
    async with asyncio.timeout(RUN_TIMEOUT):
        while not await is_connected(harness, connections):
            await _restart_if_lease_lost(harness, die_at, **more)
            await asyncio.sleep(0.1)
    return harness.bots[-1]


async def _restart_if_lease_lost(harness: CrashHarness, die_at: str, **more: str) -> None:
    """A short lease may be lost on a busy machine. That is not the death that was asked for, and a supervisor starts it again."""
    if harness.bots[-1].returncode == LEASE_LOST_EXIT_CODE:
        await harness.start_bot(die_at, **more)


async def wait_finished(harness: CrashHarness, *, approved: bool, die_at: str = "") -> int:
    """Wait until the operation has ended and everything is said. ``approved``: mia approves it on the way."""
    deaths, decided = 0, not approved
    async with asyncio.timeout(RUN_TIMEOUT):
        while not await _settled(harness):
            await _restart_if_lease_lost(harness, "" if deaths else die_at)
            if harness.bots[-1].returncode is not None:
                deaths += 1
                await harness.start_bot()
            if not decided:
                decided = await _approve(harness)
            await asyncio.sleep(0.1)
    return deaths


async def _approve(harness: CrashHarness) -> bool:
    card = await harness.card()
    record = await harness.record()
    if card is None or "Approve" not in card.buttons or record is None or record.state.value != "waiting":
        return False
    if not await is_connected(harness):
        return False
    answer = await harness.slack.client.press("mia", card, "Approve")
    return bool(answer.get("answered", True))


async def is_connected(harness: CrashHarness, connections: int = 1) -> bool:
    sockets = await harness.slack.client.sockets.status()
    return harness.bots[-1].returncode is None and int(sockets["connections"]) >= connections


async def _settled(harness: CrashHarness) -> bool:
    record = await harness.record()
    if record is None or not record.state.final:
        return False
    async with harness.store.read() as tx:
        return await tx.outbox.oldest_unsettled() is None


@asynccontextmanager
async def open_crash_harness(
    slack: RunningSlack, folder: Path, database: str, sections: dict[str, Any] | None = None
) -> AsyncIterator[CrashHarness]:
    """A fresh cluster, database and channel for one story in a folder with a migrated database; bots are stopped at its end."""
    await slack.client.reset()
    store = Store(open_engines(database))
    async with StandInCluster(pace=FAST) as stand_in:
        stand_in.seed()
        harness = CrashHarness(slack, stand_in, folder, database, store, sections=sections or {})
        harness.prepare()
        try:
            yield harness
        finally:
            await harness.stop_bots()
            await store.close()
