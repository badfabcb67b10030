"""The sandbox's story as an incident, made by the domain's own transitions: bad deploy, alert, page, rollback, end."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from domain.alerts.alerts import AlertGroup, AlertNote, GroupState
from domain.audit import AuditEntry
from domain.catalogue.incidents import IncidentTimings
from domain.incidents.catchup import Catchup, catchup_of
from domain.incidents.changes import IncidentChange, change
from domain.incidents.clocks import upcoming
from domain.incidents.evidence import IncidentEvidence, names_of
from domain.incidents.incident import Incident, IncidentRole, LinkedOperation, Participant
from domain.incidents.linking import apply_alert, incident_from
from domain.incidents.tasks import add_task, finish_task
from domain.incidents.timeline import EntryKind, TimelineEntry
from domain.incidents.transitions import (
    acknowledge,
    declare,
    end_watch,
    mitigate,
    post_update,
    resolve,
    set_role,
)
from domain.metrics.chart_text import describe_chart
from domain.metrics.charts import Chart, Marker, Series
from domain.operations.operation import OperationRecord, State
from domain.operations.plans import Verb
from domain.people import Person
from domain.rich_text import Code, Text, sentence
from tests.harness.samples.alerts import SUSPECT, group
from tests.harness.samples.operations import NEW, OLD, plan, succeeded
from tests.harness.samples.operations import change as service_change

DECLARED = datetime.fromisoformat("2026-11-23T14:02:00+00:00")
TIMINGS = IncidentTimings()
ANA, LEE, MIA = (
    Participant(Person(f"U0{name.upper()}0000{number}", "T0DEEPECHO"), name)
    for number, name in enumerate(("ana", "lee", "mia"), 1)
)
CHANNEL = "C0INCIDENT"
PERMALINK = "https://deepecho.slack.com/archives/C0INCIDENT/p1764"
ERRORS = replace(
    group(suspect=None),
    began_at=DECLARED - timedelta(minutes=3),
    seen_at=DECLARED,
    updated_at=DECLARED,
)


def minute(minutes: float) -> datetime:
    """So many minutes after the declaration."""
    return DECLARED + timedelta(minutes=minutes)


BAD_DEPLOY = replace(
    succeeded(),
    id="op-h3c9",
    source="envelope-0",
    verb=Verb.DEPLOY,
    plan=replace(plan(Verb.DEPLOY, replace(service_change(), before=service_change().after, after=service_change().before))),
    requested_by=LEE.person,
    requested_at=minute(-14),
    ended_at=minute(-11),
    outcome=f"Verified: all 3 pods run {OLD}.",
    reason="release of the week",
    approval=None,
)
ROLLBACK = replace(
    succeeded(),
    plan=plan(Verb.ROLLBACK, service_change()),
    requested_by=ANA.person,
    requested_at=minute(8),
    ended_at=minute(14),
    outcome=f"Verified: all 3 pods run {NEW}.",
    reason="errors since the last deploy",
)
EARLIER = replace(
    ROLLBACK,
    id="op-w8q4",
    source="envelope-4",
    requested_at=minute(6),
    ended_at=minute(7),
    state=State.REJECTED,
    outcome="Rejected by mia: wrong version.",
)
SILENCE = AuditEntry(
    key="envelope-7",
    at=minute(10),
    who=MIA.person,
    what="silence",
    where="production/deep-echo-main/HighLatency",
    why="noise of the same cause",
    outcome="silenced for 2 h",
)


def error_chart(at: datetime) -> AlertNote:
    """The chart in the alert's thread, as the enrichment has made it."""
    since = at - timedelta(minutes=33)
    points = tuple((since.timestamp() + 60.0 * step, 0.3 if step < 28 else 14.2) for step in range(34))
    chart = Chart(
        title="HighErrorRate · deep-echo-main · production",
        since=since,
        until=at,
        series=(Series(name="errors", points=points),),
        threshold=10,
        markers=(Marker(minute(-14), f"deploy {OLD}"), Marker(ERRORS.began_at, "alert")),
    )
    return AlertNote(group_id=ERRORS.id, key="chart-1", at=at, text=describe_chart(chart), chart=chart)


@dataclass
class IncidentStory:
    """An incident with its timeline, as far as it has been told."""

    record: Incident
    entries: list[TimelineEntry] = field(default_factory=list)
    group: AlertGroup = ERRORS

    def apply(self, *changes: IncidentChange) -> None:
        for each in changes:
            self.record = each.record
            self.entries += each.entries

    def note(self, kind: EntryKind, at: datetime, text: Text, by: Participant | None = None, permalink: str = "") -> None:
        self.apply(change(self.record, kind, at, text, by=by, permalink=permalink))

    def operation(self, operation: OperationRecord, title: str, at: datetime, state: str) -> None:
        others = tuple(each for each in self.record.operations if each.operation_id != operation.id)
        linked = LinkedOperation(operation_id=operation.id, title=title, state=state, ended=state == "done")
        self.record = replace(self.record, operations=(*others, linked))
        text = sentence(title, " (", Code(operation.id), f"): {state}.")
        self.apply(change(self.record, EntryKind.OPERATION, at, text, ref=operation.id))

    def alert(self, at: datetime, **more: object) -> None:
        self.group = replace(self.group, updated_at=at, **more)  # type: ignore[arg-type]
        self.apply(*apply_alert(self.record, self.group, at, TIMINGS))

    def catchup(self, at: datetime, *operations: OperationRecord, **more: object) -> Catchup:
        """The catch-up at that time."""
        return catchup_of(self.evidence(at, *operations, **more), upcoming(self.record, TIMINGS))

    def evidence(self, at: datetime, *operations: OperationRecord, **more: object) -> IncidentEvidence:
        made = IncidentEvidence(
            incident=self.record,
            at=at,
            entries=tuple(self.entries),
            groups=(self.group,),
            operations=operations,
            names=names_of(self.record, self.entries),
        )
        return replace(made, **more)  # type: ignore[arg-type]


def declared() -> IncidentStory:
    """A P1 that an alert has opened just now, and one page that was sent."""
    opened = incident_from(ERRORS, "inc-x4k2", DECLARED, team="platform", announcement_channel="C0ALERTS01")
    story = IncidentStory(opened)
    story.apply(declare(opened, TIMINGS, reason=sentence("P1 HighErrorRate (", Code(ERRORS.id), ") fires.")))
    story.note(EntryKind.PAGE, minute(0.5), "ana was paged by PagerDuty.")
    return story


def acknowledged() -> IncidentStory:
    """Ana is on it; the suspect is known."""
    story = declared()
    story.apply(acknowledge(story.record, ANA, minute(2), TIMINGS, way="in PagerDuty"))
    story.alert(minute(2.5), suspect=SUSPECT)
    story.apply(set_role(story.record, IncidentRole.COMMS, LEE, ANA, minute(4), TIMINGS))
    return story


def rolling_back() -> IncidentStory:
    """A rollback runs, after one that was rejected."""
    story = acknowledged()
    story.operation(EARLIER, "roll deep-echo-main back to main-77aa001", minute(7), "rejected")
    story.operation(ROLLBACK, f"roll deep-echo-main back to {NEW}", minute(8), "waits for an approval")
    story.apply(
        post_update(
            story.record, "rolling back to the version of yesterday, errors should fall within minutes", ANA, minute(9), TIMINGS
        )
    )
    story.note(EntryKind.MESSAGE, minute(11), "checkout works again for me", LEE, f"{PERMALINK}1")
    story.apply(add_task(story.record, "alert on a missing CACHE_TTL before the deploy", ANA, minute(12)))
    return story


def resolved() -> IncidentStory:
    """The rollback is verified, the alert has ended, Ana resolved it."""
    story = rolling_back()
    story.operation(ROLLBACK, f"roll deep-echo-main back to {NEW}", minute(14), "done")
    story.apply(mitigate(story.record, ANA, minute(15), TIMINGS, how="errors are back at 0.3 per cent"))
    story.alert(minute(19), state=GroupState.RESOLVED, firing=0, resolved_at=minute(19))
    story.apply(add_task(story.record, "tell the shop why orders failed", LEE, minute(20)))
    story.apply(finish_task(story.record, 2, LEE, minute(21)))
    story.apply(resolve(story.record, ANA, minute(22), TIMINGS, how="the rollback holds"))
    return story


def closed() -> IncidentStory:
    """The watch is over and has shown that it is quiet."""
    story = resolved()
    proof = ("For 30 min the errors were inside their limit.", f"All 3 pods run {NEW}.", "No silence hides the alert.")
    story.apply(end_watch(story.record, minute(52), TIMINGS, proof, complete=True, close_now=True))
    return story


MOMENTS: dict[str, Callable[[], IncidentStory]] = {
    "declared": declared,
    "acknowledged": acknowledged,
    "rolling back": rolling_back,
    "resolved": resolved,
    "closed": closed,
}
