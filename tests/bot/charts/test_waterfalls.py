"""Waterfalls, as far as a machine can look at them. ``tests/bot/charts/waterfall_gallery.py`` paints them for people."""

from dataclasses import replace

import pytest

from bot.charts import draw, style
from bot.charts.canvas import has_glyph
from bot.charts.waterfall import FAILED, FAILED_WAITED, GAP, SPAN, WAITED
from domain.metrics.charts import WaterfallBar, WaterfallChart
from tests.bot.charts.gallery import LONG
from tests.bot.charts.test_charts import DecodedPicture, draw_and_decode
from tests.bot.charts.waterfall_gallery import gallery

GALLERY = gallery()


def _chart(*bars: WaterfallBar) -> WaterfallChart:
    return WaterfallChart(title="t", subtitle="s", bars=bars, origin=0, width=10**9)


@pytest.mark.parametrize("name", GALLERY)
def test_everything_becomes_one_picture_that_a_phone_can_show(name: str) -> None:
    png = draw(GALLERY[name])
    image = DecodedPicture(png).image
    assert (image.format, image.width) == ("PNG", 1200)
    assert 300 <= image.height <= 1200
    assert draw(GALLERY[name]) == png


def test_a_bar_lies_where_its_span_ran_and_the_path_is_thicker() -> None:
    picture = draw_and_decode(_chart(WaterfallBar(name="a", value="1 s", depth=0, extent=(0.25, 0.75), waited_for=((0.5, 0.6),))))
    width = style.WIDTH - 2 * style.MARGIN
    columns = picture.columns(SPAN)
    assert min(columns) == pytest.approx(style.MARGIN + 0.25 * width, abs=2)
    assert max(columns) == pytest.approx(style.MARGIN + 0.75 * width, abs=2)
    waited = {(x, y) for x, y in picture.places(WAITED) if x > style.MARGIN + 100}  # beside the legend
    assert len({y for _, y in waited}) > 1.5 * len(picture.rows(SPAN))
    assert min(x for x, _ in waited) == pytest.approx(style.MARGIN + 0.5 * width, abs=2)


def test_a_moment_is_seen_and_what_lies_beyond_is_not_drawn_as_if_it_were_here() -> None:
    moment = draw_and_decode(_chart(WaterfallBar(name="a", value="0 ns", depth=0, extent=(0.5, 0.5))))
    assert len(moment.columns(style.EVENT_MARKER)) > 10
    assert not moment.columns(WAITED)  # nothing waited for it
    beyond = draw_and_decode(_chart(WaterfallBar(name="a", value="1 s", depth=0, extent=(-9.0, -8.0))))
    assert not beyond.columns(SPAN) | beyond.columns(WAITED) | beyond.columns(style.EVENT_MARKER)


def test_a_failure_is_red_and_said() -> None:
    bar = WaterfallBar(name="a", value="1 s", depth=0, extent=(0.0, 1.0), is_error=True)
    picture = draw_and_decode(_chart(bar))
    assert picture.columns(FAILED)
    assert picture.columns(FAILED_WAITED)  # the words
    assert not draw_and_decode(_chart(replace(bar, is_error=False))).columns(FAILED_WAITED)


def test_a_time_without_spans_is_shaded() -> None:
    assert draw_and_decode(GALLERY["gaps"]).columns(GAP)
    assert not draw_and_decode(GALLERY["eight"]).columns(GAP)


def test_words_of_others_stay_within_the_picture() -> None:
    bar = WaterfallBar(name=LONG, value="1 s", depth=900, extent=(0.0, 1.0))
    picture = draw_and_decode(replace(_chart(bar), title=LONG, subtitle=LONG, notes=(LONG,)))
    for colour in (style.INK, style.SOFT_INK):
        assert not [x for x in picture.columns(colour) if x > style.WIDTH - style.MARGIN + 2]


def test_what_we_write_is_in_the_font() -> None:
    assert all(has_glyph(letter, bold=bold) for letter in "µ…·" for bold in (True, False))
