"""What tells about incidents, one of each kind, for the tables of what people read."""

from domain.incidents.timeline_report import timeline_of
from tests.harness.families import Fact
from tests.harness.samples.incident_story import BAD_DEPLOY, EARLIER, ROLLBACK, SILENCE, closed, minute, rolling_back

_WORKING, _CLOSED = rolling_back(), closed()

REPORT_GALLERY: dict[str, Fact] = {
    "catch-up": _WORKING.catchup(minute(13), BAD_DEPLOY, EARLIER, acts=(SILENCE,)),
    "catch-up of a closed one": _CLOSED.catchup(minute(60), BAD_DEPLOY, ROLLBACK),
    "timeline": timeline_of(_CLOSED.record, _CLOSED.entries, {1: "https://deepecho.slack.com/archives/C0INCIDENT/p1764"}),
    "empty timeline": timeline_of(_WORKING.record, (), {}),
}
