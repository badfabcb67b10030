"""Traces: what Jaeger is asked for people."""

from collections.abc import AsyncIterator

from bot.components.core import CoreComponents
from bot.components.family import Family, FamilyComponents, NotifyOutbox
from bot.connections.jaeger import JaegerServers
from bot.core.check_result import CheckResult
from bot.core.settings import Settings
from bot.views import traces as views
from bot.views.phrases import pluralize
from bot.views.render import timeless
from commands.traces import traces
from commands.traces.fields import FIELDS
from domain.answers.traces import TraceAnswer, TraceComparison, TracesAnswer
from domain.catalogue.catalogue import Catalogue
from domain.errors import DeepechoError
from domain.health import HealthCheck
from domain.traces.picture import TracePicture
from integrations.jaeger import open_jaeger
from runbooks.traces.health import JaegerHealth
from runbooks.traces.pictures import TraceViewer
from runbooks.traces.reading import TraceReader
from runbooks.traces.search import TraceSearch
from storage.trace_messages import TRACE_PICTURE


def build_traces(core: CoreComponents, notify_outbox: NotifyOutbox) -> FamilyComponents:
    """What reads from Jaeger."""
    servers = JaegerServers(core.current_catalogue)
    search = TraceSearch(catalogue=core.current_catalogue, jaeger=servers.client)
    reader = TraceReader(search=search, jaeger=servers.client)
    viewer = TraceViewer(reader=reader, store=core.store, clock=core.clock, notify_outbox=notify_outbox)
    return FamilyComponents(
        services={TraceReader: reader, TraceViewer: viewer},
        health_checks=(HealthCheck(name="Jaeger", run=JaegerHealth(core.clock, servers.client).check),),
        close=servers.close,
    )


async def check_jaeger(_settings: Settings, catalogue: Catalogue) -> AsyncIterator[CheckResult]:
    """Whether each Jaeger answers, and whether it has traces of the catalogue's services."""
    for name, environment in catalogue.environments.items():
        if not environment.jaeger:
            continue
        async with open_jaeger(environment.jaeger) as jaeger:
            try:
                known = await jaeger.services()
            except DeepechoError as error:
                yield CheckResult(f"Jaeger of {name}", ok=False, detail=str(error))
                continue
        missing = ", ".join(each for each in _names(catalogue) if each not in known)
        without = f"; no traces of {missing} (jaeger_service is for a service that has another name there)" if missing else ""
        yield CheckResult(f"Jaeger of {name}", ok=True, detail=f"answers, {pluralize(len(known), 'service')} known{without}")


def _names(catalogue: Catalogue) -> tuple[str, ...]:
    """What the services are called in Jaeger."""
    return tuple(service.jaeger_service or name for name, service in catalogue.services.items())


TRACES = Family(
    name="traces",
    routers=(traces.router,),
    form_fields=FIELDS,
    fact_kinds=(TRACE_PICTURE,),
    views={
        TracesAnswer: timeless(views.traces),
        TraceAnswer: timeless(views.trace),
        TraceComparison: timeless(views.comparison),
        TracePicture: timeless(views.picture),
    },
    checks=(check_jaeger,),
    build=build_traces,
)
