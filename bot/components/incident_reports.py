"""What tells about incidents: catch-ups, timelines, post-mortems and statistics."""

from collections.abc import Mapping

from bot.components.core import CoreComponents
from bot.components.family import NotifyOutbox
from bot.views import incident_catchup, incident_statistics, incident_timeline
from bot.views.render import View, timeless
from domain.incidents.catchup import Catchup
from domain.incidents.statistics import IncidentStatistics
from domain.incidents.timeline_report import IncidentTimeline
from runbooks.incidents.catchup import CatchupService
from runbooks.incidents.postmortem import PostmortemService
from runbooks.incidents.saving import IncidentSaver
from runbooks.incidents.statistics import StatisticsService
from runbooks.incidents.timeline import TimelineService
from storage.incident_messages import INCIDENT_CATCHUP, INCIDENT_STATISTICS

REPORT_KINDS = (INCIDENT_CATCHUP, INCIDENT_STATISTICS)
REPORT_VIEWS: Mapping[type, View] = {
    Catchup: timeless(incident_catchup.catchup),
    IncidentTimeline: timeless(incident_timeline.timeline),
    IncidentStatistics: timeless(incident_statistics.statistics),
}


def report_services(
    core: CoreComponents, saver: IncidentSaver, notify_outbox: NotifyOutbox
) -> tuple[CatchupService, TimelineService, PostmortemService, StatisticsService]:
    """The services behind the commands."""
    catchup = CatchupService(
        store=core.store, clock=core.clock, saver=saver, directory=core.directory, notify_outbox=notify_outbox
    )
    timeline = TimelineService(store=core.store, clock=core.clock, directory=core.directory, notify_outbox=notify_outbox)
    postmortem = PostmortemService(store=core.store, clock=core.clock, directory=core.directory, notify_outbox=notify_outbox)
    statistics = StatisticsService(
        store=core.store, clock=core.clock, catalogue=core.current_catalogue, notify_outbox=notify_outbox
    )
    return catchup, timeline, postmortem, statistics
