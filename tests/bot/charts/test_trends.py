"""Charts of trends, as far as a machine can look at them. ``tests/bot/charts/trend_gallery.py`` paints them for people."""

from dataclasses import replace
from itertools import pairwise

import pytest

from bot.charts import draw, style
from domain.metrics.charts import TrendChart
from tests.bot.charts.gallery import LONG
from tests.bot.charts.test_charts import draw_and_decode
from tests.bot.charts.trend_gallery import gallery, trends

GALLERY = {name: chart for name, chart in gallery().items() if chart is not None}
LINE = style.PENS[0].colour


@pytest.mark.parametrize("name", GALLERY)
def test_everything_becomes_one_opaque_picture_as_wide_as_the_others(name: str) -> None:
    image = draw_and_decode(GALLERY[name]).image
    assert (image.format, image.width) == ("PNG", style.WIDTH)
    assert draw(GALLERY[name]) == draw(GALLERY[name])


def test_without_two_values_there_is_no_picture() -> None:
    assert gallery()["none"] is None


def test_a_line_that_rises_ends_higher_than_it_began_and_a_gap_stays_empty() -> None:
    places = draw_and_decode(drawn(errors=(1.0, 1.0, None, None, None, 9.0, 9.0))).places(LINE)
    columns = sorted({x for x, _ in places})
    begin = max(y for x, y in places if x == columns[0])
    end = min(y for x, y in places if x == columns[-1])
    assert begin > end + 40  # pixels from the top
    assert max(after - before for before, after in pairwise(columns)) > 100


def test_ten_rows_are_drawn_and_the_others_are_counted() -> None:
    chart = drawn(**{f"objective {number}": (1.0, 2.0) for number in range(13)})
    assert (len(chart.rows), chart.left_out) == (10, 3)
    assert draw(chart) != draw(replace(chart, left_out=0))


def test_words_of_others_stay_within_the_picture() -> None:
    row = replace(drawn(errors=(1.0, 2.0)).rows[0], name=LONG, value=LONG, low=LONG, high=f"{LONG} ")
    picture = draw_and_decode(TrendChart(title=LONG, subtitle=LONG, rows=(row,)))
    assert not [x for ink in (style.INK, style.SOFT_INK) for x in picture.columns(ink) if x > style.WIDTH - style.MARGIN + 2]


def drawn(**series: tuple[float | None, ...]) -> TrendChart:
    chart = trends(**series)
    assert chart is not None
    return chart
