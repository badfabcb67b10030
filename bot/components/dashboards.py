"""Dashboards: links to those of Grafana, and annotations on them."""

from collections.abc import AsyncIterator

from bot.components.core import CoreComponents
from bot.components.family import BackgroundTask, Family, FamilyComponents, NotifyOutbox
from bot.connections.grafana import GrafanaServers
from bot.core.check_result import CheckResult
from bot.core.settings import Settings
from bot.views import dashboards
from bot.views.render import timeless
from bot.web.metrics import MetricSpec
from commands.dashboards import dash
from commands.dashboards.fields import FIELDS
from domain.answers.dashboards import DashboardsAnswer
from domain.catalogue.catalogue import Catalogue
from domain.dashboards.pictures import PanelPicture
from domain.errors import DeepechoError
from domain.health import HealthCheck
from integrations.grafana import open_grafana
from runbooks.dashboards.annotations import AnnotationListeners, AnnotationWriter
from runbooks.dashboards.health import GrafanaHealth
from runbooks.dashboards.pictures import PanelPictures
from runbooks.dashboards.search import DashboardSearch
from runbooks.dashboards.sources import incident_source, operation_source
from runbooks.queued_timers import QueuedTimers
from storage.annotations import ANNOTATE
from storage.dashboard_messages import PANEL_PICTURE


def build_dashboards(core: CoreComponents, notify_outbox: NotifyOutbox) -> FamilyComponents:
    """The search, what asks for annotations, and what writes them."""
    servers = GrafanaServers(core.settings.grafana, core.current_catalogue)
    writer = AnnotationWriter(core.store, core.clock, servers.writer, core.annotation_sources)
    annotations = QueuedTimers("annotations", core.clock, writer.write)
    listeners = AnnotationListeners(core.current_catalogue, servers.writer)
    pictures = PanelPictures(core.store, core.clock, servers.reader, notify_outbox)
    return FamilyComponents(
        services={DashboardSearch: DashboardSearch(core.current_catalogue, servers.reader), PanelPictures: pictures},
        annotation_sources={"op": operation_source(core.current_catalogue), "inc": incident_source},
        on_operation_saved=listeners.on_operation_saved,
        on_incident_saved=listeners.on_incident_saved,
        close=servers.close,
        health_checks=(HealthCheck(name="Grafana", run=GrafanaHealth(core.clock, servers.reader, writer.problem).check),),
        tasks=(BackgroundTask("annotations", annotations.run), BackgroundTask("panel-pictures", pictures.run)),
        timer_handlers={ANNOTATE: annotations.submit},
        metrics=(
            MetricSpec("deepecho_annotations_written", "counter", "Annotations written to Grafana", lambda: writer.written),
            MetricSpec(
                "deepecho_annotations_given_up", "counter", "Annotations that Grafana did not take", lambda: writer.given_up
            ),
        ),
    )


async def check_grafana(settings: Settings, catalogue: Catalogue) -> AsyncIterator[CheckResult]:
    """Whether each Grafana answers, and whether annotations can be written."""
    for name, environment in catalogue.environments.items():
        if not environment.grafana:
            continue
        token = settings.grafana.token_of(name) if settings.grafana else ""
        async with open_grafana(environment.grafana, token) as grafana:
            try:
                version = await grafana.ping()
                await grafana.search("", 1)
            except DeepechoError as error:
                yield CheckResult(f"Grafana of {name}", ok=False, detail=str(error))
                continue
        without = "" if token else "; no token (DEEPECHO_GRAFANA__TOKEN), so no annotations are written"
        yield CheckResult(f"Grafana of {name}", ok=True, detail=f"answers, version {version or 'not told'}{without}")


DASHBOARDS = Family(
    name="dashboards",
    routers=(dash.router,),
    form_fields=FIELDS,
    fact_kinds=(PANEL_PICTURE,),
    views={DashboardsAnswer: timeless(dashboards.dashboards), PanelPicture: timeless(dashboards.picture)},
    checks=(check_grafana,),
    build=build_dashboards,
)
