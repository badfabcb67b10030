"""Times that people type for the timeline, and the text file of a long one."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from domain.errors import UsageError
from domain.incidents.timeline import EntryKind
from domain.incidents.timeline_edits import edit_note, parse_past_time
from domain.incidents.timeline_report import timeline_of, timeline_text
from domain.rich_text import plain_text
from tests.harness.samples.incident_story import ANA, LEE, closed, declared, minute

BERLIN, LORD_HOWE = ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")


def parse(word: str, now: str, zone: ZoneInfo = BERLIN) -> str:
    return f"{parse_past_time(word, datetime.fromisoformat(now), zone):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("word", "now", "expected"),
    [
        ("14:05", "2026-11-23T14:00+00:00", "2026-11-23 13:05"),
        ("14:05Z", "2026-11-23T14:30+00:00", "2026-11-23 14:05"),
        ("14:05 utc", "2026-11-23T14:30+00:00", "2026-11-23 14:05"),
        ("9:05", "2026-11-23T14:30+00:00", "2026-11-23 08:05"),
        ("23:50", "2026-11-23T00:10+00:00", "2026-11-22 22:50"),  # 01:10 in Berlin: of the day before
        ("00:30", "2026-11-23T00:10+00:00", "2026-11-22 23:30"),
        ("2026-11-22T14:05", "2026-11-23T00:10+00:00", "2026-11-22 13:05"),
        ("2026-11-22 14:05", "2026-11-23T00:10+00:00", "2026-11-22 13:05"),
        ("02:30", "2026-10-25T00:40+00:00", "2026-10-25 00:30"),  # shown twice, and only the first has passed
        ("02:30", "2026-10-25T01:40+00:00", "2026-10-25 01:30"),  # both have: the last one is meant
        ("02:30", "2026-03-29T02:00+00:00", "2026-03-29 01:00"),  # skipped: when the clocks jumped
    ],
)
def test_a_time_is_the_last_one_that_the_writers_clock_showed(word: str, now: str, expected: str) -> None:
    assert parse(word, now) == expected


def test_half_an_hour_of_summer_time() -> None:
    assert parse("01:45", "2026-04-04T15:20+00:00", LORD_HOWE) == "2026-04-04 15:15"


@pytest.mark.parametrize("word", ["24:00", "1405", "14:5", "soon", "14:05+02:00", "2026-13-01T10:00", "", "\uff11\uff14:05"])
def test_what_is_no_time_is_refused(word: str) -> None:
    with pytest.raises(UsageError):
        parse(word, "2026-11-23T14:00+00:00")


def test_edits_and_deletions_are_marked_and_drops_are_left_out() -> None:
    story = declared()
    for number, text in enumerate(("first text, edited", "deleted since", "dropped"), start=1):
        story.note(EntryKind.MESSAGE, minute(number), text, LEE, f"https://x.slack.com/archives/C/p{number}")
    story.entries[-3] = replace(story.entries[-3], edited_at=minute(8))
    story.entries[-2] = replace(story.entries[-2], edited_at=minute(8), deleted_at=minute(9))
    story.entries[-1] = replace(story.entries[-1], dropped=True)
    assert [plain_text(edit_note(entry)) for entry in story.entries[-3:]] == [
        "edited at 14:10 UTC",
        "deleted at 14:11 UTC",
        "",
    ]
    text = timeline_text(timeline_of(story.record, story.entries, {}), BERLIN)
    assert "lee: first text, edited (edited at 14:10 UTC) https://x.slack.com/archives/C/p1" in text
    assert "lee: deleted since (deleted at 14:11 UTC)" in text
    assert "dropped" not in text


def test_a_file_has_both_times_and_one_line_for_each_entry() -> None:
    story = closed()
    story.note(EntryKind.MESSAGE, minute(600), "two\nlines\x00", ANA)
    text = timeline_text(timeline_of(story.record, story.entries, {}), BERLIN)
    lines = text.splitlines()
    assert lines[:2] == [
        "Timeline of inc-x4k2: HighErrorRate · deep-echo-main in production",
        "Times are UTC, then Europe/Berlin.",
    ]
    assert lines[3] == "2026-11-23 14:02 15:02    1  P1 HighErrorRate (`al-k7m2`) fires."
    assert lines[-1].startswith("2026-11-24 00:02 01:02")
    assert len(lines) == 3 + len(story.entries)


def test_a_day_that_differs_is_named() -> None:
    story = declared()
    story.entries = [replace(story.entries[0], at=datetime(2026, 11, 23, 23, 30, tzinfo=UTC))]
    assert "2026-11-23 23:30 24 Nov 00:30    1" in timeline_text(timeline_of(story.record, story.entries, {}), BERLIN)
