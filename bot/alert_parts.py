"""The parts that carry alerts, made and connected; ``bot.wiring`` opens them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runbooks.alert_clocks import AlertClocks
from runbooks.alert_intake import AlertIntake
from runbooks.alert_timers import ENRICH
from runbooks.alerting import Alerts
from runbooks.clocks import Handler
from runbooks.enrichment import Around, Enrichment
from runbooks.suspecting import Suspecting

if TYPE_CHECKING:
    from bot.parts import Ground


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
