"""Charts of trends: as mornings have them, and what is hard to draw.

``python -m tests.bot.charts.trend_gallery`` paints each into ``.screenshots/charts``.
"""

import math
from pathlib import Path

from bot.charts import draw
from domain.digest.digest import Digest
from domain.digest.trends import trend_chart, trend_rows
from domain.health import HealthLevel, HealthLine
from domain.metrics.charts import TrendChart
from tests.harness.samples.operations import NOW

WAVE = tuple(round(0.3 + 0.2 * math.sin(number / 4) + (number > 40) * 0.4, 3) for number in range(48))
_DAY_WITH_A_GAP = (*WAVE[:20], None, None, WAVE[22], None, *WAVE[24:])


def trends(**series: tuple[float | None, ...]) -> TrendChart | None:
    """The chart of lines with these values of the last day."""
    return trends_of(*(health_line(name.replace("_", " "), values) for name, values in series.items()))


def trends_of(*lines: HealthLine, earlier: tuple[Digest, ...] = ()) -> TrendChart | None:
    rows = trend_rows(lines, NOW.date(), earlier)
    return trend_chart(Digest(environment="production", period=NOW.date(), made_at=NOW, lines=lines, trends=rows))


def health_line(name: str, values: tuple[float | None, ...], unit: str = "%") -> HealthLine:
    value = values[-1] if values else None
    return HealthLine(
        system=name, level=HealthLevel.GREEN, text="measured", measured_at=NOW, value=value, unit=unit, series=values
    )


def gallery() -> dict[str, TrendChart | None]:
    long = "response time of deep-echo-cognitive-with-a-very-long-name-of-a-service"
    return {
        "morning": trends_of(
            health_line("errors", WAVE),
            health_line("response time", tuple(each * 700 for each in WAVE), "ms"),
            health_line("throughput", tuple(each * 4000 for each in reversed(WAVE)), "/min"),
            health_line("cache hits", _DAY_WITH_A_GAP),
            health_line("pods", (21,) * 8, ""),
        ),
        "one_row": trends(errors=WAVE),
        "gaps": trends(errors=_DAY_WITH_A_GAP, ends_in_a_gap=(*WAVE[:30], None)),
        "many": trends(**{f"objective {number}": WAVE for number in range(14)}),
        "long_words": trends_of(health_line(long, WAVE, "requests per minute and pod")),
        "huge": trends(errors=(1e-9, 1e18, 3.0), all_huge=(-1.7e308, 1.7e308)),
        "none": trends(errors=(), one=(1.0,), gaps=(None, None, None)),
    }


if __name__ == "__main__":
    folder = Path(".screenshots/charts")
    folder.mkdir(parents=True, exist_ok=True)
    for name, chart in gallery().items():
        if chart is not None:
            (folder / f"trends_{name}.png").write_bytes(draw(chart))
