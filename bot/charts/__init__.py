"""Charts as pictures. matplotlib is imported with the first one: a process that draws none does not carry it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from bot.charts.lazy_matplotlib import load_matplotlib
from domain.metrics.charts import Chart

__all__ = ["Charts", "draw"]


def draw(chart: Chart) -> bytes:
    """The chart as a PNG of 1200 by 630 pixels, the same bytes for the same chart. The first takes ten times as long."""
    load_matplotlib()
    from bot.charts.figure import paint

    return paint(chart)


class Charts:
    """Draws on a thread of its own, one after the other, so that the loop goes on meanwhile."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="charts")

    async def png(self, chart: Chart) -> bytes:
        """The chart as a PNG. What nobody waits for any more is not drawn."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, draw, chart)

    def close(self) -> None:
        """Ends after the picture in hand; those that wait are cancelled."""
        self._thread.shutdown(wait=False, cancel_futures=True)
