"""Pieces of a line before any surface's markup: the writers in ``mrkdwn`` and ``terminal`` turn them into text."""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.sentences import Part, Sentence

SLASH_COMMAND = "/deepecho"
"""What every command begins with, in Slack and wherever else it is written out."""


@dataclass(frozen=True, slots=True)
class Strong:
    """Words that are read first."""

    text: str


@dataclass(frozen=True, slots=True)
class Hyperlink:
    """A page to look on. Of an address that is none, the text alone is shown."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class LineBreak:
    """A new line within one entry."""


Span = Part | Strong | Hyperlink | LineBreak
Line = tuple[Span, ...]
LinePart = Span | Sentence | Line | None


def line(*parts: LinePart) -> Line:
    """One line of the parts, sentences of the domain among them; None and empty texts are left out."""
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
    """The parts that are there, with a middle dot between them."""
    return join(" · ", parts)


def join(between: str, parts: Iterable[LinePart]) -> Line:
    """The parts that are there, with ``between`` between them."""
    present = [each for each in (line(part) for part in parts) if each]
    return tuple(span for number, each in enumerate(present) for span in ((between, *each) if number else each))


def stack(*lines: Line) -> Line:
    """One entry of several lines; empty ones are left out."""
    present = [each for each in lines if each]
    return tuple(span for number, each in enumerate(present) for span in ((LineBreak(), *each) if number else each))
