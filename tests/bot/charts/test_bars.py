"""Charts of bars, as far as a machine can look at them. ``tests/bot/charts/bar_gallery.py`` paints them for people."""

from dataclasses import replace
from itertools import pairwise

import pytest

from bot.charts import draw, style
from bot.charts.bars import FILLINGS
from tests.bot.charts.bar_gallery import bars, gallery
from tests.bot.charts.gallery import LONG
from tests.bot.charts.test_charts import draw_and_decode

GALLERY = gallery()


@pytest.mark.parametrize("name", GALLERY)
def test_everything_becomes_one_opaque_picture(name: str) -> None:
    image = draw_and_decode(GALLERY[name]).image
    assert (image.format, image.size) == ("PNG", (1200, 630))
    assert draw(GALLERY[name]) == draw(GALLERY[name])


def test_a_bar_stands_where_its_week_is_and_is_as_high_as_its_count() -> None:
    picture = draw_and_decode(bars(4, [0], [0, 0, 0, 0], [0], [1, 4, 0, 2]))
    columns = sorted(picture.columns(FILLINGS[3].colour))
    gaps = [at for at, after in pairwise(columns) if after - at > 20]
    assert len(gaps) == 3  # three bars, and the legend
    tall = {x: len([1 for px, _ in picture.places(FILLINGS[3].colour) if px == x]) for x in (columns[4], gaps[1] - 4)}
    low, high = tall.values()
    assert high > 3 * low


def test_series_differ_without_colours() -> None:
    """Each has another pattern or another brightness."""
    looks = {(filling.hatch, round(brightness(filling.colour), 1)) for filling in FILLINGS}
    assert len(looks) == len(FILLINGS)
    shades = sorted(brightness(filling.colour) for filling in FILLINGS)
    assert all(after - before > 0.08 for before, after in pairwise(shades))


def brightness(colour: str) -> float:
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_without_a_count_it_says_so_and_draws_no_bar() -> None:
    picture = draw_and_decode(GALLERY["none"])
    assert all(not picture.columns(filling.colour) for filling in FILLINGS[:1])
    assert picture.columns(style.INK)


def test_words_of_others_stay_within_the_picture() -> None:
    picture = draw_and_decode(replace(GALLERY["month"], title=LONG, subtitle=LONG))
    assert not [x for x in picture.columns(style.INK) if x > style.WIDTH - style.MARGIN + 2]
