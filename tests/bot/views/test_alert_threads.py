"""What stands in an alert's thread, and on the card of a storm."""

from dataclasses import replace

import pytest

from domain.alerts.alerts import AlertNote
from domain.alerts.storms import StormCard
from domain.rich_text import sentence
from sandbox.slack.limits import check_message
from tests.harness.families import render
from tests.harness.message_text import markup_tokens, visible_text
from tests.harness.samples.alert_gallery import CALMED, RAGING, SPENT
from tests.harness.samples.alerts import ACKED_NOTE, CHART, CHART_NOTE, LEE, PODS_NOTE, SUSPECTS_NOTE

NOTES: dict[str, tuple[AlertNote, list[str]]] = {
    "acknowledged": (ACKED_NOTE, ["<@U0MIA00003> acknowledged this. It counts for 1 h.", "(14:02 UTC)"]),
    "chart": (
        CHART_NOTE,
        [
            "The chart of the last half hour:",
            "now 15, limit 10, highest 15 at 14:02 UTC, lowest -15",
        ],
    ),
    "suspects": (
        SUSPECTS_NOTE,
        ["• deploy main-9f00d12 by <@U0LEE00002> (`op-h3c9`): 12 min before, same Deployment", "• ConfigMap deep-echo-config"],
    ),
    "pods": (PODS_NOTE, ["🔴 1 pod does not come up:", "CrashLoopBackOff", "KeyError: 'CACHE_TTL' &amp; password=•••"]),
}


@pytest.mark.parametrize("name", NOTES)
def test_a_person_reads_the_thread(name: str) -> None:
    fact, there = NOTES[name]
    text = visible_text(render(fact))
    assert [words for words in there if words not in text] == []


def test_the_picture_travels_with_the_note_and_its_numbers_are_said_once() -> None:
    assert render(CHART_NOTE).chart == CHART
    assert render(ACKED_NOTE).chart is None
    numbers = "now 15, limit 10, highest 15 at 14:02 UTC, lowest -15"
    assert visible_text(render(replace(CHART_NOTE, text=numbers))).count("now 15") == 1


def test_lines_of_a_note_call_only_those_it_names() -> None:
    hostile = ("✅ pod=<@U0EVIL0001>", "<!channel>", "<https://evil.example|click>")
    lines = (sentence("ConfigMap <@U0EVIL0001> by ", LEE), *hostile, "by <@U0LEE00002>")
    assert markup_tokens(render(replace(SUSPECTS_NOTE, lines=lines)).blocks) == ["@U0LEE00002"]


STORMS: dict[str, tuple[StormCard, list[str], list[str]]] = {
    "raging": (
        RAGING,
        [
            "🌩️ Alert storm: 990 new alert groups in 2 min in this channel",
            "*880 fire now, 110 resolved*",
            "🔴 P1 300 · 🟠 P2 600 · 🟡 P3 90",
            "🔴 P1 *HighErrorRate* · 300 groups · 280 firing",
            "🔴 `al-0000` P1 HighErrorRate · production · service=shop-0",
            "`al-0007`",
            "and 4 more",
            "every one: `/deepecho alerts` · a P0 is never folded in here, it has its own card",
        ],
        ["over"],
    ),
    "over": (
        CALMED,
        ["✅ Storm over after 12 min: all 990 groups are resolved", "300 groups · all resolved"],
        ["fire", "/deepecho", "None"],
    ),
    "over while some fire": (SPENT, ["🌩️ Storm over after 12 min: 880 of 990 groups still fire", "/deepecho alerts"], ["✅"]),
    "all quiet, not over": (replace(CALMED, storm=RAGING.storm), ["*None fires now*", "🌩️ Alert storm: 990"], ["✅"]),
}


@pytest.mark.parametrize("name", STORMS)
def test_a_person_reads_how_the_storm_is(name: str) -> None:
    fact, there, absent = STORMS[name]
    message = render(fact)
    text = visible_text(message)
    assert [words for words in there if words not in text] == []
    assert [words for words in absent if words in text] == []
    assert message.overflow is None


def test_a_storm_of_very_long_names_fits() -> None:
    tallies = tuple(replace(RAGING.tallies[0], title="x" * 16_000, groups=n) for n in range(20))
    worst = tuple(replace(each, title="y" * 16_000, environment="production") for each in RAGING.worst)
    message = render(replace(RAGING, tallies=tallies, worst=worst))
    check_message({"text": message.text, "blocks": list(message.blocks)})
    assert "and 12 more" in visible_text(message)
    assert "`al-0007`" in visible_text(message)
