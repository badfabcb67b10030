"""The deploy guard: watches deploys, and puts the old version back."""

from collections.abc import Sequence
from datetime import datetime

from bot.components.core import CoreComponents
from bot.components.family import BackgroundTask, Family, FamilyComponents, NotifyOutbox
from bot.interactions.buttons import command_with_id
from bot.views import guard as views
from bot.views.render import timeless
from commands.guard import guard
from domain.answers.guard import GuardsAnswer, GuardStopped
from domain.guard.guard import Guard
from domain.guard.notes import GuardChart
from domain.rich_text import Text
from runbooks.guard.listeners import GuardListeners
from runbooks.guard.measuring import GuardReader
from runbooks.guard.putting_back import PutBack
from runbooks.guard.watcher import GuardWatcher
from runbooks.housekeeping import Prune
from runbooks.metrics.indicators import IndicatorReader
from runbooks.operations.planner import Planner
from runbooks.operations.service import OperationService
from runbooks.queued_timers import QueuedTimers
from runbooks.traces.reading import TraceReader
from storage.guard import GUARD_CARD, GUARD_CHART, GUARD_TIMER, GuardRepository


def build_guard(core: CoreComponents, notify_outbox: NotifyOutbox) -> FamilyComponents:
    """What begins guards, measures, and puts back."""
    store, clock, current = core.store, core.clock, core.current_catalogue
    indicators = IndicatorReader(catalogue=current, prometheus=core.monitoring.prometheus)

    async def trace_lines(environment: str, services: Sequence[str], since: datetime, until: datetime) -> tuple[Text, ...]:
        return await core.service(TraceReader).evidence(environment, services, since, until)

    reader = GuardReader(catalogue=current, indicators=indicators, trace_lines=trace_lines)
    putting_back = PutBack(
        store=store,
        catalogue=current,
        planner=Planner(current, core.clusters, store),
        operations=lambda: core.service(OperationService),
    )
    watcher = GuardWatcher(store=store, clock=clock, reader=reader, putting_back=putting_back, notify_outbox=notify_outbox)
    steps = QueuedTimers("deploy guard", clock, watcher.step)
    return FamilyComponents(
        on_operation_saved=GuardListeners(current).on_operation_saved,
        tasks=(BackgroundTask("deploy-guard", steps.run),),
        timer_handlers={GUARD_TIMER: steps.submit},
    )


GUARD = Family(
    name="guard",
    routers=(guard.router,),
    fact_kinds=(GUARD_CARD, GUARD_CHART),
    views={
        Guard: timeless(views.card),
        GuardChart: timeless(views.chart),
        GuardsAnswer: timeless(views.guards),
        GuardStopped: timeless(views.stopped),
    },
    buttons={views.PUT_BACK: command_with_id("guard put-back"), views.STOP: command_with_id("guard stop")},
    home_sections=(guard.watched_deploys,),
    prunes=(Prune(lambda kept: kept.operations, lambda tx, before: tx.of(GuardRepository).prune(before)),),
    build=build_guard,
)
