"""How a form asks for an argument of a command."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from commands.core.request import Request
from domain.answers.answers import FieldKind, Form, FormOption

MAX_OPTIONS = 100
"""Of one select, by Slack's limit."""

OptionLoader = Callable[[Request, Form], Awaitable[tuple[FormOption, ...]]]
"""Looks up the options of a select after the form has opened. Raises ``TemporaryError`` or ``PermanentError``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentField:
    """The field of one argument. With ``load_options`` it is a select that is filled after the form has opened."""

    label: str
    hint: str = ""
    kind: FieldKind = FieldKind.TEXT
    load_options: OptionLoader | None = None
    in_forms: bool = True
    """Whether forms ask for it. A flag that only buttons and hints write is left out."""
    needs_environment: bool = False
    """Whether its options can be looked up only once the environment is known."""
    first_word: re.Pattern[str] | None = None
    """How its values look, for a flag whose value may also be the first word of a command."""
