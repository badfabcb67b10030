"""The parts that carry alerts, made and connected; ``bot.wiring`` opens them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runbooks.alerts.enrichment import Enrichment, EnrichmentSources
from runbooks.alerts.intake import NotificationProcessor
from runbooks.alerts.service import AlertService
from runbooks.alerts.suspect_search import SuspectFinder
from runbooks.alerts.timer_handlers import AlertTimerHandlers
from runbooks.alerts.timers import ENRICH
from runbooks.timers import TimerHandler

if TYPE_CHECKING:
    from bot.components.core import CoreComponents


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertComponents:
    """What takes notifications, looks into groups, and does what people want of them."""

    intake: NotificationProcessor
    enrichment: Enrichment
    alert_service: AlertService
    timer_handlers: Mapping[str, TimerHandler]


def build_alert_components(core: "CoreComponents", notify_outbox: Callable[[], None]) -> AlertComponents:
    """``nudge`` tells the delivery that the outbox has something new."""
    store, clock, current = core.store, core.clock, core.current_catalogue
    intake = NotificationProcessor(store, clock, current, notify_outbox)
    sources = EnrichmentSources(
        catalogue=current,
        clusters=core.clusters,
        prometheus=core.monitoring.prometheus,
        suspect_source=SuspectFinder(store=store, clock=clock, catalogue=current, clusters=core.clusters),
    )
    enrichment = Enrichment(store, clock, sources, notify_outbox)
    timers = AlertTimerHandlers(store=store, catalogue=current, intake=intake, notify_outbox=notify_outbox)
    return AlertComponents(
        intake=intake,
        enrichment=enrichment,
        alert_service=AlertService(
            store=store, clock=clock, catalogue=current, alertmanager=core.monitoring.alertmanager, notify_outbox=notify_outbox
        ),
        timer_handlers={**timers.handlers, ENRICH: enrichment.submit},
    )
