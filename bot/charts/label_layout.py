"""Where labels go, so that none lies on another. Pure."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LINE_CLEARANCE = 4
"""Pixels that a line keeps from letters."""


@dataclass(frozen=True, slots=True)
class PlacedLabel:
    """A label at a vertical line: in which row over the picture, from where to where."""

    line_x: float
    row: int
    start: float
    end: float


def spread(targets: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """As near to the wanted heights as ``gap`` between each two allows, in the same order from high to low."""
    order = sorted(range(len(targets)), key=lambda place: -targets[place])
    clusters: list[tuple[float, int]] = []
    for place in order:
        centre, count = min(high, max(low, targets[place])), 1
        while clusters and clusters[-1][0] - centre < gap * (clusters[-1][1] + count) / 2:
            above, more = clusters.pop()
            centre, count = (above * more + centre * count) / (more + count), more + count
            reach = gap * (count - 1) / 2
            centre = max(low + reach, min(high - reach, centre))
        clusters.append((centre, count))
    heights = [centre + gap * ((count - 1) / 2 - number) for centre, count in clusters for number in range(count)]
    placed = [0.0] * len(targets)
    for place, height in zip(order, heights, strict=True):
        placed[place] = height
    return placed


def place_labels(
    lines: Sequence[tuple[float, float]], rows: int, left: float, right: float, gap: float
) -> list[PlacedLabel | None]:
    """For each line, given where it is and how wide its label, the label's place; None where there is no room.

    The outer ones are placed first and lowest, their labels away from the middle: so those of things that happened at nearly
    the same time rise like the two sides of a gable. A line reaches up to its label and passes no other label on the way.
    """
    placed: dict[int, PlacedLabel] = {}
    for number, is_late in _outer_first(lines):
        at, width = lines[number]
        sides = (at, at - width) if is_late else (at - width, at)
        starts = [start for start in sides if left <= start <= right - width]
        choices = (PlacedLabel(at, row, start, start + width) for row in range(rows) for start in starts)
        chosen = next((flag for flag in choices if all(_are_apart(flag, other, gap) for other in placed.values())), None)
        if chosen:
            placed[number] = chosen
    return [placed.get(number) for number in range(len(lines))]


def _outer_first(lines: Sequence[tuple[float, float]]) -> Iterator[tuple[int, bool]]:
    """The latest, the earliest, the second latest and so on; and whether each comes from the late side."""
    order = deque(sorted(range(len(lines)), key=lambda each: lines[each][0]))
    while order:
        yield order.pop(), True
        if order:
            yield order.popleft(), False


def _are_apart(first: PlacedLabel, second: PlacedLabel, gap: float) -> bool:
    if first.row == second.row and first.start < second.end + gap and second.start < first.end + gap:
        return False
    return not (_crosses(first, second) or _crosses(second, first))


def _crosses(line: PlacedLabel, label: PlacedLabel) -> bool:
    """Whether the line of one runs through the label of another that hangs lower. Things of one moment share their line."""
    return (
        line.line_x != label.line_x
        and label.row < line.row
        and label.start - _LINE_CLEARANCE < line.line_x < label.end + _LINE_CLEARANCE
    )
