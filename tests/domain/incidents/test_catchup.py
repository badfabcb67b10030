"""The catch-up: what somebody reads who comes late, at each moment of a story."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.alerts.alerts import AppliedSilence
from domain.incidents.catchup import MAX_LINES, Catchup, catchup_of
from domain.incidents.incident import LinkedAlert, Participant
from domain.incidents.timeline import EntryKind
from domain.incidents.transitions import pause
from domain.operations.locks import LockRecord
from domain.operations.operation import State
from domain.people import Person
from domain.rich_text import UserMention, parts_of, plain_text, sentence
from domain.severities import Severity
from tests.harness.samples.incident_story import (
    ANA,
    BAD_DEPLOY,
    EARLIER,
    ERRORS,
    MIA,
    MOMENTS,
    ROLLBACK,
    SILENCE,
    IncidentStory,
    closed,
    declared,
    minute,
    resolved,
    rolling_back,
)

STRANGER = Person("U0STRANGE9", "T0DEEPECHO")
RUNNING = replace(ROLLBACK, state=State.RUNNING, ended_at=None, outcome="")
HELD = LockRecord(
    environment="production",
    service="deep-echo-main",
    operation="op-k7m2",
    by=ANA.person,
    reason="",
    since=minute(9),
    until=None,
)
FREEZE = replace(HELD, service="", operation="", by=MIA.person, reason="incident", until=minute(90))


def read(catchup: Catchup) -> dict[str, str]:
    """Its lines by label, those without one behind the label before."""
    lines: dict[str, str] = {}
    label = ""
    for each in catchup.lines:
        label = each.label or label
        lines[label] = "\n".join(filter(None, [lines.get(label, ""), plain_text(each.text)]))
    return lines


def read_story(story: IncidentStory, minutes: float, *operations: object, **more: object) -> dict[str, str]:
    return read(story.catchup(minute(minutes), *operations, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("moment", MOMENTS)
def test_at_every_moment_it_is_at_most_ten_lines_that_mention_nobody(moment: str) -> None:
    story = MOMENTS[moment]()
    for number in range(12):
        story.note(EntryKind.MESSAGE, minute(5 + number), sentence(STRANGER, " said this"), Participant(STRANGER))
    operations = [replace(ROLLBACK, id=f"op-{number}", requested_by=STRANGER) for number in range(9)]
    locks = tuple(replace(HELD, service=f"service-{number}", by=STRANGER) for number in range(9))
    catchup = story.catchup(minute(16), *operations, locks=locks, acts=(SILENCE,) * 9)
    assert len(catchup.lines) == MAX_LINES
    assert not [part for each in catchup.lines for part in parts_of(each.text) if isinstance(part, UserMention)]
    assert max(len(plain_text(each.text)) for each in catchup.lines) < 500


def test_before_anybody_acts_it_says_so_and_what_comes() -> None:
    lines = read_story(declared(), 3, BAD_DEPLOY)
    assert lines["State"] == (
        "declared by deepecho at 2026-11-23 14:02 UTC, 3 min ago; nobody has acknowledged it"
        " · acknowledgement by 2026-11-23 14:07 UTC · response by 2026-11-23 15:02 UTC"
    )
    assert lines["Last word"] == "nobody has posted an update yet"
    assert lines["Who"] == "commander nobody · comms nobody · scribe nobody"
    assert lines["Locked"] == "nothing is locked, frozen or silenced"
    assert lines["If nobody acts"].startswith("2026-11-23 14:07 UTC reminds everybody here · 2026-11-23 14:17 UTC escalates")


def test_while_people_work_it_says_what_they_tried_and_what_is_locked() -> None:
    lines = read_story(rolling_back(), 13, BAD_DEPLOY, EARLIER, RUNNING, locks=(FREEZE, HELD), acts=(SILENCE,), names={})
    assert lines["Last word"] == "ana, 4 min ago: rolling back to the version of yesterday, errors should fall within minutes"
    assert lines["Alerts"] == "fires: HighErrorRate (`al-k7m2`); suspect: deploy main-9f00d12"
    assert lines["Last 15 min"].splitlines()[0] == "2026-11-23 14:13 UTC lee: checkout works again for me"
    assert "silence HighLatency: noise of the same cause" in lines["Last 15 min"]
    newest, older = lines["Tried"].splitlines()
    assert newest == "2026-11-23 14:10 UTC roll deep-echo-main back to main-abc1234 in production (`op-k7m2`): still runs"
    assert older.endswith("Rejected by mia: wrong version. · and 1 more")
    assert lines["Locked"] == ("production is frozen, until 2026-11-23 15:32 UTC: incident; deep-echo-main by `op-k7m2`")


def test_after_the_end_it_says_how_it_ended_and_what_is_still_due() -> None:
    lines = read_story(resolved(), 23, BAD_DEPLOY, ROLLBACK)
    assert "resolved by ana at 2026-11-23 14:24 UTC, watched until 2026-11-23 14:54 UTC" in lines["State"]
    assert lines["Alerts"].startswith("has ended: HighErrorRate")
    assert "Verified: all 3 pods run main-abc1234." in lines["Tried"]
    assert lines["If nobody acts"].startswith("2026-11-23 14:54 UTC the watch ends")
    assert "closed by deepecho" in read_story(closed(), 60)["State"]


def test_what_is_older_than_a_quarter_of_an_hour_is_not_recent() -> None:
    story = declared()
    assert read_story(story, 14)["Last 15 min"].startswith("2026-11-23 14:02 UTC ana was paged")
    assert read_story(story, 16)["Last 15 min"] == "nothing was recorded"


def test_dropped_entries_are_not_told() -> None:
    story = declared()
    story.note(EntryKind.MESSAGE, minute(3), "wrong channel", ANA)
    assert "wrong channel" in read_story(story, 4)["Last 15 min"]
    story.entries[-1] = replace(story.entries[-1], dropped=True)
    assert "wrong channel" not in read_story(story, 4)["Last 15 min"]


def test_a_clock_that_is_late_or_paused_says_so() -> None:
    story = rolling_back()
    assert "next update was due 2026-11-23 14:41 UTC" in read_story(story, 50)["State"]
    story.apply(pause(story.record, minute(120), "waiting for the vendor", ANA, minute(50)))
    assert "next update paused until 2026-11-23 16:02 UTC: waiting for the vendor" in read_story(story, 51)["State"]


def test_several_alerts_are_counted_and_the_worst_news_first() -> None:
    story = declared()
    others = tuple(
        LinkedAlert(group_id=f"al-{number}", title=f"Alert{number}", severity=Severity.P2, firing=number < 3)
        for number in range(5)
    )
    story.record = replace(story.record, alerts=others)
    assert read_story(story, 1)["Alerts"] == "3 of 5 fire: Alert0 (`al-0`), Alert1 (`al-1`) and 1 more"


def test_a_silence_on_a_linked_alert_is_among_what_is_hidden() -> None:
    silence = AppliedSilence(id="s1", by=MIA.person, at=minute(5), until=minute(65), reason="known")
    lines = read_story(declared(), 6, groups=(replace(ERRORS, silence=silence),))
    assert lines["Locked"] == "HighErrorRate is silenced until 2026-11-23 15:07 UTC"


def test_a_failed_operation_says_that_it_failed() -> None:
    failed = replace(ROLLBACK, state=State.FAILED, outcome="deep-echo-main did not become ready.")
    assert read_story(declared(), 20, failed)["Tried"].endswith(": failed: deep-echo-main did not become ready.")


def test_names_that_are_looked_up_stand_where_nobody_is_recorded() -> None:
    asked = replace(ROLLBACK, requested_by=STRANGER)
    evidence = declared().evidence(minute(20), asked)
    assert "(`op-k7m2`): " in read(catchup_of(evidence, ()))["Tried"]
    named = replace(evidence, names={**evidence.names, STRANGER: "kim"})
    assert "(`op-k7m2`, kim): " in read(catchup_of(named, ()))["Tried"]


def test_texts_without_an_end_do_not_push_out_the_rest() -> None:
    story = rolling_back()
    story.note(EntryKind.MESSAGE, minute(12), "x" * 5000, ANA)
    alert = replace(story.record.alerts[0], title="a" * 500, suspect="s" * 500)
    story.record = replace(story.record, title="t" * 150, alerts=(alert,))
    catchup = story.catchup(minute(13), acts=(replace(SILENCE, why="w" * 2000),))
    assert sum(len(plain_text(each.text)) for each in catchup.lines) < 2_500
    assert timedelta(minutes=13) == catchup.at - story.record.declared.at
