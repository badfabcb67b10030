"""Forms for missing arguments. A form opens without I/O, gets its options afterwards, and is submitted as a command text."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from commands.core.arguments import MAX_TEXT_LENGTH, Arguments
from commands.core.quoting import format_command
from commands.core.request import Request
from commands.core.router import Command
from commands.core.slack_text import escape_for_slack
from commands.operations.start import planner
from domain.answers.answers import FieldKind, Form, FormField, FormOption
from domain.catalogue.catalogue import Catalogue
from domain.errors import PermanentError, TemporaryError
from domain.operations.operation import State
from domain.operations.version_selection import LAST
from domain.sentences import sentence

MAX_OPTIONS = 100
"""Slack's limit of options in one select."""

_LABELS = {"id": "Operation", "alert": "Alert", "n": "Number of pods", "for": "For how long"}
_TITLES = {"ack": "Acknowledge an alert", "silence": "Silence an alert", "unsilence": "End a silence"}
_HINTS = {
    "version": "A tag like main-abc1234.",
    "for": "Like 90m, 4h or 1d. More than 4h needs the role sre; 30d is the most.",
    "labels": "Like alertname=HighErrorRate severity=critical.",
}
_LOADABLE_WITHOUT_ENVIRONMENT = ("id", "alert")
"""Arguments whose options do not depend on an environment."""


def form_for_missing(command: Command, catalogue: Catalogue, args: Arguments) -> Form | None:
    """The form for the missing arguments of this command; None if none is missing. It does no I/O."""
    needs_reason = _needs_reason(command, catalogue, args)
    provided = [word for word in args.positional if word.strip()]
    if len(provided) >= command.usage.min_arguments and not (needs_reason and not args.reason):
        return None
    fields = [
        _field(argument.name, catalogue, args, args[place] if not argument.rest else args.rest(place), required=argument.required)
        for place, argument in enumerate(command.usage.arguments)
    ]
    fields += [
        _flag_field(flag, args, needs_reason=needs_reason) for flag in command.usage.flags if flag != "dry-run" or args.dry_run
    ]
    title = _TITLES.get(command.name, command.name.replace("-", " ").capitalize())
    return Form(command=command.name, title=title, fields=tuple(fields))


def form_command_text(command: Command, values: Mapping[str, str]) -> str:
    """The command text of a submitted form, escaped like Slack's own. ``values`` by field id; empty if not filled."""
    arguments = [values.get(argument.field, "").strip() for argument in command.usage.arguments]
    flags = {flag: values.get(flag, "").strip() for flag in command.usage.flags}
    return escape_for_slack(format_command(command.usage, arguments, {flag: value for flag, value in flags.items() if value}))


async def load_options(request: Request, form: Form) -> Form:
    """Load the options of a form. If a cluster does not answer, the field becomes a text field and the form has a notice."""
    fields = {field.id: field for field in form.fields}
    notice = form.notice
    for field in form.fields:
        if not field.loading:
            continue
        try:
            options = await _OPTION_LOADERS[field.id](request, form)
        except (TemporaryError, PermanentError) as error:
            options, notice = (), sentence("There is nothing to choose from: ", error.sentence)
        filled = replace(field, options=options[:MAX_OPTIONS], loading=False)
        fields[field.id] = filled if options else replace(filled, kind=FieldKind.TEXT)
    return replace(form, fields=tuple(fields[field.id] for field in form.fields), notice=notice)


def _needs_reason(command: Command, catalogue: Catalogue, args: Arguments) -> bool:
    protected = args.environment != "" and catalogue.environments[args.environment].protected
    return "reason" in command.usage.flags and protected and not args.dry_run


def _field(name: str, catalogue: Catalogue, args: Arguments, value: str, *, required: bool) -> FormField:
    match name:
        case "env":
            options = tuple(FormOption(value=environment, label=environment) for environment in catalogue.environments)
            return FormField(id=name, label="Environment", kind=FieldKind.SELECT, value=args.environment, options=options)
        case "service":
            options = tuple(
                FormOption(value=service, label=service, hint=entry.team) for service, entry in catalogue.services.items()
            )
            hint = "" if required else f"Empty: all of {', '.join(catalogue.default_application.services)} that it fits."
            named = catalogue.service_named(value) if value else ""
            return FormField(
                id=name, label="Service", kind=FieldKind.SELECT, required=required, value=named, options=options, hint=hint
            )
        case "sha|tag|last" | "id" | "alert":
            return _loadable_field(
                name if name in _LOADABLE_WITHOUT_ENVIRONMENT else "version",
                value,
                can_load=name in _LOADABLE_WITHOUT_ENVIRONMENT or args.environment != "",
            )
        case "n":
            return FormField(id=name, label=_LABELS[name], kind=FieldKind.NUMBER, value=value)
        case _:
            label = _LABELS.get(name, name.capitalize())
            hint = _HINTS.get(name, f"At most {MAX_TEXT_LENGTH} characters.")
            return FormField(id=name, label=label, kind=FieldKind.TEXT, required=required, value=value, hint=hint)


def _loadable_field(name: str, value: str, *, can_load: bool) -> FormField:
    """A select whose options are loaded later; a text field if it has a value already or its options cannot be loaded yet."""
    label = _LABELS.get(name, "Version")
    hint = "" if name in _LOADABLE_WITHOUT_ENVIRONMENT else f"A tag, a SHA of six or more characters, or {LAST}."
    as_text = bool(value) or not can_load
    kind = FieldKind.TEXT if as_text else FieldKind.SELECT
    return FormField(id=name, label=label, kind=kind, value=value, loading=not as_text, hint=hint)


def _flag_field(flag: str, args: Arguments, *, needs_reason: bool) -> FormField:
    value = args.flags.get(flag, "")
    if flag == "dry-run":
        dry_run_options = (FormOption(value="yes", label="Only show what would happen"),)
        return FormField(
            id=flag,
            label="What to do",
            kind=FieldKind.SELECT,
            required=False,
            value=dry_run_options[0].value,
            options=dry_run_options,
        )
    if flag == "for":
        return FormField(
            id=flag, label="For how long", kind=FieldKind.TEXT, required=False, value=value, hint="Like 2h. Empty: no end."
        )
    return FormField(id=flag, label=flag.capitalize(), kind=FieldKind.TEXT, required=needs_reason, value=value)


async def _version_options(request: Request, form: Form) -> tuple[FormOption, ...]:
    fields = {field.id: field for field in form.fields}
    versions = await planner(request).versions(fields["env"].value, fields["service"].value or None)
    last = (FormOption(value=LAST, label="last", hint="The last different version"),) if versions else ()
    return last + tuple(
        FormOption(
            value=choice.version,
            label=choice.version,
            hint=f"{', '.join(choice.services)} · {choice.created_at:%d %b %H:%M} UTC",
        )
        for choice in versions
    )


async def _operation_options(request: Request, _: Form) -> tuple[FormOption, ...]:
    async with request.services.store.read() as tx:
        operations = await tx.operations.recent(unfinished=True, limit=MAX_OPTIONS)
    return tuple(
        FormOption(
            value=operation.id,
            label=f"{operation.id} · {operation.verb.value} {', '.join(operation.plan.services)} in {operation.environment}",
            hint="waits for an approval" if operation.state is State.WAITING else "is running",
        )
        for operation in operations
    )


async def _alert_options(request: Request, form: Form) -> tuple[FormOption, ...]:
    """Firing groups; for ``unsilence``, silenced ones."""
    ends_silence = form.command == "unsilence"
    async with request.services.store.read() as tx:
        groups, _ = await tx.alerts.search(
            environments=request.visible_environments,
            firing=None if ends_silence else True,
            silenced=True if ends_silence else None,
            limit=MAX_OPTIONS,
        )
    return tuple(
        FormOption(
            value=group.id,
            label=f"{group.id} · {group.title}",
            hint=" · ".join(filter(None, [group.severity.value, group.environment, group.service])),
        )
        for group in groups
    )


_OptionLoader = Callable[[Request, Form], Awaitable[tuple[FormOption, ...]]]
_OPTION_LOADERS: dict[str, _OptionLoader] = {"version": _version_options, "id": _operation_options, "alert": _alert_options}
