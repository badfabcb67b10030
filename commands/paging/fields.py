"""How forms ask for whom to page, and for a team."""

from collections.abc import Mapping

from commands.core.fields import ArgumentField
from commands.core.request import Request
from domain.answers.answers import Form, FormOption


async def _whom_options(request: Request, _form: Form) -> tuple[FormOption, ...]:
    teams = tuple(FormOption(value=name, label=name, hint="whoever is on call") for name in request.catalogue.oncall)
    return teams + tuple(FormOption(value=name, label=name, hint="this person") for name in request.catalogue.people)


FIELDS: Mapping[str, ArgumentField] = {
    "whom": ArgumentField(label="Whom", hint="A team or a person of the catalogue.", load_options=_whom_options),
    "page": ArgumentField(label="Page", hint="Like pg-k7m2."),
}
