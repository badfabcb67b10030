"""Counts what redaction finds and what it spoils."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain.redaction import redact
from tests.redaction.shapes import make_sample

MIN_RECALL = 0.95
MAX_SPOILED = 30

_SURROUNDINGS = ("{}", "error: {} was refused", 'credential "{}" (401)', "['{}', 1]", "value={}\nnext line")
"""Where a token may stand; it counts as found only where it is hidden in all of them."""


@dataclass(frozen=True, slots=True)
class Recall:
    """How many shapes are hidden, and which are not."""

    shapes: int
    missed: tuple[str, ...]

    @property
    def share(self) -> float:
        """Of all shapes, from 0 to 1."""
        return 1 - len(self.missed) / self.shapes


def recall_of(tokens: Mapping[str, str], lines: Mapping[str, str]) -> Recall:
    """Measure on tokens, wherever they stand, and on whole lines."""
    missed = [name for name, shape in tokens.items() if any(_leaks(each.format(shape), shape) for each in _SURROUNDINGS)]
    missed += [name for name, shape in lines.items() if _leaks(shape, "")]
    return Recall(len(tokens) + len(lines), tuple(missed))


def spoiled(lines: Iterable[str]) -> list[tuple[str, str]]:
    """The lines in which something was masked, with what became of them."""
    return [(line, shown) for line in lines if (shown := redact(line)) != line]


def _leaks(shape: str, seed: str) -> bool:
    sample = make_sample(shape, seed)
    return sample.leaks(redact(sample.text))
