"""Health now, and the digest of every morning."""

from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

from bot.components.core import CoreComponents
from bot.components.family import BackgroundTask, Family, FamilyComponents, NotifyOutbox
from bot.views import digest as views
from bot.views.render import timeless
from commands.digest import digest, health
from commands.digest.fields import FIELDS
from domain.answers.digest import DigestAnswer, DigestsAnswer
from domain.answers.health import HealthAnswer
from domain.catalogue.catalogue import Catalogue
from domain.digest.digest import Digest
from domain.digest.trends import DigestChart
from runbooks.digest.checks import HouseChecks
from runbooks.digest.composing import DigestComposer
from runbooks.digest.measuring import HealthReader
from runbooks.digest.night import HouseNight
from runbooks.digest.schedule import DigestSchedule
from runbooks.digest.today import TodayReader
from runbooks.housekeeping import Prune
from runbooks.periodic import run_periodically
from runbooks.queued_timers import QueuedTimers
from storage.digest import DIGEST as DIGEST_KIND
from storage.digest import DIGEST_CHART, DIGEST_TIMER, DigestRepository
from storage.outbox import OutboxRow
from storage.store import Transaction

PLAN_INTERVAL = timedelta(seconds=30)
"""How soon after a reload of the catalogue its digests are planned."""


def build_digest(core: CoreComponents, notify_outbox: NotifyOutbox) -> FamilyComponents:
    """What measures, composes and plans."""
    store, clock, current = core.store, core.clock, core.current_catalogue
    checks = HouseChecks(store=store, clock=clock, catalogue=current, clusters=core.clusters)
    reader = HealthReader(core.health, clock)
    composer = DigestComposer(store=store, reader=reader, today=TodayReader(store=store, catalogue=current))
    schedule = DigestSchedule(store=store, clock=clock, catalogue=current, composer=composer, notify_outbox=notify_outbox)

    due = QueuedTimers("digest", core.clock, schedule.work)

    def plan() -> Coroutine[Any, Any, Any]:
        return run_periodically("digests", PLAN_INTERVAL, schedule.plan)

    return FamilyComponents(
        services={HealthReader: reader, DigestComposer: composer},
        health_checks=checks.all(),
        night_sources=HouseNight(store=store, catalogue=current).all(),
        on_delivered=_mark_delivered,
        tasks=(BackgroundTask("digests", plan), BackgroundTask("digests that are due", due.run)),
        timer_handlers={DIGEST_TIMER: due.submit},
    )


async def _mark_delivered(tx: Transaction, row: OutboxRow, _at: datetime) -> None:
    if row.kind == DIGEST_KIND.name:
        await tx.of(DigestRepository).mark_delivered(DIGEST_KIND.load(row.fact))


def _channel_of_environment(fact: Digest | DigestChart, catalogue: Catalogue, _unusable: str) -> str:
    known = catalogue.environments.get(fact.environment)
    return known.channel if known else ""


DIGEST = Family(
    name="digest",
    routers=(health.router, digest.router),
    form_fields=FIELDS,
    fact_kinds=(DIGEST_KIND, DIGEST_CHART),
    views={
        HealthAnswer: timeless(views.health),
        DigestAnswer: timeless(views.digest_answer),
        DigestsAnswer: timeless(views.digests),
        Digest: timeless(views.digest),
        DigestChart: timeless(views.chart),
    },
    home_sections=(digest.home_section,),
    buttons={views.LEFT: views.left_command},
    fallback_channels={Digest: _channel_of_environment, DigestChart: _channel_of_environment},
    prunes=(Prune(lambda kept: kept.incidents, lambda tx, before: tx.of(DigestRepository).prune(before)),),
    build=build_digest,
)
