"""Traces: what Jaeger is asked for people."""

from bot.components.core import CoreComponents
from bot.components.family import Family, FamilyComponents, NotifyOutbox
from bot.connections.jaeger import JaegerServers
from bot.views import traces as views
from bot.views.render import timeless
from commands.traces import traces
from commands.traces.fields import FIELDS
from domain.answers.traces import TraceAnswer, TraceComparison, TracesAnswer
from runbooks.traces.reading import TraceReader
from runbooks.traces.search import TraceSearch


def build_traces(core: CoreComponents, _notify_outbox: NotifyOutbox) -> FamilyComponents:
    """What reads from Jaeger."""
    servers = JaegerServers(core.current_catalogue)
    search = TraceSearch(catalogue=core.current_catalogue, jaeger=servers.client)
    reader = TraceReader(search=search, jaeger=servers.client)
    return FamilyComponents(services={TraceReader: reader}, close=servers.close)


TRACES = Family(
    name="traces",
    routers=(traces.router,),
    form_fields=FIELDS,
    views={
        TracesAnswer: timeless(views.traces),
        TraceAnswer: timeless(views.trace),
        TraceComparison: timeless(views.comparison),
    },
    build=build_traces,
)
