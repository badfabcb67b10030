"""Spans of a line, independent of markup. ``bot.views.markup.mrkdwn`` and ``.terminal`` render them."""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.rich_text import Part, Sentence

SLASH_COMMAND = "/deepecho"
"""The slash command, as texts write it."""


@dataclass(frozen=True, slots=True)
class Strong:
    """Emphasised text."""

    text: str


@dataclass(frozen=True, slots=True)
class Hyperlink:
    """A link. Where the URL is unsafe, only the text is shown."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class LineBreak:
    """A line break within one entry."""


Span = Part | Strong | Hyperlink | LineBreak
Line = tuple[Span, ...]
LinePart = Span | Sentence | Line | None


def line(*parts: LinePart) -> Line:
    """One line of all parts, which may be sentences; None and empty texts are left out."""
    spans: list[Span] = []
    for part in parts:
        if isinstance(part, Sentence):
            spans += part.parts
        elif isinstance(part, tuple):
            spans += part
        elif part is not None and part != "":
            spans.append(part)
    return tuple(spans)


def join_dots(*parts: LinePart) -> Line:
    """The parts that are not empty, separated by middle dots."""
    return join(" · ", parts)


def join(between: str, parts: Iterable[LinePart]) -> Line:
    """The parts that are not empty, separated by ``between``."""
    present = [each for each in (line(part) for part in parts) if each]
    return tuple(span for number, each in enumerate(present) for span in ((between, *each) if number else each))


def stack(*lines: Line) -> Line:
    """One entry of several lines; empty ones are left out."""
    present = [each for each in lines if each]
    return tuple(span for number, each in enumerate(present) for span in ((LineBreak(), *each) if number else each))
