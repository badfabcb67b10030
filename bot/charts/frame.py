"""The plot's position on the canvas, and conversion of values and times to pixels. Pure."""

from dataclasses import dataclass

from bot.charts.scales import AxisScale
from domain.metrics.chart_text import Point

Spot = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """The plot's sides in pixels, its value scale and its time range in seconds since 1970."""

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

    def level(self, fraction: float) -> float:
        """The y of a fraction of the height, 0 at the bottom to 1 at the top."""
        return self.bottom + fraction * (self.top - self.bottom)
