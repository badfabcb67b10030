"""Documents: the content of a view, independent of Slack's or the terminal's markup."""

from dataclasses import dataclass

from bot.views.markup.spans import Line
from domain.metrics.charts import AnyChart


@dataclass(frozen=True, slots=True)
class Header:
    """The headline, with its emoji."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph or a list. Slack shows the first ``max_lines`` and the number of further ones; the terminal shows all.

    ``spaced`` separates entries of several lines.
    """

    lines: tuple[Line, ...]
    max_lines: int = 12
    spaced: bool = False


@dataclass(frozen=True, slots=True)
class Quote:
    """A person's own text."""

    text: str


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Lines of a log. Slack shows the last ones, at most ``max_lines``; the terminal shows all."""

    lines: tuple[str, ...]
    max_lines: int = 1_000


@dataclass(frozen=True, slots=True)
class Context:
    """Small print."""

    line: Line


@dataclass(frozen=True, slots=True)
class Confirm:
    """A confirmation before a button acts. Slack's limits: title 100 characters, text 300, buttons 30."""

    title: str
    text: str
    yes: str
    no: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button. ``value`` is only the id of its subject: permissions and facts are looked up at the click."""

    text: str
    action: str
    value: str
    style: str = ""
    confirm: Confirm | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """A choice of a menu. ``value``: the subject's id and the choice, at most 150 characters."""

    text: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectMenu:
    """A menu of a few choices; ``text`` is its placeholder."""

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


@dataclass(frozen=True, slots=True)
class TextFile:
    """A text that people keep as a file: ``name`` with its extension, such as ``post-mortem.md``."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that another system has made, as PNG."""

    title: str
    png: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """``summary`` is what a lock screen shows.

    With ``overflows_to_file``, the full text becomes a file in the thread where Slack shows less than all of it.
    """

    summary: Line
    blocks: tuple[Block, ...]
    overflows_to_file: bool = True
    chart: AnyChart | None = None
    """A chart for the thread. Its numbers are also in the blocks."""
    file: TextFile | None = None
    """A file for the thread, instead of the chart and of the full text."""
    image: Image | None = None
    """A picture for the thread, instead of all of these."""
