"""Command registry: parses a text, checks permissions, runs the command, turns domain errors into answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from commands import audit, status, whoami
from commands.alerts import alerts, silences, suspects
from commands.core.arguments import Arguments, parse_arguments, tokenize
from commands.core.request import Request
from commands.core.router import Command, Router, check_subcommand_typo, find_command, match_command
from commands.core.slack_text import normalize
from commands.forms import form_command_text, form_for_missing
from commands.help import help_router
from commands.operations import approvals, capacity, deploy, locks
from domain.answers.answers import Answer, ErrorAnswer, Form
from domain.audit import new_entry
from domain.catalogue.catalogue import Catalogue
from domain.errors import DeepechoError, Denied, TemporaryError, UnknownOutcome, UsageError
from domain.sentences import Code, CommandMention, Text, sentence

ROUTERS = (
    *(deploy.router, capacity.router, approvals.router, alerts.router, silences.router, suspects.router),
    *(locks.router, status.router, audit.router, whoami.router),
)


@dataclass(frozen=True, slots=True)
class Invocation:
    """A command and its arguments, parsed once from ``text``: the form and the answer are both made of them."""

    command: Command
    args: Arguments
    text: str = ""


class CommandRegistry:
    """All commands by name. ``extra`` are routers of layers above."""

    def __init__(self, extra: Iterable[Router] = ()) -> None:
        self._commands: dict[str, Command] = {}
        for router in (*ROUTERS, *extra, help_router(self._commands)):
            for command in router.commands:
                if command.name in self._commands:
                    raise ValueError(f"two commands are called {command.name}")
                self._commands[command.name] = command

    async def answer(self, request: Request, invocation: Invocation) -> Answer:
        """Run the command. Domain errors become an ``ErrorAnswer``. ``request`` has the catalogue that it was parsed by."""
        try:
            return await self._run(request, invocation)
        except UsageError as error:
            return usage_answer(error)
        except DeepechoError as error:
            return ErrorAnswer(error.sentence, _hint(error))

    def form(self, catalogue: Catalogue, invocation: Invocation) -> Form | None:
        """The form that this opens, or None. It does no I/O, since Slack lets a form open only within three seconds."""
        try:
            return form_for_missing(invocation.command, catalogue, invocation.args)
        except UsageError:
            return None

    def form_command_text(self, command: str, values: Mapping[str, str]) -> str:
        """The command text of a submitted form, to be parsed like typed text."""
        return form_command_text(find_command(command, self._commands), values)

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

    async def _run(self, request: Request, invocation: Invocation) -> Answer:
        command, args = invocation.command, invocation.args
        try:
            _authorize(request, command, args)
            return form_for_missing(command, request.catalogue, args) or await command.run(request, args)
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
        who = "Guests" if member.guest else "People of other workspaces"
        raise Denied(f"{who} can change and look up nothing here. Nothing was changed. Ask somebody of the team.")
    if args.environment:
        required_role = command.required_role(catalogue.environments[args.environment])
        if required_role is not None:
            request.require(required_role, args.environment)
    elif not any(command.allowed_for(member, catalogue, environment) for environment in catalogue.environments):
        refusal = ("You may not use ", Code(command.name), " in any environment. ")
        raise Denied(sentence(*refusal, CommandMention("whoami"), " shows what you may do."))


async def _audit_denied(request: Request, invocation: Invocation, denied: Denied) -> None:
    arguments = invocation.args.positional[1:] if invocation.command.names_environment else invocation.args.positional
    entry = new_entry(
        key=f"{request.key}/denied",
        at=request.at,
        who=request.person,
        what=invocation.command.name,
        environment=invocation.args.environment,
        subject="/".join(part for part in arguments if part),
        why=invocation.args.reason,
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
