"""Commands: name, usage, required role and function. Each module has a ``Router``; ``commands.registry`` joins them."""

import difflib
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.usage import Usage
from domain.catalogue.catalogue import Catalogue, Environment
from domain.errors import UsageError
from domain.facts import Answer
from domain.people import Member, Role
from domain.policies import Action
from domain.rich_text import Code, CommandMention, join, sentence
from domain.text import nearest

_ID = re.compile(r"[a-z]{2,3}-[a-z0-9]{4,40}", re.IGNORECASE)
MAX_NAME_LENGTH = 40
"""Characters of a mistyped command that are compared and shown."""
MAX_NAME_WORDS = 3
"""Words of the longest name of a command, such as ``incident timeline add``."""
CONFIDENT_MATCH = 0.85
"""A similarity from which a hint suggests only the nearest command."""

CommandFunction = Callable[[Request, Arguments], Awaitable[Answer]]


class LookUp(Enum):
    """How a command knows who the person is that uses it."""

    KNOWN = "known"
    """By what was looked up within five minutes. What changes the platform is looked up again right before the change."""
    BRIEF = "brief"
    """By Slack's word now, if it comes within a second: for what makes production safer and must not wait."""
    FRESH = "fresh"
    """By Slack's word now, or not at all: for what takes effect at once."""


Needs = Role | Action | tuple[Action, ...] | None
"""Who may use a command: a fixed role; or the role that the environment's rule sets for an action; or anybody (None).

Of several actions the lowest role is required at first. The command checks again when it knows which action it is.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command."""

    name: str
    run: CommandFunction
    needs: Needs
    usage: Usage
    example: str
    group: str
    help_text: str
    form_title: str
    audit_action: str
    """How the audit log names the act, whether it was done or denied."""
    look_up: LookUp = LookUp.KNOWN
    private_flag: str = ""
    """The flag with which the arguments are not written into the audit log, where more people read them."""

    @property
    def actions(self) -> tuple[Action, ...]:
        """The actions of the command; empty for one that changes nothing."""
        if isinstance(self.needs, Action):
            return (self.needs,)
        return self.needs if isinstance(self.needs, tuple) else ()

    @property
    def is_privileged(self) -> bool:
        """Whether it needs more than the viewer role, so that a refusal is audited."""
        return self.needs not in (None, Role.VIEWER)

    @property
    def line(self) -> str:
        """Name and usage, as it is written."""
        return f"{self.name} {self.usage.line}".strip()

    @property
    def names_environment(self) -> bool:
        """Whether the first argument is an environment."""
        return bool(self.usage.arguments) and self.usage.arguments[0].name == "env"

    def required_role(self, environment: Environment) -> Role | None:
        """The lowest role that may use the command in the environment; None for anybody."""
        if isinstance(self.needs, Role):
            return self.needs
        return min((environment.rule(action).needs for action in self.actions), key=lambda role: role.rank, default=None)

    def allowed_for(self, member: Member, catalogue: Catalogue, environment: str) -> bool:
        """Whether the member may use the command in the environment."""
        role = self.required_role(catalogue.environments[environment])
        return role is None or catalogue.has_role(member, role, environment)


class Router:
    """Collects the commands of one module."""

    def __init__(self) -> None:
        self.commands: list[Command] = []

    def command(
        self,
        name: str,
        *,
        needs: Needs,
        usage: str = "",
        example: str,
        group: str,
        form_title: str = "",
        audit_action: str = "",
        look_up: LookUp = LookUp.KNOWN,
        private_flag: str = "",
    ) -> Callable[[CommandFunction], CommandFunction]:
        """Make a function a command. ``usage`` declares its arguments; its docstring is its help.

        Without ``form_title`` and ``audit_action`` the command's name serves for both.
        """

        def register(run: CommandFunction) -> CommandFunction:
            text = " ".join((inspect.getdoc(run) or "").split("\n\n")[0].split())
            if not text:
                raise ValueError(f"{name}: a command's docstring is its help, and there is none")
            parsed = Usage.parse(name, usage)
            self.commands.append(
                Command(
                    name=name,
                    run=run,
                    needs=needs,
                    usage=parsed,
                    example=example,
                    group=group,
                    help_text=text,
                    form_title=form_title or name.replace("-", " ").capitalize(),
                    audit_action=audit_action or name,
                    look_up=look_up,
                    private_flag=private_flag,
                )
            )
            return run

        return register


def match_command(words: Sequence[str], commands: Mapping[str, Command]) -> tuple[Command, int]:
    """The command at the start of the words, and the number of words in its name: the longest name that fits.

    Raises ``UsageError`` with the nearest names.
    """
    first_words = [word[:MAX_NAME_LENGTH].lower() for word in words[:MAX_NAME_WORDS]]
    for count in range(len(first_words), 1, -1):
        if (name := " ".join(first_words[:count])) in commands:
            return commands[name], count
    if first_words[0] not in commands and (close := _similar_long_name(first_words, commands)):
        typed = " ".join(words[: len(close.split(" "))])[: MAX_NAME_WORDS * MAX_NAME_LENGTH]
        raise UsageError(f"There is no command “{typed}”.", sentence("Did you mean ", Code(close), "?"))
    if (joined := "".join(first_words[:2])) in commands and first_words[0] not in commands:
        raise UsageError(f"There is no command “{words[0][:MAX_NAME_LENGTH]}”.", sentence("Did you mean ", Code(joined), "?"))
    return find_command(words[0], commands), 1


def _similar_long_name(words: Sequence[str], commands: Mapping[str, Command]) -> str:
    """The name of several words that these words begin with, but for typing errors; empty if there is none."""
    for parts in sorted((name.split(" ") for name in commands), key=len, reverse=True):
        if 1 < len(parts) <= len(words) and all(nearest(word, [part]) for word, part in zip(words, parts, strict=False)):
            return " ".join(parts)
    return ""


def check_subcommand_typo(command: Command, word: str, commands: Mapping[str, Command], catalogue: Catalogue) -> None:
    """Raise ``UsageError`` for a misspelt second word of a command, such as in ``alerts rout``.

    An id is none, though ``al-e23d`` may look like ``let-end`` by chance.
    """
    if _ID.fullmatch(word):
        return
    subcommands = [name.removeprefix(f"{command.name} ") for name in commands if name.startswith(f"{command.name} ")]
    # Compared with environments and teams too: a word that is nearer to one of those is a misspelt name.
    environments = [alias for name, entry in catalogue.environments.items() for alias in (name, *entry.aliases)]
    close = nearest(word[:MAX_NAME_LENGTH], [*environments, *catalogue.oncall, *subcommands], max_results=1)
    if close and close[0] in subcommands:
        unknown = f"There is no command “{command.name} {word[:MAX_NAME_LENGTH]}”."
        raise UsageError(unknown, sentence("Did you mean ", Code(f"{command.name} {close[0]}"), "?"))


def find_command(word: str, commands: Mapping[str, Command]) -> Command:
    """The command with this name. Raises ``UsageError`` with the nearest names."""
    command = commands.get(word.lower())
    if command is None:
        close = _similar_names(word[:MAX_NAME_LENGTH].lower(), commands)
        suggestion = sentence("Did you mean ", join(" or ", map(Code, close)), "?")
        hint = suggestion if close else sentence(CommandMention("help"), " shows every command.")
        raise UsageError(f"There is no command “{word[:MAX_NAME_LENGTH]}”.", hint)
    return command


def _similar_names(word: str, commands: Mapping[str, Command]) -> list[str]:
    close = nearest(word, commands)
    is_confident = bool(close) and difflib.SequenceMatcher(None, word, close[0]).ratio() >= CONFIDENT_MATCH
    return close[:1] if is_confident else close
