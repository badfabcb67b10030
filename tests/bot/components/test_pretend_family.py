"""A family from outside the house, in this one file: everything in the house finds it, and no other file names it."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import aiohttp
from aiohttp import web

from bot.check import checks
from bot.components.core import CoreComponents
from bot.components.families import FAMILIES
from bot.components.family import Family, FamilyComponents, NotifyOutbox, Webhook
from bot.core.check_result import CheckResult
from bot.core.settings import Settings
from bot.interactions.buttons import command_with_id
from bot.views.markup.document import Actions, Button, Document, Header, Paragraph
from bot.views.markup.spans import line
from bot.views.render import timeless
from bot.web.metrics import MetricSpec
from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from domain.answers.answers import TextAnswer
from domain.audit import new_entry
from domain.catalogue.catalogue import Catalogue
from domain.facts import Answer
from domain.people import Role
from runbooks.housekeeping import Prune
from storage.outbox_messages import FactKind, OutboxMessage, Urgency, card_key
from storage.store import Transaction
from storage.timers import Timer
from tests.harness.bot import BotHarness, get_endpoint
from tests.harness.wait import wait_until

BACKUP = "bk-1"
BACK_UP_AGAIN = "backup.again"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupCard:
    environment: str
    channel: str
    done: bool = False


@dataclass(frozen=True, slots=True)
class BackupsOnHome(Answer):
    text: str


CARD = FactKind("backup-card", 1, BackupCard)


class Backups:
    """What the family keeps while it runs."""

    def __init__(self, core: CoreComponents, notify_outbox: NotifyOutbox) -> None:
        self._core, self._notify_outbox = core, notify_outbox
        self.started = 0
        self.reported = ""

    async def start(self, request: Request, environment: str) -> None:
        self.started += 1
        card = BackupCard(environment=environment, channel=request.channel)
        entry = new_entry(
            key=f"{request.key}/backup",
            at=request.at,
            who=request.person,
            what="backup",
            environment=environment,
            outcome=f"{BACKUP}: started",
        )
        async with self._core.store.write() as tx:
            await tx.outbox.put(message(card), at=request.at)
            await tx.timers.set(
                Timer(f"backup-end/{environment}", "backup-end", json.dumps([environment, request.channel]), request.at)
            )
            await tx.audit.append(entry)
        self._notify_outbox()

    async def end(self, timer: Timer, at: datetime) -> None:
        environment, channel = json.loads(timer.subject)
        async with self._core.store.write() as tx:
            await tx.outbox.put(message(BackupCard(environment=environment, channel=channel, done=True)), at=at)
            await tx.timers.remove(timer.key, timer.due_at)
        self._notify_outbox()

    async def serve(self, request: web.Request) -> web.Response:
        self.reported = await request.text()
        return web.Response(text="taken")


def message(card: BackupCard) -> OutboxMessage:
    return OutboxMessage(
        key=card_key(BACKUP),
        stream=BACKUP,
        parent="",
        channel=card.channel,
        urgency=Urgency.OPERATION,
        kind=CARD,
        fact=card,
        card=True,
    )


router = Router()


@router.command("backup", needs=Role.RESPONDER, usage="<env>", example="backup production", group="Backups")
async def backup_command(request: Request, args: Arguments) -> Answer:
    """Back up an environment."""
    await request.services.of(Backups).start(request, args.environment)
    return TextAnswer(f"The backup of {args.environment} is under way.")


def draw_card(card: BackupCard) -> Document:
    state = "is done" if card.done else "is under way"
    again = Button(text="Again", action=BACK_UP_AGAIN, value=card.environment)
    return Document(
        summary=line(f"Backup of {card.environment}"),
        blocks=(Header("Backup"), Paragraph((line(f"The backup of {card.environment} {state}."),)), Actions((again,))),
    )


def draw_home(fact: BackupsOnHome) -> Document:
    return Document(summary=line(fact.text), blocks=(Paragraph((line(fact.text),)),))


async def on_home(request: Request) -> Answer:
    return BackupsOnHome(f"Backups started: {request.services.of(Backups).started}")


async def check_backups(_settings: Settings, catalogue: Catalogue) -> AsyncIterator[CheckResult]:
    yield CheckResult("backups", ok=True, detail=f"of {len(catalogue.environments)} environments")


def backups(pruned: list[datetime]) -> Family:
    async def prune(_tx: Transaction, before: datetime) -> int:
        pruned.append(before)
        return 0

    def build(core: CoreComponents, notify_outbox: NotifyOutbox) -> FamilyComponents:
        service = Backups(core, notify_outbox)
        return FamilyComponents(
            services={Backups: service},
            timer_handlers={"backup-end": service.end},
            webhooks=(Webhook("/webhooks/backups", service.serve),),
            metrics=(MetricSpec("deepecho_backups_started", "counter", "Backups started", lambda: service.started),),
        )

    return Family(
        name="backups",
        routers=(router,),
        id_prefix="bk",
        fact_kinds=(CARD,),
        views={BackupCard: timeless(draw_card), BackupsOnHome: timeless(draw_home)},
        buttons={BACK_UP_AGAIN: command_with_id("backup")},
        home_sections=(on_home,),
        prunes=(Prune(lambda kept: kept.operations, prune),),
        checks=(check_backups,),
        build=build,
    )


async def test_everything_finds_a_family_that_one_file_adds(harness: BotHarness) -> None:
    pruned: list[datetime] = []
    families = (*FAMILIES, backups(pruned))
    async with harness.run_bot(families=families) as bot:
        people = harness.slack.client

        await people.command("sam", "backup staging", channel="ops")
        await people.wait_for_ephemeral("sam", "The backup of staging is under way.")
        card = await people.wait_for_message(lambda m: "The backup of staging is done." in m.visible_text, channel="ops")

        await people.press("sam", card, "Again")
        await wait_until(lambda: bot.service(Backups).started == 2)

        await people.command("sam", "help backup", channel="ops")
        await people.wait_for_ephemeral("sam", "Back up an environment.")
        await people.command("ivo", "backup staging", channel="ops")
        await people.wait_for_ephemeral("ivo", "responder")
        for text in ("audit backup", f"audit {BACKUP}"):
            await people.command("sam", text, channel="ops")
            await people.wait_for_ephemeral("sam", f"{BACKUP}: started")

        await people.open_home("sam")
        await people.wait_for_home("sam", lambda view: "Backups started: 2" in json.dumps(view.raw))

        status, page = await get_endpoint(bot, "/metrics")
        assert (status, "deepecho_backups_started_total 2.0" in page) == (200, True)
        url = f"http://127.0.0.1:{bot.port}/webhooks/backups"
        async with aiohttp.ClientSession() as session, session.post(url, data="done") as response:
            assert (response.status, await response.text()) == (200, "taken")
        assert bot.service(Backups).reported == "done"
        await wait_until(lambda: pruned != [])
        assert harness.clock.now() - pruned[0] > timedelta(days=1)

        # While it runs: closing the engine ends the loop's threads, which a look-up of names needs.
        lines = [check async for check in checks(harness.settings(), families)]
        assert [check.detail for check in lines if check.name == "backups"] == ["of 3 environments"]
