"""How charts look: sizes in pixels of a picture that a phone shows at a third of its size, and colours on paper of its own."""

from dataclasses import dataclass

WIDTH, HEIGHT = 1200, 630
MARGIN = 44

TITLE, BODY, LARGE = 38, 27, 40
"""Sizes of letters."""
LINE_HEIGHT = 35
"""From one line of small text to the next."""

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
    """Told from the others by colour, by dashes and by the shape on it: any one of them is enough."""

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
"""Dark enough to be letters on the paper; told apart with any of the common kinds of colour-blindness."""
