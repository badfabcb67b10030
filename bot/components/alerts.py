"""The parts that carry alerts, made and connected; ``bot.wiring`` opens them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runbooks.alerts.enrichment import Around, Enrichment
from runbooks.alerts.intake import AlertIntake
from runbooks.alerts.service import Alerts
from runbooks.alerts.suspect_search import Suspecting
from runbooks.alerts.timer_handlers import AlertClocks
from runbooks.alerts.timers import ENRICH
from runbooks.timers import Handler

if TYPE_CHECKING:
    from bot.components.core import Ground


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertWorks:
    """What takes notifications, looks into groups, and does what people want of them."""

    intake: AlertIntake
    enrichment: Enrichment
    alerts: Alerts
    handlers: Mapping[str, Handler]


def build_alert_works(ground: "Ground", nudge: Callable[[], None]) -> AlertWorks:
    """``nudge`` tells the delivery that the outbox has something new."""
    store, clock, current = ground.store, ground.clock, ground.current
    intake = AlertIntake(store, clock, current, nudge)
    around = Around(
        catalogue=current,
        clusters=ground.clusters,
        prometheus=ground.monitors.prometheus,
        suspecting=Suspecting(store=store, clock=clock, catalogue=current, clusters=ground.clusters),
    )
    enrichment = Enrichment(store, clock, around, nudge)
    clocks = AlertClocks(store=store, catalogue=current, intake=intake, nudge=nudge)
    return AlertWorks(
        intake=intake,
        enrichment=enrichment,
        alerts=Alerts(store=store, clock=clock, catalogue=current, alertmanager=ground.monitors.alertmanager, nudge=nudge),
        handlers={**clocks.handlers, ENRICH: enrichment.submit},
    )
