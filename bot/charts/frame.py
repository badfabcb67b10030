"""The plot's place on the paper. Pure."""

from dataclasses import dataclass

from bot.charts.scales import AxisScale
from domain.metrics.chart_text import Point

Spot = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """Its sides in pixels and what they stand for; times are in seconds since 1970."""

    left: float
    right: float
    bottom: float
    top: float
    scale: AxisScale
    since: float
    until: float

    def spot(self, point: Point) -> Spot:
        return self.x(point.at), self.y(point.value)

    def x(self, at: float) -> float:
        return self.left + (at - self.since) / (self.until - self.since) * (self.right - self.left)

    def y(self, value: float) -> float:
        return self.level(self.scale.position(value))

    def level(self, place: float) -> float:
        """The height of a part of the scale, 0 to 1."""
        return self.bottom + place * (self.top - self.bottom)
