"""Metrics: what Prometheus is asked for people."""

from bot.components.core import CoreComponents
from bot.components.family import Family, FamilyComponents, NotifyOutbox
from bot.views import metrics as metric_views
from bot.views import monitoring as monitoring_views
from bot.views import slo as views
from bot.views.render import timeless
from commands.metrics import metrics, monitoring, slo
from commands.metrics.fields import FIELDS
from domain.answers.metrics import MetricAnswer
from domain.answers.monitoring import RulesAnswer, TargetsAnswer
from domain.answers.slo import SloAnswer
from domain.metrics.metric_chart import MetricChart
from runbooks.metrics.indicators import IndicatorReader
from runbooks.metrics.monitoring import MonitoringReader
from runbooks.metrics.objectives_check import ObjectivesCheck
from runbooks.metrics.questions import MetricReader
from storage.metric_messages import METRIC_CHART


def build_metrics(core: CoreComponents, _notify_outbox: NotifyOutbox) -> FamilyComponents:
    """What reads from Prometheus."""
    indicators = IndicatorReader(catalogue=core.current_catalogue, prometheus=core.monitoring.prometheus)
    return FamilyComponents(
        services={
            IndicatorReader: indicators,
            MetricReader: MetricReader(store=core.store, prometheus=core.monitoring.prometheus),
            MonitoringReader: MonitoringReader(catalogue=core.current_catalogue, prometheus=core.monitoring.prometheus),
        },
        health_checks=(ObjectivesCheck(reader=indicators, clock=core.clock).check,),
    )


METRICS = Family(
    name="metrics",
    routers=(slo.router, metrics.router, monitoring.router),
    form_fields=FIELDS,
    fact_kinds=(METRIC_CHART,),
    views={
        SloAnswer: timeless(views.slo),
        MetricAnswer: timeless(metric_views.answer),
        MetricChart: timeless(metric_views.chart),
        TargetsAnswer: timeless(monitoring_views.targets),
        RulesAnswer: timeless(monitoring_views.rules),
    },
    build=build_metrics,
)
