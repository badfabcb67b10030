"""Draws charts as PNG. matplotlib is imported with the first chart: a process that draws none does without its memory."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from bot.charts.lazy_matplotlib import load_matplotlib
from domain.metrics.charts import AnyChart, BarChart, TrendChart, WaterfallChart

__all__ = ["Charts", "draw"]


def draw(chart: AnyChart) -> bytes:
    """The chart as a PNG of 1200 by 630 pixels, a waterfall and trends as high as their rows.

    The same chart gives the same bytes. The first takes ten times as long.
    """
    load_matplotlib()
    from bot.charts.bars import paint_bars
    from bot.charts.figure import paint
    from bot.charts.trends import paint_trends
    from bot.charts.waterfall import paint_waterfall

    if isinstance(chart, WaterfallChart):
        return paint_waterfall(chart)
    if isinstance(chart, TrendChart):
        return paint_trends(chart)
    return paint_bars(chart) if isinstance(chart, BarChart) else paint(chart)


class Charts:
    """Draws charts on one thread of its own, one after the other, so that the event loop is not blocked."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="charts")

    async def png(self, chart: AnyChart) -> bytes:
        """The chart as a PNG. A cancelled call that has not begun is not drawn."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, draw, chart)

    def close(self) -> None:
        """Cancel the charts that wait. The one being drawn is finished."""
        self._thread.shutdown(wait=False, cancel_futures=True)
