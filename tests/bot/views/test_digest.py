"""The lines of a digest, as somebody reads them who has just woken up."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.views.digest import digest, sparkline
from bot.views.markup.terminal import text_of
from domain.digest.digest import Digest
from domain.health import HealthLevel, HealthLine
from tests.harness.samples.digest_gallery import LINES, MORNING
from tests.harness.samples.operations import NOW


def green(system: str, text: str = "fine", **more: object) -> HealthLine:
    return HealthLine(system=system, level=HealthLevel.GREEN, text=text, measured_at=NOW, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "bars"),
    [
        ((), ""),
        ((None,) * 24, ""),
        ((*(None,) * 23, 5.0), ""),
        ((0.0, 7.0), "▁█"),
        ((3.0, 3.0, 3.0), "▁▁▁"),
        ((0.0, None, 7.0), "▁ █"),
        ((-1e300, 1e300), "▁█"),
        ((*(None,) * 21, 1.0, None, 2.0), "▁ █ (last 3 h)"),
        ((None, 1.0, 2.0, 3.0), "▁▅█ (last 18 h)"),
        (tuple(map(float, range(100))), "▁▁▂▂▂▃▃▃▃▄▄▄▅▅▅▆▆▆▆▇▇▇██"),
    ],
    ids=["none", "gaps", "one value", "two", "level", "a gap", "large", "a young Prometheus", "long steps", "many"],
)
def test_a_sparkline_is_of_what_was_measured_and_says_where_that_is_less_than_a_day(
    values: tuple[float | None, ...], bars: str
) -> None:
    assert sparkline(values) == bars


def test_systems_that_are_well_and_have_no_number_share_a_line() -> None:
    lines = (*LINES[:2], green("pods", value=3.0), green("Jaeger"), green("Grafana"))
    text = text_of(digest(replace(MORNING, lines=lines, comparisons=(("pods", "yesterday 2"),))))
    assert "pods fine · yesterday 2\n" in text
    assert "Jaeger fine · Grafana fine\n" in text


def test_the_notification_on_a_lock_screen_names_what_is_red() -> None:
    assert digest(MORNING).summary == ("🔴 Good morning · Mon 23 Nov · production · red: alerts",)
    assert "red" not in str(digest(replace(MORNING, lines=LINES[1:])).summary)


def test_it_says_from_when_on_it_tells() -> None:
    monday = MORNING.period
    said = {days: text_of(digest(replace(MORNING, since=monday - timedelta(days=days)))) for days in (1, 3)}
    assert ("since yesterday 3 deploys" in said[1], "What the night left behind" in said[1]) == (True, True)
    assert ("since Fri 20 Nov 3 deploys" in said[3], "Left behind since Fri 20 Nov" in said[3]) == (True, True)


def test_a_quiet_environment_says_what_did_not_happen_and_one_without_checks_that_nothing_is_measured() -> None:
    text = text_of(digest(Digest(environment="development", period=NOW.date(), made_at=NOW)))
    assert "nothing is measured here" in text
    assert "nothing was changed through deepecho, no alert fired, and no incident was declared" in text


def test_a_line_has_its_bars_beside_its_number_and_what_shows_more_at_its_end() -> None:
    line = HealthLine(
        system="errors",
        level=HealthLevel.RED,
        text="3 %",
        measured_at=NOW,
        series=(1.0, 3.0),
        commands=("slo production",),
    )
    shown = digest(replace(MORNING, lines=(line,), comparisons=(("errors", "yesterday 1 %"),)))
    assert "errors 3 % ▁█ · yesterday 1 % · /deepecho slo production" in text_of(shown)


def test_a_server_that_is_down_is_said_once() -> None:
    down = [
        HealthLine(
            system=name, level=HealthLevel.UNKNOWN, text="Prometheus is down.", measured_at=NOW, commands=("slo production",)
        )
        for name in ("errors", "latency")
    ]
    other = replace(down[0], system="traces", text="Jaeger is down.")
    text = text_of(digest(replace(MORNING, lines=(*down, other), comparisons=())))
    assert "⚪ errors, latency Prometheus is down. · /deepecho slo production\n⚪ traces Jaeger is down." in text
