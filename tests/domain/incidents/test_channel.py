"""The steps of an incident's channel: their order, their failures, and that nobody is told twice."""

from dataclasses import replace
from datetime import timedelta, timezone

import pytest
from pydantic import TypeAdapter

from domain.incidents.channel import (
    MAX_NAME_CHECKS,
    MAX_NAMES,
    Bookmark,
    ChannelAddress,
    IncidentChannel,
    Step,
    StepKind,
    WantedChannel,
    archived_by_hand,
    channel_name,
    found_again,
    gone,
    name_taken,
    name_unclear,
    next_step,
    renamed,
    retried,
    step_done,
    step_failed,
    unarchived_by_hand,
)
from domain.people import Person
from tests.harness.fakes.clock import NOW

ANA, LEE, KIM = (Person(f"U0{name}", "T0") for name in ("ANA", "LEE", "KIM"))
CARD = Bookmark("Card", "https://example.com/card")
WANTED = WantedChannel(
    incident_id="inc-x4k2", declared_at=NOW, topic="P1 · checkout fails", invitees=(ANA, LEE), card="1.2", bookmarks=(CARD,)
)
NEW = ChannelAddress(id="C0NEW", permalink="https://team.slack.com/archives/C0NEW", is_private=True)
NAME = "incident-2026-11-23-14-02"


def step_of(channel: IncidentChannel, wanted: WantedChannel = WANTED) -> Step:
    step = next_step(channel, wanted)
    assert step is not None
    return step


def finish(channel: IncidentChannel, wanted: WantedChannel = WANTED) -> tuple[IncidentChannel, list[Step]]:
    """The channel after every step that is left, and those steps."""
    steps = []
    while (step := next_step(channel, wanted)) is not None:
        steps.append(step)
        channel = step_done(channel, step, NEW if step.kind is StepKind.CREATE else None)
    return channel, steps


def made() -> IncidentChannel:
    return finish(IncidentChannel())[0]


def test_a_channel_is_made_in_order() -> None:
    channel, steps = finish(IncidentChannel())
    assert [step.kind.value for step in steps] == [
        "name", "create", "purpose", "topic", "invite", "invite", "pin", "bookmark",
    ]  # fmt: skip
    assert steps[0].text == steps[1].text == NAME
    assert "inc-x4k2" in steps[2].text
    assert (channel.id, channel.name, channel.invited, channel.pinned) == ("C0NEW", NAME, (ANA, LEE), "1.2")
    assert channel.is_usable
    assert channel.is_private


def test_a_step_that_is_recorded_twice_changes_nothing() -> None:
    channel = made()
    for step in (Step(kind=StepKind.INVITE, person=ANA), Step(kind=StepKind.BOOKMARK, bookmark=CARD)):
        assert step_done(channel, step) == channel


def test_a_name_is_written_in_utc_and_numbered_where_others_have_it() -> None:
    in_berlin = NOW.astimezone(timezone(timedelta(hours=1)))
    assert [channel_name(in_berlin, taken) for taken in (0, 1, 2)] == [NAME, f"{NAME}-2", f"{NAME}-3"]
    channel = name_taken(step_done(IncidentChannel(), step_of(IncidentChannel())), WANTED, NOW)
    assert step_of(channel) == Step(kind=StepKind.NAME, text=f"{NAME}-2")


def test_a_name_whose_channel_is_not_shown_is_checked_again_before_another_is_taken() -> None:
    channel = step_done(IncidentChannel(), step_of(IncidentChannel()))
    create = step_of(channel)
    for _ in range(MAX_NAME_CHECKS):
        channel = name_unclear(channel, WANTED, create, NOW)
        assert step_of(channel) == create
    channel = name_unclear(channel, WANTED, create, NOW)
    assert step_of(channel).text == f"{NAME}-2"
    assert (channel.name_checks, channel.failures, channel.next_attempt_at) == (0, (), None)


def test_after_twenty_names_it_is_given_up() -> None:
    channel = IncidentChannel()
    for _ in range(MAX_NAMES):
        channel = name_taken(step_done(channel, step_of(channel)), WANTED, NOW)
    assert next_step(channel, WANTED) is None


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (replace(WANTED, topic="P0 · checkout fails"), [Step(kind=StepKind.TOPIC, text="P0 · checkout fails")]),
        (replace(WANTED, invitees=(ANA, LEE, KIM)), [Step(kind=StepKind.INVITE, person=KIM)]),
        (replace(WANTED, invitees=(KIM, KIM, ANA)), [Step(kind=StepKind.INVITE, person=KIM)]),
        (replace(WANTED, invitees=()), []),
        (replace(WANTED, card="9.9"), [Step(kind=StepKind.PIN, text="9.9")]),
        (replace(WANTED, card=""), []),
        (replace(WANTED, bookmarks=(Bookmark("Card", "https://example.com/new"),)), None),
        (replace(WANTED, is_archived=True, topic="over"), [Step(kind=StepKind.ARCHIVE)]),
    ],
)
def test_what_is_wanted_anew_leads_to_new_steps_only(changed: WantedChannel, expected: list[Step] | None) -> None:
    channel, steps = finish(made(), changed)
    assert steps == (expected if expected is not None else [Step(kind=StepKind.BOOKMARK, bookmark=changed.bookmarks[0])])
    assert next_step(channel, changed) is None


def test_a_topic_is_cut_to_what_slack_takes() -> None:
    step = step_of(made(), replace(WANTED, topic="x" * 400))
    assert (step.kind, len(step.text), step.text[-1]) == (StepKind.TOPIC, 250, "…")
    assert next_step(step_done(made(), step), replace(WANTED, topic="x" * 400)) is None


def test_a_temporary_failure_is_tried_again_later_and_later_and_others_go_first() -> None:
    channel = made()
    wanted = replace(WANTED, invitees=(KIM,), bookmarks=(Bookmark("Runbook", "https://example.com/r"),))
    invite = step_of(channel, wanted)
    channel = step_failed(channel, invite, "Slack does not answer", permanent=False, at=NOW)
    assert channel.next_attempt_at == NOW + timedelta(seconds=2)
    assert step_of(channel, wanted).kind is StepKind.BOOKMARK
    channel = step_done(channel, step_of(channel, wanted))
    assert (step_of(channel, wanted), channel.attempts, channel.next_attempt_at) == (invite, 0, None)
    pauses = []
    for _ in range(8):
        channel = step_failed(channel, invite, "Slack does not answer", permanent=False, at=NOW)
        assert channel.next_attempt_at is not None
        pauses.append((channel.next_attempt_at - NOW).total_seconds())
    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60]
    assert len(channel.failures) == 1


def test_slack_may_ask_for_a_longer_pause() -> None:
    step = step_of(IncidentChannel())
    channel = step_failed(IncidentChannel(), step, "Slack asked to wait", permanent=False, at=NOW, retry_after=30.0)
    assert channel.next_attempt_at == NOW + timedelta(seconds=30)


def test_without_a_channel_nothing_else_is_tried() -> None:
    channel = step_done(IncidentChannel(), step_of(IncidentChannel()))
    create = step_of(channel)
    assert create.kind is StepKind.CREATE
    assert step_of(step_failed(channel, create, "Slack does not answer", permanent=False, at=NOW)) == create
    refused = step_failed(channel, create, "no scope", permanent=True, at=NOW)
    assert next_step(refused, WANTED) is None
    assert step_of(retried(refused)) == create


def test_a_permanent_failure_is_not_tried_again_but_another_text_is() -> None:
    wanted = replace(WANTED, topic="P0")
    channel = step_failed(made(), step_of(made(), wanted), "no", permanent=True, at=NOW)
    assert next_step(channel, wanted) is None
    assert step_of(channel, replace(wanted, topic="P2")) == Step(kind=StepKind.TOPIC, text="P2")


def test_an_incident_that_ends_before_its_channel_exists_needs_none() -> None:
    over = replace(WANTED, is_archived=True)
    assert next_step(IncidentChannel(), over) is None
    named = step_done(IncidentChannel(), step_of(IncidentChannel()))
    assert next_step(named, over) is None


def test_a_channel_that_somebody_archives_is_brought_back_once() -> None:
    channel = archived_by_hand(made())
    assert not channel.is_usable
    assert step_of(channel) == Step(kind=StepKind.UNARCHIVE)
    channel = step_done(channel, step_of(channel))
    assert channel.is_usable
    assert next_step(archived_by_hand(channel), WANTED) is None
    assert unarchived_by_hand(archived_by_hand(channel)).is_usable


def test_a_channel_that_could_not_be_brought_back_goes_on_when_somebody_does_it() -> None:
    channel = archived_by_hand(made())
    channel = step_failed(channel, step_of(channel), "the bot is not in it", permanent=True, at=NOW)
    wanted = replace(WANTED, topic="P0")
    assert next_step(channel, wanted) is None
    assert step_of(unarchived_by_hand(channel), wanted).kind is StepKind.TOPIC


def test_reopening_brings_back_what_the_bot_archived_as_often_as_it_is_needed() -> None:
    channel, over = made(), replace(WANTED, is_archived=True)
    for _ in range(3):
        channel, steps = finish(channel, over)
        assert steps == [Step(kind=StepKind.ARCHIVE)]
        assert archived_by_hand(channel) == channel  # Slack's event about the bot's own act
        channel, steps = finish(channel)
        assert steps == [Step(kind=StepKind.UNARCHIVE)]


def test_a_deleted_channel_is_left_alone_and_never_made_again() -> None:
    channel = gone(made())
    changed = replace(WANTED, topic="P0", is_archived=True)
    assert next_step(channel, changed) is None
    assert step_of(found_again(channel), changed).kind is StepKind.ARCHIVE


def test_a_renamed_channel_stays_the_same_one() -> None:
    channel = renamed(made(), "checkout-war-room")
    assert (channel.name, channel.id) == ("checkout-war-room", "C0NEW")
    assert next_step(channel, WANTED) is None


def test_it_is_stored_as_json_and_read_back() -> None:
    channel = step_failed(made(), Step(kind=StepKind.INVITE, person=KIM), "no such person", permanent=True, at=NOW)
    adapter = TypeAdapter(IncidentChannel)
    assert adapter.validate_json(adapter.dump_json(channel)) == channel
