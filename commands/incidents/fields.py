"""How forms ask for incidents, their severity, roles and texts."""

from collections.abc import Mapping

from commands.core.fields import ArgumentField
from commands.core.request import Request
from commands.incidents.subject import INCIDENT_ID, visible_incidents
from domain.answers.answers import FieldKind, Form, FormOption
from domain.severities import Severity

_SEVERITY_LABELS = {
    Severity.P0: "P0: a complete outage, lost data, a breach",
    Severity.P1: "P1: most users are hurt",
    Severity.P2: "P2: some users are hurt",
    Severity.P3: "P3: it can wait until tomorrow",
}


async def _severity_options(_request: Request, _form: Form) -> tuple[FormOption, ...]:
    return tuple(FormOption(value=each.value, label=label) for each, label in _SEVERITY_LABELS.items())


async def _incident_options(request: Request, _form: Form) -> tuple[FormOption, ...]:
    incidents = await visible_incidents(request, 50)
    return tuple(
        FormOption(value=each.id, label=f"{each.id} · {each.severity} {each.title}"[:75]) for each in incidents if each.is_open
    )


FIELDS: Mapping[str, ArgumentField] = {
    "title": ArgumentField(label="What is wrong", hint="In a few words, like: checkout is failing."),
    "severity": ArgumentField(label="Severity", load_options=_severity_options),
    "incident": ArgumentField(label="Incident", load_options=_incident_options, first_word=INCIDENT_ID),
    "security": ArgumentField(label="Security incident, private"),
    "origin": ArgumentField(label="Message", hint="The link of the message that it is about."),
    "new": ArgumentField(label="New", in_forms=False),
    "into": ArgumentField(label="Goes on as", load_options=_incident_options, first_word=INCIDENT_ID),
    "role": ArgumentField(label="Role", hint="commander, comms or scribe."),
    "person": ArgumentField(label="Person", hint="@name, or me."),
    "text": ArgumentField(label="Text", kind=FieldKind.TEXT, hint="What stands, what was tried, what is next."),
    "why": ArgumentField(label="Why"),
    "how": ArgumentField(label="How"),
    "action": ArgumentField(label="What", hint="add, done or list."),
    "period": ArgumentField(label="Period", hint="Like 30d. At most 365d."),
    "number": ArgumentField(label="Number", hint="Of an entry, as the timeline shows it."),
    "at": ArgumentField(label="When", hint="By your clock, like 14:05; 14:05Z is UTC. Empty: now."),
    "address": ArgumentField(label="Address", hint="Where the post-mortem can be read: https://…"),
    "subject": ArgumentField(label="Alert or operation", hint="Like al-k7m2 or op-k7m2."),
}
