"""Catch-ups and timelines as people read them: in Slack, on a phone, in a terminal."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from domain.incidents.timeline import EntryKind
from domain.incidents.timeline_report import timeline_of
from sandbox.slack.limits import check_message
from tests.bot.views.test_hostile import HOSTILE
from tests.harness.families import render, render_text
from tests.harness.message_text import visible_text
from tests.harness.samples.incident_story import ANA, LEE, MOMENTS, ROLLBACK, declared, minute, rolling_back


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_catchup_is_ten_lines_without_mentions(moment: str) -> None:
    fact = MOMENTS[moment]().catchup(minute(13), ROLLBACK)
    message = render(fact)
    check_message({"text": message.text, "blocks": list(message.blocks)})
    assert message.overflow is None
    assert "<@" not in str(message.blocks)
    head, lines, foot = render_text(fact).split("\n\n")
    assert head.endswith("P1 · HighErrorRate · deep-echo-main in production")
    assert len(lines.splitlines()) <= 10
    assert "again: /deepecho incident catchup inc-x4k2" in foot


@given(HOSTILE)
@settings(max_examples=60, deadline=None)
def test_what_others_wrote_is_shown_as_text(text: str) -> None:
    story = rolling_back()
    story.note(EntryKind.MESSAGE, minute(12), text, LEE)
    story.record = replace(story.record, title=text, update=replace(story.record.update, text=text))  # type: ignore[type-var]
    for fact in (story.catchup(minute(13)), timeline_of(story.record, story.entries, {})):
        message = render(fact)
        check_message({"text": message.text, "blocks": list(message.blocks)})
        assert "<!channel>" not in str(message.blocks)
        assert "<@U" not in str(message.blocks)


def test_a_timeline_shows_numbers_times_links_and_what_changed() -> None:
    story = rolling_back()
    story.entries[-2] = replace(story.entries[-2], edited_at=minute(12))
    text = visible_text(render(timeline_of(story.record, story.entries, {1: "https://x.slack.com/archives/C/p1"})))
    assert "*1* <!date^" in text
    assert "<https://x.slack.com/archives/C/p1|message>" in text
    assert "lee: checkout works again for me · edited at 14:14 UTC · <https://deepecho.slack.com/" in text


def test_of_a_long_timeline_the_newest_are_shown_and_the_file_is_named() -> None:
    story = declared()
    for number in range(40):
        story.note(EntryKind.MESSAGE, minute(number), f"step {number}", ANA)
    message = render(timeline_of(story.record, story.entries, {}))
    check_message({"text": message.text, "blocks": list(message.blocks)})
    text = visible_text(message)
    assert "42 entries" in text
    assert "The newest 20 are here; all of them are in a file in your direct messages." in text
    assert "step 39" in text
    assert "step 10" not in text


def test_an_empty_timeline_says_so() -> None:
    assert render_text(timeline_of(declared().record, (), {})) == "The timeline of inc-x4k2 is empty."
