"""Metrics: what Prometheus is asked for people."""

from bot.components.core import CoreComponents
from bot.components.family import Family, FamilyComponents, NotifyOutbox
from bot.views import slo as views
from bot.views.render import timeless
from commands.metrics import slo
from domain.answers.slo import SloAnswer
from runbooks.metrics.present import PresentIndicators
from runbooks.metrics.readings import WindowReader
from runbooks.metrics.slo import ObjectivesCheck, SloReader


def build_metrics(core: CoreComponents, _notify_outbox: NotifyOutbox) -> FamilyComponents:
    """What reads from Prometheus."""
    reader = SloReader(catalogue=core.current_catalogue, prometheus=core.monitoring.prometheus)
    check = ObjectivesCheck(reader=reader, clock=core.clock).check
    windows = WindowReader(catalogue=core.current_catalogue, prometheus=core.monitoring.prometheus)
    services = {SloReader: reader, WindowReader: windows, PresentIndicators: PresentIndicators(windows)}
    return FamilyComponents(services=services, health_checks=(check,))


METRICS = Family(name="metrics", routers=(slo.router,), views={SloAnswer: timeless(views.slo)}, build=build_metrics)
