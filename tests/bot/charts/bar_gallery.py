"""Charts of bars for everything that can come, and a way to look at them.

``python -m tests.bot.charts.bar_gallery`` paints each into ``.screenshots/charts``.
"""

from datetime import date, timedelta
from pathlib import Path

from bot.charts import draw
from domain.metrics.charts import BarChart, BarSeries


def bars(weeks: int, *values: list[int], title: str = "Incidents by week") -> BarChart:
    """Four series, repeated over the weeks."""
    first = date(2026, 10, 19)
    labels = [first + timedelta(weeks=number) for number in range(weeks)]
    series = [(row * weeks)[:weeks] for row in values]
    return BarChart(
        title=title,
        subtitle="24 Oct 2026 to 23 Nov 2026 · weeks begin on Monday, UTC",
        labels=tuple(f"{day.day} {day:%b}" for day in labels),
        series=tuple(BarSeries(f"P{number}", tuple(row)) for number, row in enumerate(series)),
    )


def gallery() -> dict[str, BarChart]:
    return {
        "month": bars(6, [0, 0, 1, 0, 0, 0], [1, 3, 2, 0, 1, 4], [4, 2, 6, 3, 0, 1], [2, 0, 1, 1, 0, 0]),
        "one": bars(6, [0], [0, 0, 0, 0, 0, 1], [0], [0]),
        "none": bars(6, [0], [0], [0], [0]),
        "year": bars(53, [0, 0, 0, 1], [1, 0, 2, 3, 1], [3, 1, 4, 1, 5, 9, 2], [2, 7, 1, 8]),
        "storm": bars(5, [0, 0, 0, 12, 0], [3, 9, 2, 1200, 4], [20, 31, 18, 14_000, 22], [5, 4, 3, 900, 1]),
        "one_week": bars(1, [1], [2], [3], [4]),
        "long_words": bars(4, [1], [2], [3], [4], title="Incidents by week " * 20),
    }


if __name__ == "__main__":
    folder = Path(".screenshots/charts")
    folder.mkdir(parents=True, exist_ok=True)
    for name, chart in gallery().items():
        (folder / f"bars_{name}.png").write_bytes(draw(chart))
