"""Label placement without overlaps. Pure."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LINE_CLEARANCE = 4
"""Minimum pixels between a marker's line and another label's text."""


@dataclass(frozen=True, slots=True)
class PlacedLabel:
    """A label at the vertical line ``line_x``, in ``row`` above the plot (0 is the lowest), from ``start`` to ``end`` pixels."""

    line_x: float
    row: int
    start: float
    end: float


def spread(targets: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Heights as near to ``targets`` as a distance of ``gap`` allows, in the same order, within ``low`` and ``high``."""
    order = sorted(range(len(targets)), key=lambda index: -targets[index])
    # Labels that would touch form a cluster (centre, count), which is spaced evenly around the mean of its targets.
    # A grown cluster may touch the one above it, so merging goes on upwards.
    clusters: list[tuple[float, int]] = []
    for index in order:
        centre, count = min(high, max(low, targets[index])), 1
        while clusters and clusters[-1][0] - centre < gap * (clusters[-1][1] + count) / 2:
            above, more = clusters.pop()
            centre, count = (above * more + centre * count) / (more + count), more + count
            reach = gap * (count - 1) / 2
            centre = max(low + reach, min(high - reach, centre))
        clusters.append((centre, count))
    heights = [centre + gap * ((count - 1) / 2 - number) for centre, count in clusters for number in range(count)]
    placed = [0.0] * len(targets)
    for index, height in zip(order, heights, strict=True):
        placed[index] = height
    return placed


def place_labels(
    lines: Sequence[tuple[float, float]], rows: int, left: float, right: float, gap: float
) -> list[PlacedLabel | None]:
    """Place a label for each line of ``lines`` (x, label width); None where there is no room.

    Outer lines are placed first, in the lowest row, with their labels pointing outwards. Inner lines reach past them to higher
    rows, so no line crosses another line's label.
    """
    placed: dict[int, PlacedLabel] = {}
    for number, is_late in _outer_first(lines):
        at, width = lines[number]
        sides = (at, at - width) if is_late else (at - width, at)
        starts = [start for start in sides if left <= start <= right - width]
        choices = (PlacedLabel(at, row, start, start + width) for row in range(rows) for start in starts)
        chosen = next((label for label in choices if all(_are_apart(label, other, gap) for other in placed.values())), None)
        if chosen:
            placed[number] = chosen
    return [placed.get(number) for number in range(len(lines))]


def _outer_first(lines: Sequence[tuple[float, float]]) -> Iterator[tuple[int, bool]]:
    """Indexes of lines: the latest, the earliest, the second latest and so on; True for those from the late side."""
    order = deque(sorted(range(len(lines)), key=lambda index: lines[index][0]))
    while order:
        yield order.pop(), True
        if order:
            yield order.popleft(), False


def _are_apart(first: PlacedLabel, second: PlacedLabel, gap: float) -> bool:
    if first.row == second.row and first.start < second.end + gap and second.start < first.end + gap:
        return False
    return not (_crosses(first, second) or _crosses(second, first))


def _crosses(line: PlacedLabel, label: PlacedLabel) -> bool:
    """Whether the line of one label runs through another label in a lower row. Events of one moment share their line."""
    return (
        line.line_x != label.line_x
        and label.row < line.row
        and label.start - _LINE_CLEARANCE < line.line_x < label.end + _LINE_CLEARANCE
    )
