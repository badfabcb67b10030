"""What is said about a fact, in which order, before any surface's markup."""

from dataclasses import dataclass

from bot.views.markup.spans import Line
from domain.metrics.charts import Chart


@dataclass(frozen=True, slots=True)
class Header:
    """The headline, with its sign."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph, or a list. Slack shows the first ``most`` and says how many more there are; the terminal shows all.

    ``is_airy`` sets entries of several lines a little apart.
    """

    lines: tuple[Line, ...]
    max_lines: int = 12
    spaced: bool = False


@dataclass(frozen=True, slots=True)
class Quote:
    """What a person wrote, marked as their words."""

    text: str


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Lines of a program, as they are. Slack shows the last ones; the terminal shows all."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """Small print."""

    line: Line


@dataclass(frozen=True, slots=True)
class Confirm:
    """What is asked once more before a button acts. At most 100 and 300 characters, the buttons 30."""

    title: str
    text: str
    yes: str
    no: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """``value`` names what it acts on and carries nothing else: rights and facts are looked up at the click."""

    text: str
    action: str
    value: str
    style: str = ""
    confirm: Confirm | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """One thing to pick from a menu. ``value`` names what it acts on and which of the choices it is, at most 150 characters."""

    text: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectMenu:
    """A button that asks which of a few things is meant. ``text`` stands on it until something is picked."""

    text: str
    action: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Actions:
    """A row of buttons. The terminal has none: the commands that do the same are in the text."""

    buttons: tuple[Button | SelectMenu, ...]


@dataclass(frozen=True, slots=True)
class Divider:
    """A line between two subjects."""


Block = Header | Paragraph | Quote | CodeBlock | Context | Actions | Divider


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """``summary`` is what a lock screen shows. A page that ``spills`` gives its full text as a file where Slack shows less."""

    summary: Line
    blocks: tuple[Block, ...]
    overflows_to_file: bool = True
    chart: Chart | None = None
    """A picture that belongs beside it. Its numbers are in the blocks, in words."""
