"""Forms for missing arguments. A form opens without I/O, gets its options afterwards, and is submitted as a command text."""

from collections.abc import Mapping
from dataclasses import replace

from commands.core.arguments import MAX_TEXT_LENGTH, Arguments
from commands.core.fields import MAX_OPTIONS, ArgumentField
from commands.core.quoting import format_command
from commands.core.request import Request
from commands.core.router import Command
from commands.core.slack_text import escape_for_slack
from commands.core.usage import Argument, FlagValue
from domain.answers.answers import FieldKind, Form, FormField, FormOption
from domain.catalogue.catalogue import Catalogue
from domain.errors import PermanentError, TemporaryError
from domain.rich_text import sentence

FormFields = Mapping[str, ArgumentField]
"""By the name of the argument, as the usage line writes it."""


def form_for_missing(
    command: Command, form_fields: FormFields, catalogue: Catalogue, args: Arguments, *, always: bool = False
) -> Form | None:
    """The form that asks for what this command still needs; None where nothing is missing, unless ``always``. No I/O."""
    args = _with_first_word_as_flag(command, form_fields, args)
    needs_reason = _needs_reason(command, catalogue, args)
    provided = [word for word in args.positional if word.strip()]
    if not always and len(provided) >= command.usage.min_arguments and not (needs_reason and not args.reason):
        return None
    fields = [
        _field(argument, form_fields, catalogue, args, args[place] if not argument.rest else args.rest(place))
        for place, argument in enumerate(command.usage.arguments)
    ]
    fields += [
        _flag_field(command, flag, form_fields, catalogue, args, needs_reason=needs_reason)
        for flag in command.usage.flags
        if (flag != "dry-run" or args.dry_run) and (flag not in form_fields or form_fields[flag].in_forms)
    ]
    return Form(command=command.name, title=command.form_title, fields=tuple(fields))


def form_command_text(command: Command, values: Mapping[str, str]) -> str:
    """The command text of a submitted form, escaped like Slack's own. ``values`` by field id; empty if not filled."""
    arguments = [values.get(argument.field, "").strip() for argument in command.usage.arguments]
    flags = {flag: values.get(flag, "").strip() for flag in command.usage.flags}
    return escape_for_slack(format_command(command.usage, arguments, {flag: value for flag, value in flags.items() if value}))


async def load_options(request: Request, form: Form, command: Command, form_fields: FormFields) -> Form:
    """The form with what can be chosen. A cluster that does not answer leaves a field to type in, and says so."""
    fields = {field.id: field for field in form.fields}
    loaders = {
        argument.field: form_fields[argument.name].load_options
        for argument in command.usage.arguments
        if argument.name in form_fields
    }
    loaders |= {flag: form_fields[flag].load_options for flag in command.usage.flags if flag in form_fields}
    notice = form.notice
    for field in form.fields:
        load = loaders.get(field.id)
        if not field.loading or load is None:
            continue
        try:
            options = await load(request, form)
        except (TemporaryError, PermanentError) as error:
            options, notice = (), sentence("There is nothing to choose from: ", error.sentence)
        filled = replace(field, options=options[:MAX_OPTIONS], loading=False)
        fields[field.id] = filled if options else replace(filled, kind=FieldKind.TEXT)
    return replace(form, fields=tuple(fields[field.id] for field in form.fields), notice=notice)


def _with_first_word_as_flag(command: Command, form_fields: FormFields, args: Arguments) -> Arguments:
    """``severity inc-x4k2`` as ``severity --incident inc-x4k2``, so that the form asks for what is missing beside it."""
    of_argument = [form_fields[argument.name].first_word for argument in command.usage.arguments if argument.name in form_fields]
    for flag in command.usage.flags:
        pattern = form_fields[flag].first_word if flag in form_fields else None
        if pattern and pattern not in of_argument and flag not in args.flags and pattern.fullmatch(args[0].lower()):
            return replace(args, positional=args.positional[1:], flags={**args.flags, flag: args[0].lower()})
    return args


def _needs_reason(command: Command, catalogue: Catalogue, args: Arguments) -> bool:
    protected = args.environment != "" and catalogue.environments[args.environment].protected
    return "reason" in command.usage.flags and protected and not args.dry_run


def _field(argument: Argument, form_fields: FormFields, catalogue: Catalogue, args: Arguments, value: str) -> FormField:
    if argument.name == "env":
        options = tuple(FormOption(value=each, label=each) for each in catalogue.environments)
        return FormField(id="env", label="Environment", kind=FieldKind.SELECT, value=args.environment, options=options)
    if argument.name == "service":
        return _service_field(catalogue, value, required=argument.required)
    default = ArgumentField(label=argument.name.capitalize(), hint=f"At most {MAX_TEXT_LENGTH} characters.")
    field = form_fields.get(argument.name, default)
    # Where something was typed already, or cannot be looked up yet, the field is a text.
    loading = field.load_options is not None and not value and (bool(args.environment) or not field.needs_environment)
    return FormField(
        id=argument.field,
        label=field.label,
        kind=FieldKind.SELECT if loading else field.kind,
        required=argument.required,
        value=value,
        loading=loading,
        hint=field.hint,
    )


def _service_field(catalogue: Catalogue, value: str, *, required: bool) -> FormField:
    options = tuple(FormOption(value=each, label=each, hint=entry.team) for each, entry in catalogue.services.items())
    hint = "" if required else f"Empty: all of {', '.join(catalogue.default_application.services)} that it fits."
    named = catalogue.service_named(value) if value else ""
    return FormField(
        id="service", label="Service", kind=FieldKind.SELECT, required=required, value=named, options=options, hint=hint
    )


def _flag_field(
    command: Command, flag: str, form_fields: FormFields, catalogue: Catalogue, args: Arguments, *, needs_reason: bool
) -> FormField:
    value = args.flags.get(flag, "")
    if flag == "dry-run":
        return _switch(flag, "What to do", "Only show what would happen", is_on=True)
    if command.usage.flags[flag] is FlagValue.NOTHING:
        label = form_fields[flag].label if flag in form_fields else flag.capitalize()
        return _switch(flag, label, "Yes", is_on=flag in args.flags)
    if flag == "environment":
        options = tuple(FormOption(value=each, label=each) for each in catalogue.environments)
        return FormField(id=flag, label="Environment", kind=FieldKind.SELECT, required=False, value=value, options=options)
    if flag == "service":
        return _service_field(catalogue, value, required=False)
    own = form_fields.get(f"{command.name} {flag}")
    if own is None and flag == "for":
        return FormField(
            id=flag, label="For how long", kind=FieldKind.TEXT, required=False, value=value, hint="Like 2h. Empty: no end."
        )
    field = own or form_fields.get(flag, ArgumentField(label=flag.capitalize()))
    loading = field.load_options is not None and not value
    kind = FieldKind.SELECT if loading else field.kind
    return FormField(id=flag, label=field.label, kind=kind, required=needs_reason, value=value, loading=loading, hint=field.hint)


def _switch(flag: str, label: str, yes: str, *, is_on: bool) -> FormField:
    """A flag without a value, as a select of one option."""
    options = (FormOption(value="yes", label=yes),)
    return FormField(id=flag, label=label, kind=FieldKind.SELECT, required=False, value="yes" if is_on else "", options=options)
