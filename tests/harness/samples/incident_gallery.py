"""Incidents in each of their states, and everything that people read about them."""

from dataclasses import replace
from datetime import datetime, timedelta

from domain.answers.incidents import (
    IncidentAnswer,
    IncidentChoice,
    IncidentChoices,
    IncidentDeclared,
    IncidentsAnswer,
    SimilarIncidents,
    TasksAnswer,
)
from domain.incidents import transitions
from domain.incidents.cards import IncidentCard
from domain.incidents.channel import IncidentChannel
from domain.incidents.clocks import UpcomingStep, run_due_clock, upcoming
from domain.incidents.incident import (
    Incident,
    IncidentRole,
    LinkedAlert,
    LinkedOperation,
    PageLine,
)
from domain.incidents.tasks import add_task
from domain.severities import Severity
from tests.harness.families import Fact
from tests.harness.samples.incidents import ANA, LEE, START, TIMINGS, TOM, declared, minutes

CHANNEL = IncidentChannel(
    name="incident-2026-11-23-14-02", id="C0INCIDENT1", permalink="https://deep-echo.slack.example/archives/C0INCIDENT1"
)
ALERTS = (
    LinkedAlert(group_id="al-k7m2", title="HighErrorRate", severity=Severity.P1, firing=True, suspect="deploy main-9f00d12"),
    LinkedAlert(group_id="al-9x2c", title="HighResponseTime", severity=Severity.P2, firing=False),
)
OPERATIONS = (
    LinkedOperation(
        operation_id="op-k7m2",
        title="roll deep-echo-main back to main-abc1234 in production",
        state="waits for an approval",
    ),
)
PAGES = (
    PageLine(key="1", at=START, text="Slack message to ana: delivered"),
    PageLine(key="2", at=START, text="SMS to ana: refused, the number is not a telephone number", failed=True),
)


def shown(record: Incident, at: datetime, *, is_announcement: bool = False, more: tuple[UpcomingStep, ...] = ()) -> IncidentCard:
    steps = tuple(sorted((*upcoming(record, TIMINGS), *more), key=lambda step: step.at)[:3])
    return IncidentCard(incident=record, at=at, upcoming=steps, is_announcement=is_announcement)


DECLARED = replace(
    declared(services=("deep-echo-main",)).record, channel=CHANNEL, alerts=ALERTS, operations=OPERATIONS, pages=PAGES
)
WORKED_ON = transitions.post_update(
    add_task(
        transitions.set_role(
            transitions.acknowledge(DECLARED, ANA, START + minutes(2), TIMINGS).record,
            IncidentRole.COMMS,
            LEE,
            ANA,
            START + minutes(3),
            TIMINGS,
        ).record,
        "ask the vendor for the logs of the last hour",
        ANA,
        START + minutes(4),
    ).record,
    "errors fall since the rollback began; we watch the queue",
    ANA,
    START + minutes(9),
    TIMINGS,
).record
LATE = WORKED_ON
while LATE.clocks and min(clock.due_at for clock in LATE.clocks) <= START + minutes(60):
    step = run_due_clock(LATE, min(clock.due_at for clock in LATE.clocks), TIMINGS)
    assert step is not None
    LATE = step.record
PAUSED = transitions.pause(WORKED_ON, START + minutes(180), "the vendor calls back at noon", ANA, START + minutes(10)).record
RESOLVED = replace(
    transitions.resolve(WORKED_ON, ANA, START + minutes(21), TIMINGS, how="rolled back to main-abc1234").record,
    alerts=tuple(replace(each, firing=False) for each in ALERTS),
    operations=(replace(OPERATIONS[0], state="done", ended=True),),
)
CLOSED = transitions.end_watch(
    RESOLVED,
    START + minutes(51),
    TIMINGS,
    ("For 30 min: HighErrorRate 0.4 (limit 10), no silence hides it, all 3 pods run main-abc1234, no clock runs.",),
    complete=True,
    close_now=True,
).record
SECRET = replace(
    DECLARED, title="keys leaked", security=True, alerts=(), operations=(), channel=replace(CHANNEL, is_private=True)
)
STORM = replace(
    DECLARED,
    alerts=tuple(
        LinkedAlert(group_id=f"al-{n:04}", title=f"Alert{n}", severity=Severity.P1, firing=n % 3 > 0) for n in range(120)
    ),
)
CHOICES = IncidentChoices(
    choices=tuple(
        IncidentChoice(incident=each, command=f"incident update {each.id} errors fall")
        for each in (WORKED_ON, replace(DECLARED, id="inc-p2p2", title="payments time out", severity=Severity.P2))
    )
)
LOUD_NOTE = transitions.set_role(DECLARED, IncidentRole.COMMANDER, LEE, TOM, START, TIMINGS).notes[0]
ASKED_NOTE = replace(LOUD_NOTE, key="9", text="are you still with it? You did nothing here for 30 min.", calls=(ANA,))
UNPROVEN = ("HighErrorRate could not be measured: Prometheus did not answer.",)
END_NOTE = transitions.end_watch(RESOLVED, START + minutes(51), TIMINGS, UNPROVEN, complete=False, close_now=True).notes[0]

INCIDENT_GALLERY: dict[str, Fact] = {
    "incident declared": shown(
        DECLARED, START + minutes(1), more=(UpcomingStep(START + minutes(3), "pages the on-call person by sms"),)
    ),
    "incident shown": IncidentAnswer(card=shown(DECLARED, START + minutes(1))),
    "incident announced": shown(DECLARED, START + minutes(1), is_announcement=True),
    "incident worked on": shown(WORKED_ON, START + minutes(10)),
    "incident late": shown(LATE, START + minutes(62)),
    "incident paused": shown(PAUSED, START + minutes(11)),
    "incident resolved": shown(RESOLVED, START + minutes(22)),
    "incident closed": shown(CLOSED, START + timedelta(hours=1)),
    "incident secret": shown(SECRET, START + minutes(1)),
    "incident of a storm": shown(STORM, START + minutes(1)),
    "incident role note": LOUD_NOTE,
    "incident question": ASKED_NOTE,
    "incident watch note": END_NOTE,
    "incident choices": CHOICES,
    "incident similar": SimilarIncidents(
        incidents=(DECLARED,), command='incident declare P0 "nobody can pay" --environment production --new'
    ),
    "incident new": IncidentDeclared(incident=DECLARED),
    "incident list": IncidentsAnswer(title="Incidents", incidents=(WORKED_ON, RESOLVED, CLOSED)),
    "incident tasks": TasksAnswer(incident_id=WORKED_ON.id, tasks=WORKED_ON.tasks),
}
