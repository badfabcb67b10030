"""The pictures, as far as a machine can look at them. ``tests/bot/charts/gallery.py`` paints them for people."""

import asyncio
import os
import subprocess
import sys
import threading
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.charts import Charts, draw, style
from domain.metrics.charts import AnyChart, Chart, Marker
from tests.bot.charts.gallery import ONE_FAILS, SINCE, at, chart, gallery, lasting, series
from tests.bot.views.test_hostile import HOSTILE, LONG
from tests.domain.metrics.test_chart_text import charts

GALLERY = gallery()
PENS = [pen.colour for pen in style.PENS]


class DecodedPicture:
    """A picture as a viewer would take it apart."""

    def __init__(self, png: bytes) -> None:
        self.image = Image.open(BytesIO(png))
        self.image.load()
        self._pixels = np.asarray(self.image.convert("RGB"))

    def places(self, colour: str) -> set[tuple[int, int]]:
        """Where exactly this colour is, counted from the upper left."""
        wanted = [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
        return {(int(x), int(y)) for y, x in np.argwhere((self._pixels == wanted).all(axis=2))}

    def columns(self, colour: str) -> set[int]:
        return {x for x, _ in self.places(colour)}

    def rows(self, colour: str) -> set[int]:
        return {y for _, y in self.places(colour)}


def draw_and_decode(given: AnyChart) -> DecodedPicture:
    return DecodedPicture(draw(given))


@pytest.mark.parametrize("name", GALLERY)
def test_everything_becomes_one_opaque_picture(name: str) -> None:
    image = draw_and_decode(GALLERY[name]).image
    assert image.format == "PNG"
    assert image.size == (1200, 630)
    assert image.convert("RGBA").getchannel("A").getextrema() == (255, 255)


def test_nothing_in_the_file_tells_when_or_by_what_it_was_made() -> None:
    assert set(draw_and_decode(GALLERY["error_rate"]).image.info) <= {"dpi"}


def test_the_same_chart_has_the_same_bytes_on_any_thread() -> None:
    drawn: list[bytes] = []
    threads = [threading.Thread(target=lambda: drawn.append(draw(GALLERY["eight_pods"]))) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert set(drawn) == {draw(GALLERY["eight_pods"])}
    assert len(drawn) == 3


@given(charts())
@settings(max_examples=40, deadline=None)
def test_whatever_numbers_come_there_is_a_picture(given: Chart) -> None:
    assert draw_and_decode(given).image.size == (1200, 630)


@given(st.lists(st.one_of(HOSTILE, LONG), min_size=4, max_size=4))
@settings(max_examples=25, deadline=None)
def test_whatever_people_write_there_is_a_picture(words: list[str]) -> None:
    title, first, second, mark = words
    lines = [replace(ONE_FAILS[0], name=first), series(second, float)]
    assert draw_and_decode(chart(title, *lines, threshold=10, markers=[at(20, mark), at(21, mark)])).image.size == (1200, 630)


def test_formulas_are_letters() -> None:
    assert draw(chart("$x$", *ONE_FAILS)) != draw(chart("x", *ONE_FAILS))
    assert draw(chart(r"$\frac$", *ONE_FAILS)) != draw(chart("", *ONE_FAILS))


@pytest.mark.parametrize("unseen", ["\x00", "\x1b", "\u202e", "\u200d", "🔥", "\n", "\ufeff"])
def test_what_cannot_be_seen_changes_no_picture(unseen: str) -> None:
    assert draw(chart(f"{unseen}Errors{unseen}", *ONE_FAILS)) == draw(chart("Errors", *ONE_FAILS))


def test_secrets_are_not_drawn() -> None:
    one, other = (chart(f"password={secret}", *ONE_FAILS) for secret in ("hunter2", "correct-horse"))
    assert draw(one) == draw(other)


def test_words_stay_on_the_paper() -> None:
    for name in ("long_words", "long_name", "hostile", "eight_pods", "many_markers"):
        seen = draw_and_decode(GALLERY[name])
        for colour in (style.INK, style.SOFT_INK, style.EVENT_MARKER, *PENS):
            columns = seen.columns(colour)
            assert not columns or (min(columns) >= 40 and max(columns) <= 1160), (name, colour)


def test_eight_lines_and_no_more_are_drawn_the_highest_ones() -> None:
    few = [each for each in GALLERY["thousand"].series if int(each.name[4:]) >= 992]
    seen = draw_and_decode(GALLERY["thousand"])
    assert all(seen.places(colour) for colour in PENS)
    assert seen.columns(style.SOFT_INK) != draw_and_decode(chart("Requests by pod", *few, threshold=990)).columns(style.SOFT_INK)
    assert draw(GALLERY["thousand"]) == draw(chart("Requests by pod", *few[::-1], threshold=990, left_out=992))


def test_a_line_of_the_day_before_has_the_colour_of_its_line_and_takes_no_place_of_another() -> None:
    one, many = draw_and_decode(GALLERY["compared"]), draw_and_decode(GALLERY["compared_many"])
    assert [bool(one.places(colour)) for colour in PENS] == [True] + [False] * 7
    assert max(one.rows(PENS[0])) - min(one.rows(PENS[0])) > 150
    assert [bool(many.places(colour)) for colour in PENS] == [True] * 4 + [False] * 4
    alone = replace(GALLERY["compared_many"], series=GALLERY["compared_many"].current)
    assert all(draw_and_decode(alone).places(colour) for colour in PENS)


@pytest.mark.parametrize("count", [3, 4, 5])
def test_series_without_a_number_are_not_counted_as_more(count: int) -> None:
    some = [series(f"pod-{number}", lambda _: 5.0) for number in range(count)]
    silent = [series(f"pod-{number}", lambda _: None) for number in range(count, 12)]
    assert draw(chart("Requests", *some, *silent)) == draw(chart("Requests", *some, silent[0]))


def test_a_missing_number_leaves_a_gap() -> None:
    whole = draw_and_decode(chart("Requests", series("a", lambda part: 5 + part)))
    holes = draw_and_decode(chart("Requests", series("a", lambda part: None if 0.4 < part < 0.6 else 5 + part)))
    skipped = chart("Requests", series("a", lambda part: 5 + part))
    points = tuple(each for number, each in enumerate(skipped.series[0].points) if not 48 < number < 72)
    without = draw_and_decode(replace(skipped, series=(replace(skipped.series[0], points=points),)))
    gap = whole.columns(PENS[0]) - holes.columns(PENS[0])
    assert len(gap) > 150
    assert gap == set(range(min(gap), max(gap) + 1))
    assert without.columns(PENS[0]) == holes.columns(PENS[0])


def test_a_single_point_is_a_dot() -> None:
    alone = chart("Queue", replace(ONE_FAILS[0], points=((SINCE.timestamp() + 1800, 14.0),)))
    left_half = {x for x in draw_and_decode(alone).columns(PENS[0]) if x < 800}
    assert 8 <= len(left_half) <= 24


@pytest.mark.parametrize("name", ["no_data", "nan_only"])
def test_without_data_there_is_no_plot(name: str) -> None:
    seen = draw_and_decode(GALLERY[name])
    assert not seen.places(style.GRID)
    assert not seen.places(style.LIMIT)
    assert seen.places(style.INK)


def test_the_bad_side_of_the_limit_is_shaded() -> None:
    rate, hits = draw_and_decode(GALLERY["error_rate"]), draw_and_decode(GALLERY["gaps"])
    limit = min(y for x, y in rate.places(style.LIMIT) if x < 900)
    assert max(rate.rows(style.BREACH)) <= limit + 4
    limit = max(y for x, y in hits.places(style.LIMIT) if x < 900)
    assert min(hits.rows(style.BREACH)) >= limit - 4


@pytest.mark.parametrize(
    ("name", "is_above"),
    [("recovered", True), ("millions", True), ("eight_pods", True), ("negative", False), ("zoomed", False), ("two_lines", True)],
)
def test_the_bad_side_is_where_the_lines_went(name: str, *, is_above: bool) -> None:
    seen = draw_and_decode(GALLERY[name])
    shaded = seen.rows(style.BREACH)
    limit = {y for x, y in seen.places(style.LIMIT) if x < 600}
    assert (max(shaded) <= max(limit)) is is_above
    assert (min(shaded) >= min(limit)) is not is_above


@pytest.mark.parametrize("name", ["constant", "far_below", "far_flat"])
def test_nothing_is_shaded_where_nothing_tells_what_is_bad(name: str) -> None:
    seen = draw_and_decode(GALLERY[name])
    assert seen.places(style.LIMIT)
    assert not seen.places(style.BREACH)


def test_an_alert_that_began_before_the_chart_is_on_the_bad_side() -> None:
    low = chart("Hit rate", series("cache", lambda _part: 50.0), threshold=80, markers=[at(-30, "alert began")])
    seen = draw_and_decode(low)
    limit = {y for x, y in seen.places(style.LIMIT) if x < 600}
    assert min(seen.rows(style.BREACH)) >= min(limit)


@pytest.mark.parametrize("name", ["far_above", "far_negative"])
def test_a_limit_far_away_is_named_and_leaves_the_lines_their_shape(name: str) -> None:
    seen = draw_and_decode(GALLERY[name])
    assert not {x for x in seen.columns(style.LIMIT) if x < 700}
    assert seen.places(style.LIMIT)
    heights = seen.rows(PENS[0])
    assert max(heights) - min(heights) > 200


def test_what_happened_outside_the_window_is_not_marked() -> None:
    outside = chart("Errors", *ONE_FAILS, markers=[at(-1, "before"), at(61, "after")])
    assert draw(outside) == draw(chart("Errors", *ONE_FAILS))


def test_a_mark_is_drawn_where_it_happened() -> None:
    early, late = (draw_and_decode(chart("Errors", *ONE_FAILS, markers=[Marker(at(minute, "").at, "x")])) for minute in (15, 45))
    assert min(early.columns(style.EVENT_MARKER)) < 400
    assert min(late.columns(style.EVENT_MARKER)) > 700


def test_a_window_of_no_time_has_a_picture() -> None:
    assert draw_and_decode(lasting(GALLERY["error_rate"], SINCE - SINCE)).image.size == (1200, 630)


async def test_the_loop_goes_on_while_a_chart_is_drawn() -> None:
    drawing = Charts()
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0)
            beats += 1

    beating = asyncio.create_task(beat())
    try:
        first, second = await asyncio.gather(drawing.png(GALLERY["gaps"]), drawing.png(GALLERY["no_data"]))
    finally:
        beating.cancel()
        drawing.close()
    assert (first, second) == (draw(GALLERY["gaps"]), draw(GALLERY["no_data"]))
    assert beats > 5


async def test_who_waits_when_it_is_closed_does_not_wait_for_ever() -> None:
    drawing = Charts()
    waiting = [asyncio.create_task(drawing.png(GALLERY["thousand"])) for _ in range(5)]
    await asyncio.sleep(0)
    drawing.close()
    async with asyncio.timeout(10):
        ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert any(isinstance(each, asyncio.CancelledError) for each in ended)


def run(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, with ``folder`` to keep temporary files in, and without a home."""
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd()), "TMPDIR": str(folder), "HOME": "/dev/null/nowhere"}
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, cwd=folder, env=given | environment, capture_output=True, text=True, timeout=60, check=True)


PAINT = """
import hashlib, logging, os, sys
logging.basicConfig(level=logging.WARNING)
from bot.charts import draw
assert not {"matplotlib", "numpy", "PIL"} & set(sys.modules)
from tests.bot.charts.gallery import gallery
print(hashlib.sha256(draw(gallery()["error_rate"])).hexdigest(), os.environ.get("MPLCONFIGDIR"))
assert "matplotlib.pyplot" not in sys.modules
"""


def test_without_a_home_it_says_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    ran = run(PAINT, tmp_path)
    assert ran.stderr == ""
    assert ran.stdout.split()[1] == "None"
    assert list(tmp_path.iterdir()) == []


def test_somebodys_settings_of_matplotlib_change_no_picture(tmp_path: Path) -> None:
    plain = run(PAINT, tmp_path).stdout.split()[0]
    (tmp_path / "matplotlibrc").write_text("lines.antialiased: False\ntext.hinting: none\npath.sketch: 5, 50, 2\n")
    changed = run(PAINT, tmp_path, MPLCONFIGDIR=str(tmp_path))
    assert changed.stdout.split() == [plain, str(tmp_path)]
