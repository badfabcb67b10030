"""Sizes in pixels and colours of charts. A phone shows a chart at a third of its size, so text is large."""

from dataclasses import dataclass

WIDTH, HEIGHT = 1200, 630
MARGIN = 44

TITLE, BODY, LARGE = 38, 27, 40
"""Font sizes."""
LINE_HEIGHT = 35
"""Distance of two lines of small text."""

PAPER = "#fcfcfd"
RIM = "#d5d8dd"
INK = "#1d1c1d"
SOFT_INK = "#565c65"
GRID = "#e4e6ea"
AXIS = "#8d949e"
EVENT_MARKER = "#3c424a"
LIMIT = "#b3122e"
BREACH = "#f9ebee"


@dataclass(frozen=True, slots=True)
class Pen:
    """How one line is drawn. Colour, marker and dashes each tell it from the others."""

    colour: str
    marker: str
    dashes: tuple[float, ...] = ()


PENS = (
    Pen("#0067a8", "o"),
    Pen("#c25100", "s", (4, 1.6)),
    Pen("#0f7a45", "^", (1.4, 1.4)),
    Pen("#a03c93", "D", (6, 1.4, 1.4, 1.4)),
    Pen("#2b2b2b", "v", (9, 2)),
    Pen("#00808a", "P", (3, 1.2, 1, 1.2, 1, 1.2)),
    Pen("#7a6a00", "X", (2.4, 2.4)),
    Pen("#4a3aa7", "h", (7, 1.4, 2.5, 1.4)),
)
"""Colours with enough contrast for text, told apart with all common kinds of colour-blindness."""
