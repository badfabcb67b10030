"""What the card of an incident shows, and whom it does not call."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.incidents.channel import Step as ChannelStep
from domain.incidents.channel import StepFailure, StepKind
from domain.incidents.incident import Mark, Task, Update
from sandbox.slack.limits import check_message
from tests.bot.views.test_hostile import HOSTILE, LONG
from tests.harness.families import Fact, render, render_text
from tests.harness.message_text import buttons, markup_tokens
from tests.harness.samples.incident_gallery import CLOSED, DECLARED, INCIDENT_GALLERY, PAUSED, RESOLVED, WORKED_ON, shown
from tests.harness.samples.incidents import ANA, START, minutes


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("incident declared", ["Acknowledge", "Update", "Severity", "Resolve"]),
        ("incident worked on", ["Update", "Severity", "Resolve", "Catch up"]),
        ("incident resolved", ["Close", "Reopen", "Catch up"]),
        ("incident closed", ["Reopen"]),
    ],
)
def test_the_buttons_of_each_state(name: str, labels: list[str]) -> None:
    assert list(buttons(render(INCIDENT_GALLERY[name]).blocks)) == labels


@pytest.mark.parametrize("name", [name for name, fact in INCIDENT_GALLERY.items() if "Card" in type(fact).__name__])
def test_no_card_mentions_anybody(name: str) -> None:
    assert _calls(INCIDENT_GALLERY[name]) == set()


def test_what_happens_if_nobody_acts_is_on_the_card() -> None:
    text = render_text(shown(DECLARED, START))
    assert "If nobody acts" in text
    assert "reminds everybody here" in text
    assert "escalates to the team lead" in text


def test_who_resolved_and_who_closed_is_not_named() -> None:
    for record in (RESOLVED, CLOSED):
        first = render_text(shown(record, START + minutes(60)))
        assert "resolved by" not in first
        assert "closed by" not in first


def test_a_paused_clock_says_why() -> None:
    assert "paused until" in render_text(shown(PAUSED, START + minutes(12)))
    assert "the vendor calls back at noon" in render_text(shown(PAUSED, START + minutes(12)))


def test_a_clock_that_is_late_says_by_how_much() -> None:
    assert "late by 20 min" in render_text(shown(DECLARED, START + minutes(25)))


def test_what_the_channel_lacks_is_on_the_card() -> None:
    step = ChannelStep(kind=StepKind.CREATE, text="incident-2026-11-23-14-02")
    failure = StepFailure(step=step, why="deepecho lacks the scope channels:manage", permanent=True, at=START)
    record = replace(DECLARED, channel=replace(DECLARED.channel, id="", failures=(failure,)))
    assert "lacks the scope channels:manage. The incident goes on here." in render_text(shown(record, START))


@settings(max_examples=80, deadline=None)
@given(title=st.one_of(HOSTILE, LONG), update=st.one_of(HOSTILE, LONG), task=HOSTILE, name=HOSTILE)
def test_whatever_people_write_a_card_is_valid_and_calls_nobody(title: str, update: str, task: str, name: str) -> None:
    by = replace(ANA, name=name)
    record = replace(
        WORKED_ON,
        title=title,
        commander=by,
        update=Update(update, Mark(by, START)),
        tasks=(Task(number=1, text=task, added=Mark(by, START)),),
    )
    fact = shown(record, START + minutes(10))
    message = render(fact)
    check_message({"text": message.text, "blocks": list(message.blocks)})
    assert _calls(fact) <= {f"@{ANA.person.user_id}"}


def _calls(fact: Fact) -> set[str]:
    """What notifies people."""
    message = render(fact)
    return {
        token for token in markup_tokens(message.blocks, message.text) if token.startswith(("@", "!subteam", "!here", "!chan"))
    }
