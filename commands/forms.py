"""A form for what is missing. It opens without I/O, is filled afterwards, and comes back as the command it stands for."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from commands.core.arguments import LONGEST_TEXT, Words
from commands.core.quoting import written
from commands.core.request import Request
from commands.core.router import Command
from commands.core.slack_text import escape
from commands.operations.start import planner
from domain.answers.answers import Choice, FieldKind, Form, FormField
from domain.catalogue.catalogue import Catalogue
from domain.errors import PermanentError, TemporaryError
from domain.operations.operation import State
from domain.operations.version_selection import LAST

MOST_CHOICES = 100
"""Of one select, by Slack's limit."""

_LABELS = {"id": "Operation", "alert": "Alert", "n": "Number of pods", "for": "For how long"}
_TITLES = {"ack": "Acknowledge an alert", "silence": "Silence an alert", "unsilence": "End a silence"}
_HINTS = {
    "version": "A tag like main-abc1234.",
    "for": "Like 90m, 4h or 1d. More than 4h needs the role sre; 30d is the most.",
    "labels": "Like alertname=HighErrorRate severity=critical.",
}
_LOADED = ("id", "alert")
"""Arguments whose choices need nothing but the person who asks."""


def missing(command: Command, catalogue: Catalogue, words: Words) -> Form | None:
    """The form that asks for what this command still needs; None where nothing is missing. No I/O."""
    needs_reason = _needs_reason(command, catalogue, words)
    given = [word for word in words.arguments if word.strip()]
    if len(given) >= command.usage.least and not (needs_reason and not words.reason):
        return None
    fields = [
        _field(
            argument.name, catalogue, words, words[place] if not argument.rest else words.rest(place), required=argument.required
        )
        for place, argument in enumerate(command.usage.arguments)
    ]
    fields += [
        _flag_field(flag, words, needs_reason=needs_reason) for flag in command.usage.flags if flag != "dry-run" or words.dry_run
    ]
    title = _TITLES.get(command.name, command.name.replace("-", " ").capitalize())
    return Form(command=command.name, title=title, fields=tuple(fields))


def form_text(command: Command, values: Mapping[str, str]) -> str:
    """The command that a submitted form stands for, as Slack would send it. ``values`` by field id; empty where not filled."""
    arguments = [values.get(each.field, "").strip() for each in command.usage.arguments]
    flags = {flag: values.get(flag, "").strip() for flag in command.usage.flags}
    return escape(written(command.usage, arguments, {flag: value for flag, value in flags.items() if value}))


async def choices(request: Request, form: Form) -> Form:
    """The form with what can be chosen. A cluster that does not answer leaves a field to type in, and says so."""
    fields = {each.id: each for each in form.fields}
    notice = form.notice
    for each in form.fields:
        if not each.loading:
            continue
        try:
            found = await _LOADERS[each.id](request, form)
        except (TemporaryError, PermanentError) as error:
            found, notice = (), f"There is nothing to choose from: {error}"
        filled = replace(each, choices=found[:MOST_CHOICES], loading=False)
        fields[each.id] = filled if found else replace(filled, kind=FieldKind.TEXT)
    return replace(form, fields=tuple(fields[each.id] for each in form.fields), notice=notice)


def _needs_reason(command: Command, catalogue: Catalogue, words: Words) -> bool:
    protected = words.environment != "" and catalogue.environments[words.environment].protected
    return "reason" in command.usage.flags and protected and not words.dry_run


def _field(name: str, catalogue: Catalogue, words: Words, value: str, *, required: bool) -> FormField:
    match name:
        case "env":
            known = tuple(Choice(value=each, label=each) for each in catalogue.environments)
            return FormField(id=name, label="Environment", kind=FieldKind.SELECT, value=words.environment, choices=known)
        case "service":
            known = tuple(Choice(value=each, label=each, hint=entry.team) for each, entry in catalogue.services.items())
            hint = "" if required else f"Empty: all of {', '.join(catalogue.default_application.services)} that it fits."
            named = catalogue.service_named(value) if value else ""
            return FormField(
                id=name, label="Service", kind=FieldKind.SELECT, required=required, value=named, choices=known, hint=hint
            )
        case "sha|tag|last" | "id" | "alert":
            return _loaded(name if name in _LOADED else "version", value, can_load=name in _LOADED or words.environment != "")
        case "n":
            return FormField(id=name, label=_LABELS[name], kind=FieldKind.NUMBER, value=value)
        case _:
            label = _LABELS.get(name, name.capitalize())
            hint = _HINTS.get(name, f"At most {LONGEST_TEXT} characters.")
            return FormField(id=name, label=label, kind=FieldKind.TEXT, required=required, value=value, hint=hint)


def _loaded(name: str, value: str, *, can_load: bool) -> FormField:
    """A select that is filled later; where something was typed already, or cannot be looked up yet, a text."""
    label = _LABELS.get(name, "Version")
    hint = "" if name in _LOADED else f"A tag, a SHA of six or more characters, or {LAST}."
    typed = bool(value) or not can_load
    kind = FieldKind.TEXT if typed else FieldKind.SELECT
    return FormField(id=name, label=label, kind=kind, value=value, loading=not typed, hint=hint)


def _flag_field(flag: str, words: Words, *, needs_reason: bool) -> FormField:
    value = words.flags.get(flag, "")
    if flag == "dry-run":
        only_show = (Choice(value="yes", label="Only show what would happen"),)
        return FormField(
            id=flag, label="What to do", kind=FieldKind.SELECT, required=False, value=only_show[0].value, choices=only_show
        )
    if flag == "for":
        return FormField(
            id=flag, label="For how long", kind=FieldKind.TEXT, required=False, value=value, hint="Like 2h. Empty: no end."
        )
    return FormField(id=flag, label=flag.capitalize(), kind=FieldKind.TEXT, required=needs_reason, value=value)


async def _versions(request: Request, form: Form) -> tuple[Choice, ...]:
    fields = {each.id: each for each in form.fields}
    known = await planner(request).versions(fields["env"].value, fields["service"].value or None)
    last = (Choice(value=LAST, label="last", hint="The last different version"),) if known else ()
    return last + tuple(
        Choice(value=each.version, label=each.version, hint=f"{', '.join(each.services)} · {each.created_at:%d %b %H:%M} UTC")
        for each in known
    )


async def _operations(request: Request, _: Form) -> tuple[Choice, ...]:
    async with request.services.store.read() as tx:
        operations = await tx.operations.recent(unfinished=True, limit=MOST_CHOICES)
    return tuple(
        Choice(
            value=each.id,
            label=f"{each.id} · {each.verb.value} {', '.join(each.plan.services)} in {each.environment}",
            hint="waits for an approval" if each.state is State.WAITING else "is running",
        )
        for each in operations
    )


async def _alerts(request: Request, form: Form) -> tuple[Choice, ...]:
    """The groups that fire; of a silence to be ended, those that are silenced."""
    ends_silence = form.command == "unsilence"
    async with request.services.store.read() as tx:
        groups, _ = await tx.alerts.search(
            environments=request.visible_environments,
            firing=None if ends_silence else True,
            silenced=True if ends_silence else None,
            limit=MOST_CHOICES,
        )
    return tuple(
        Choice(
            value=each.id,
            label=f"{each.id} · {each.title}",
            hint=" · ".join(filter(None, [each.severity.value, each.environment, each.service])),
        )
        for each in groups
    )


_Load = Callable[[Request, Form], Awaitable[tuple[Choice, ...]]]
_LOADERS: dict[str, _Load] = {"version": _versions, "id": _operations, "alert": _alerts}
