"""From what somebody typed to an answer: find the command, check the person, run it, say in words what went wrong."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from commands import audit, status, whoami
from commands.alerts import alerts, silences, suspects
from commands.core.arguments import Words, read, tokens
from commands.core.quoting import SLASH
from commands.core.request import Request
from commands.core.router import Command, Router, command_named, command_said, refuse_mistyped_second
from commands.core.slack_text import clean
from commands.forms import form_text, missing
from commands.help import help_router
from commands.operations import approvals, capacity, deploy, locks
from domain.answers.answers import Answer, Complaint, Form
from domain.audit import AuditEntry
from domain.catalogue.catalogue import Catalogue
from domain.errors import DeepechoError, Denied, TemporaryError, UnknownOutcome, UsageError

ROUTERS = (
    *(deploy.router, capacity.router, approvals.router, alerts.router, silences.router, suspects.router),
    *(locks.router, status.router, audit.router, whoami.router),
)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A command and what was said with it."""

    command: Command
    words: Words


class Menu:
    """Every command by its name. ``extra`` are routers of layers above."""

    def __init__(self, extra: Iterable[Router] = ()) -> None:
        self._commands: dict[str, Command] = {}
        for router in (*ROUTERS, *extra, help_router(self._commands)):
            for command in router.commands:
                if command.name in self._commands:
                    raise ValueError(f"two commands are called {command.name}")
                self._commands[command.name] = command

    async def answer(self, request: Request, text: str) -> Answer:
        """What to say to this text, as Slack sends it. Raises nothing that a person could cause."""
        try:
            return await self._carry_out(request, self.spoken(request.catalogue, text))
        except UsageError as error:
            return Complaint(str(error), error.hint)
        except DeepechoError as error:
            return Complaint(str(error), _what_next(error))

    def form(self, catalogue: Catalogue, text: str) -> Form | None:
        """The form that this text opens; None where it opens none. Without I/O: a form has three seconds to open."""
        try:
            spoken = self.spoken(catalogue, text)
            return missing(spoken.command, catalogue, spoken.words)
        except UsageError:
            return None

    def form_text(self, command: str, values: Mapping[str, str]) -> str:
        """The text that a submitted form stands for; it goes to ``answer`` like words that were typed."""
        return form_text(command_named(command, self._commands), values)

    def spoken(self, catalogue: Catalogue, text: str) -> Spoken:
        """Understand the words. Raises ``UsageError``."""
        typed = clean(text)
        said = tokens(typed.text)
        if not said:
            return Spoken(self._commands["help"], Words(arguments=()))
        command, named = command_said([each.text for each in said], self._commands)
        rest = said[named:]
        if rest:
            refuse_mistyped_second(command, rest[0].text, self._commands, catalogue)
        words = read(rest, command.usage, typed.people)
        if command.names_environment and words[0]:
            words = replace(words, environment=catalogue.environment_named(words[0]))
        return Spoken(command, words)

    async def _carry_out(self, request: Request, spoken: Spoken) -> Answer:
        command, words = spoken.command, spoken.words
        try:
            _admit(request, command, words)
            return missing(command, request.catalogue, words) or await command.run(request, words)
        except Denied as denied:
            if command.changes:
                await _keep_denied(request, spoken, denied)
            raise


def _admit(request: Request, command: Command, words: Words) -> None:
    """Raise ``Denied`` for whoever may not say this there; without an environment, for whoever may not anywhere."""
    if command.needs is None:
        return
    member, catalogue = request.member, request.catalogue
    if member.guest or member.stranger:
        who = "Guests" if member.guest else "People of other workspaces"
        raise Denied(f"{who} can change and look up nothing here. Nothing was changed. Ask somebody of the team.")
    if words.environment:
        needed = command.needed_in(catalogue.environments[words.environment])
        if needed is not None:
            request.require(needed, words.environment)
    elif not any(command.open_to(member, catalogue, environment) for environment in catalogue.environments):
        raise Denied(f"You may not use `{command.name}` in any environment. `{SLASH} whoami` shows what you may do.")


async def _keep_denied(request: Request, spoken: Spoken, denied: Denied) -> None:
    arguments = spoken.words.arguments[1:] if spoken.command.names_environment else spoken.words.arguments
    entry = AuditEntry(
        key=f"{request.key}/denied",
        at=request.at,
        who=request.person,
        what=spoken.command.name,
        where="/".join(each for each in (spoken.words.environment, *arguments) if each)[:200],
        why=spoken.words.reason,
        outcome=f"denied: {denied}",
    )
    async with request.services.store.write() as tx:
        await tx.audit.append(entry)


def _what_next(error: DeepechoError) -> str:
    if isinstance(error, UnknownOutcome):
        return f"It may have been done: `{SLASH} operations` and `{SLASH} status` show what stands."
    if isinstance(error, TemporaryError):
        return "Nothing was started. Try again in a minute."
    return ""
