"""Command registry: parses a text, checks permissions, runs the command, turns domain errors into answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from commands.audit import audit_router
from commands.core.arguments import Arguments, parse_arguments, tokenize
from commands.core.request import Request
from commands.core.router import Command, LookUp, Router, check_subcommand_typo, find_command, match_command
from commands.core.slack_text import normalize
from commands.forms import FormFields, form_command_text, form_for_missing, load_options
from commands.help import help_router
from commands.home import HomeSection, home
from domain.answers.answers import ErrorAnswer, Form, HomeAnswer
from domain.audit import new_entry
from domain.catalogue.catalogue import Catalogue
from domain.errors import DeepechoError, Denied, TemporaryError, UnknownOutcome, UsageError
from domain.facts import Answer
from domain.refusals import outsider_refusal
from domain.rich_text import Code, CommandMention, Text, sentence
from runbooks.people import look_briefly


@dataclass(frozen=True, slots=True)
class Invocation:
    """A command and its arguments, parsed from ``text``."""

    command: Command
    args: Arguments
    text: str = ""


class CommandRegistry:
    """Every command of the families by its name, with ``audit`` and ``help``, which know the others."""

    def __init__(
        self,
        routers: Iterable[Router],
        *,
        form_fields: FormFields | None = None,
        id_prefixes: Iterable[str] = (),
        home_sections: Iterable[HomeSection] = (),
    ) -> None:
        self._commands: dict[str, Command] = {}
        self._form_fields: FormFields = form_fields or {}
        self._home_sections = tuple(home_sections)
        for router in (*routers, audit_router(self._commands, id_prefixes), help_router(self._commands)):
            for command in router.commands:
                if command.name in self._commands:
                    raise ValueError(f"two commands are called {command.name}")
                self._commands[command.name] = command

    async def parse_and_answer(self, request: Request, text: str, *, only_form: bool = False) -> Answer:
        """Parse a text by the catalogue of the request, and run the command. Errors become an ``ErrorAnswer``.

        With ``only_form`` the answer is the command's form, also if nothing is missing: the command is not run.
        """
        try:
            return await self.answer(request, self.parse(request.catalogue, text), only_form=only_form)
        except UsageError as error:
            return usage_answer(error)

    async def answer(self, request: Request, invocation: Invocation, *, only_form: bool = False) -> Answer:
        """Run the command. Domain errors become an ``ErrorAnswer``. ``request`` has the catalogue that it was parsed by."""
        try:
            return await self._run(request, invocation, only_form=only_form)
        except UsageError as error:
            return usage_answer(error)
        except DeepechoError as error:
            return ErrorAnswer(error.sentence, _hint(error))

    def form(self, catalogue: Catalogue, invocation: Invocation, *, always: bool = False) -> Form | None:
        """The form that this opens, or None. It does no I/O, since Slack lets a form open only within three seconds."""
        try:
            return form_for_missing(invocation.command, self._form_fields, catalogue, invocation.args, always=always)
        except UsageError:
            return None

    def form_command_text(self, command: str, values: Mapping[str, str]) -> str:
        """The command text of a submitted form, to be parsed like typed text."""
        return form_command_text(find_command(command, self._commands), values)

    async def load_options(self, request: Request, form: Form) -> Form:
        """The form with what can be chosen, looked up after it has opened."""
        return await load_options(request, form, find_command(form.command, self._commands), self._form_fields)

    async def home(self, request: Request) -> HomeAnswer:
        """What the Home tab shows this person: operations and locks, then what each family adds."""
        sections = [await section(request) for section in self._home_sections]
        return replace(await home(request), sections=tuple(section for section in sections if section is not None))

    def parse(self, catalogue: Catalogue, text: str) -> Invocation:
        """Parse a text, as Slack sends it, into a command and its arguments. Raises ``UsageError``."""
        normalized = normalize(text)
        tokenized = tokenize(normalized.text)
        if not tokenized:
            return Invocation(self._commands["help"], Arguments(positional=()), text)
        command, name_length = match_command([token.text for token in tokenized], self._commands)
        rest = tokenized[name_length:]
        if rest:
            check_subcommand_typo(command, rest[0].text, self._commands, catalogue)
        args = parse_arguments(rest, command.usage, normalized.mentions)
        if command.names_environment and args[0]:
            args = replace(args, environment=catalogue.environment_named(args[0]))
        return Invocation(command, args, text)

    async def _run(self, request: Request, invocation: Invocation, *, only_form: bool) -> Answer:
        command, args = invocation.command, invocation.args
        try:
            if not only_form:
                request = await _with_present_member(request, command)
            _authorize(request, command, args)
            form = form_for_missing(command, self._form_fields, request.catalogue, args, always=only_form)
            return form or await command.run(request, args)
        except Denied as denied:
            if command.is_privileged:
                await _audit_denied(request, invocation, denied)
            raise


def usage_answer(error: UsageError) -> ErrorAnswer:
    """The answer to a text that cannot be parsed."""
    return ErrorAnswer(error.sentence, error.hint)


def _authorize(request: Request, command: Command, args: Arguments) -> None:
    """Raise ``Denied`` if the person may not use the command in the environment; without one, in any environment."""
    if command.needs is None:
        return
    member, catalogue = request.member, request.catalogue
    if member.guest or member.stranger:
        raise outsider_refusal(member)
    if args.environment:
        required_role = command.required_role(catalogue.environments[args.environment])
        if required_role is not None:
            request.require(required_role, args.environment)
    elif not any(command.allowed_for(member, catalogue, environment) for environment in catalogue.environments):
        refusal = ("You may not use ", Code(command.name), " in any environment. ")
        raise Denied(sentence(*refusal, CommandMention("whoami"), " shows what you may do."))


async def _with_present_member(request: Request, command: Command) -> Request:
    """The request with its person as the command wants them looked up. Raises ``TemporaryError`` if Slack does not answer."""
    directory = request.services.directory
    match command.look_up:
        case LookUp.FRESH:
            return replace(request, member=await directory.fresh_member(request.person))
        case LookUp.BRIEF:
            return replace(request, member=await look_briefly(directory, request.member))
        case _:
            return request


async def _audit_denied(request: Request, invocation: Invocation, denied: Denied) -> None:
    args, command = invocation.args, invocation.command
    arguments = args.positional[1:] if command.names_environment else args.positional
    is_private = command.private_flag in args.flags
    entry = new_entry(
        key=f"{request.key}/denied",
        at=request.at,
        who=request.person,
        what=command.audit_action,
        environment=args.environment,
        subject=command.private_flag if is_private else "/".join(part for part in arguments if part),
        why="" if is_private else args.reason,
        outcome=f"denied: {denied}",
    )
    async with request.services.store.write() as tx:
        await tx.audit.append(entry)


def _hint(error: DeepechoError) -> Text:
    if isinstance(error, UnknownOutcome):
        operations, status = CommandMention("operations"), CommandMention("status")
        return sentence("It may have been done: ", operations, " and ", status, " show what stands.")
    if isinstance(error, TemporaryError):
        return "Nothing was started. Try again in a minute."
    return ""
