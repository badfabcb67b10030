"""One line of the table: a ratio against a floor that was measured in the same run."""

import statistics
from dataclasses import dataclass

AT_ONCE = 32
"""Connections that send at the same time."""


@dataclass(frozen=True, slots=True)
class Result:
    """One line: ``ratio`` is against ``floor_us`` (microseconds, or what the name says); no ``limit``: only reported."""

    name: str
    ratio: float
    limit: float | None
    floor_us: float
    runs: int

    @property
    def over(self) -> bool:
        return self.limit is not None and self.ratio > self.limit


def compared(name: str, ours: list[float], floor: list[float], limit: float | None) -> Result:
    """The median of the runs' ratios: what was measured side by side shares whatever else the machine was doing."""
    ratio = statistics.median(mine / bare for mine, bare in zip(ours, floor, strict=True))
    return Result(name, round(ratio, 3), limit, round(statistics.median(floor), 1), len(ours))
