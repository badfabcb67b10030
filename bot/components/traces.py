"""Traces: what Jaeger is asked for people."""

from bot.components.core import CoreComponents
from bot.components.family import Family, FamilyComponents, NotifyOutbox
from bot.connections.jaeger import JaegerServers
from bot.views import traces as views
from bot.views.render import timeless
from commands.traces import traces
from commands.traces.fields import FIELDS
from domain.answers.traces import TraceAnswer, TraceComparison, TracesAnswer
from domain.traces.picture import TracePicture
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
    return FamilyComponents(services={TraceReader: reader, TraceViewer: viewer}, close=servers.close)


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
    build=build_traces,
)
