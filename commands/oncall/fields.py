"""How forms ask for people, requests and times of on-call."""

from collections.abc import Mapping

from commands.core.fields import MAX_OPTIONS, ArgumentField
from commands.core.request import Request
from domain.answers.answers import Form, FormOption

TIME_HINT = "On your own clock: 18:00, tomorrow 18:00, Mon 9:00, 2026-12-01 18:00, in 2h."


async def _people(request: Request, _: Form) -> tuple[FormOption, ...]:
    teams = request.catalogue.oncall
    return tuple(
        FormOption(value=name, label=name, hint=", ".join(team for team, config in teams.items() if name in config.members))
        for name in list(request.catalogue.people)[:MAX_OPTIONS]
    )


FIELDS: Mapping[str, ArgumentField] = {
    "who": ArgumentField(label="Person", load_options=_people),
    "from": ArgumentField(label="From", hint=f"{TIME_HINT} Empty: now."),
    "to": ArgumentField(label="Until", hint=f"{TIME_HINT} Empty: the next handoff."),
    "mine": ArgumentField(label="Your shift", hint=f"The one at or after this time. {TIME_HINT} Empty: your next."),
    "theirs": ArgumentField(label="Their shift", hint=f"The one at or after this time. {TIME_HINT} Empty: their next."),
    "instead-of": ArgumentField(label="Instead of", hint="A name, such as bob. Empty: whoever is on call then."),
    "team": ArgumentField(label="Team", hint="Empty: your own."),
    "layer": ArgumentField(label="Layer", hint="Empty: the first."),
    "fill": ArgumentField(label="Where nobody is on call, too"),
}
