"""Events of incident channels: each is told once, complete, and in the order that counts."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.errors import PermanentError, Refused, TemporaryError
from domain.incidents.channel import IncidentChannel, StepKind, WantedChannel, next_step
from domain.incidents.channel_events import (
    ChannelChange,
    ChannelChanged,
    MemberJoined,
    MessageDeleted,
    MessageEdited,
    MessagePinned,
    MessageUnpinned,
)
from domain.incidents.incident import BOT_PARTICIPANT, Participant
from domain.people import Person
from domain.rich_text import UserMention, sentence
from runbooks.incidents.channel_events import BATCH_SIZE
from runbooks.incidents.event_completion import MAX_WAIT, ChannelMessage
from storage.engines import open_engines
from storage.incident_channels import IncidentChannelRepository
from storage.store import Store
from tests.harness.channel_events import ChannelEventHarness, message
from tests.harness.fakes.clock import NOW

COMMON: dict[str, Any] = {"incident_id": "inc-x4k2", "channel_id": "C0INC", "at": NOW}
ANA, LEE = (Participant(Person(f"U0{name}", "T0")) for name in ("ANA", "LEE"))
NAMED_ANA, NAMED_LEE = replace(ANA, name="ana"), replace(LEE, name="lee")
PINNED = MessagePinned(**COMMON, ts="1.2", by=ANA, author=LEE, text="it is DNS", permalink="https://example.com/p12")
MARKED = MessagePinned(**COMMON, ts="1.2", by=ANA, author=LEE, is_reaction=True)
UNPINNED = MessageUnpinned(**COMMON | {"at": NOW + timedelta(seconds=1)}, ts="1.2", by=ANA)
UNMARKED = replace(UNPINNED, is_reaction=True)
DOWN = TemporaryError("Slack does not answer.")
WANTED = WantedChannel(incident_id="inc-x4k2", declared_at=NOW)
MADE = IncidentChannel(name="incident-2026-11-23-14-02", id="C0INC", permalink="https://example.com/C0INC")


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[ChannelEventHarness]:
    opened = ChannelEventHarness(store)
    await opened.channels.declare(WANTED, MADE)
    yield opened
    opened.close()


async def test_a_pin_is_told_with_names_and_without_asking_slack_for_its_text(harness: ChannelEventHarness) -> None:
    await harness.happen(PINNED)
    assert harness.told == [replace(PINNED, by=NAMED_ANA, author=NAMED_LEE)]
    assert harness.messages.asked == []
    assert await harness.waiting() == 0


async def test_a_mark_is_told_with_the_text_that_slack_has(harness: ChannelEventHarness) -> None:
    harness.messages.messages["1.2"] = message("it is DNS", is_marked=True)
    await harness.happen(MARKED)
    told = replace(MARKED, by=NAMED_ANA, author=NAMED_LEE, text="it is DNS", permalink="https://example.com/p12")
    assert harness.told == [told]


async def test_no_text_on_a_timeline_mentions_anybody(harness: ChannelEventHarness) -> None:
    text = sentence("ask ", UserMention(Person("U0KIM", "T0")), "!")
    edited = MessageEdited(**COMMON, ts="1.2", by=LEE, text=text)
    await harness.happen(edited, replace(PINNED, text=text))
    assert [getattr(event, "text", None) for event in harness.told] == ["ask @kim!", "ask @kim!"]


async def test_a_mark_that_is_gone_again_is_not_told(harness: ChannelEventHarness) -> None:
    await harness.happen(MARKED)
    harness.messages.messages["1.2"] = message()
    await harness.happen(replace(MARKED, at=NOW + timedelta(seconds=2)))
    assert harness.told == []
    assert await harness.waiting() == 0


@pytest.mark.parametrize("left", [message(is_pinned=True), message(is_marked=True)], ids=["pinned", "marked"])
@pytest.mark.parametrize("event", [UNPINNED, UNMARKED])
async def test_a_message_is_unpinned_with_the_last_of_its_marks(
    harness: ChannelEventHarness, left: ChannelMessage, event: MessageUnpinned
) -> None:
    harness.messages.messages["1.2"] = left
    await harness.happen(event)
    assert harness.told == []
    harness.messages.messages["1.2"] = message()
    await harness.happen(replace(event, at=event.at + timedelta(seconds=1)))
    assert [type(each) for each in harness.told] == [MessageUnpinned]


async def test_a_repeated_delivery_changes_nothing(harness: ChannelEventHarness) -> None:
    assert await harness.deliver(PINNED, "Ev1")
    await harness.worker.run_once()
    assert not await harness.deliver(PINNED, "Ev1")
    await harness.deliver(PINNED, "Ev1-under-another-id")
    await harness.worker.run_once()
    assert len(harness.told) == 1
    assert await harness.waiting() == 0


async def test_what_a_newer_event_has_overtaken_is_dropped(harness: ChannelEventHarness) -> None:
    later = NOW + timedelta(seconds=5)
    newer = MessageEdited(**COMMON | {"at": later}, ts="1.2", by=LEE, text="third")
    older = MessageEdited(**COMMON, ts="1.2", by=LEE, text="second")
    other = MessageEdited(**COMMON, ts="7.7", by=LEE, text="another message")
    deleted = MessageDeleted(**COMMON | {"at": later + timedelta(seconds=1)}, ts="1.2")
    await harness.happen(newer, older, other, UNPINNED, PINNED, deleted, replace(newer, text="fourth"))
    kinds = [(type(event).__name__, getattr(event, "text", "")) for event in harness.told]
    assert kinds == [
        ("MessageEdited", "third"),
        ("MessageEdited", "another message"),
        ("MessageUnpinned", ""),
        ("MessageDeleted", ""),
    ]


async def test_two_people_have_a_mark_each(harness: ChannelEventHarness) -> None:
    harness.messages.messages["1.2"] = message(is_marked=True)
    await harness.happen(MARKED, replace(MARKED, by=LEE))
    assert [event.by for event in harness.told if isinstance(event, MessagePinned)] == [NAMED_ANA, NAMED_LEE]


async def test_while_slack_is_down_events_wait_and_are_told_in_order_afterwards(harness: ChannelEventHarness) -> None:
    harness.messages.error = DOWN
    joined = MemberJoined(**COMMON | {"at": NOW + timedelta(seconds=3)}, by=LEE, inviter=BOT_PARTICIPANT)
    await harness.happen(MARKED, UNMARKED, joined)
    assert (harness.told, await harness.waiting()) == ([], 3)
    asked = len(harness.messages.asked)
    await harness.worker.run_once()
    assert len(harness.messages.asked) == asked, "Slack is not asked again at once"
    harness.messages.error = None
    harness.messages.messages["1.2"] = message(is_marked=True)
    harness.clock.advance(timedelta(seconds=6))
    await harness.worker.run_once()
    assert [type(event) for event in harness.told] == [MessagePinned, MemberJoined]
    assert await harness.waiting() == 0


async def test_slack_may_ask_for_a_longer_pause(harness: ChannelEventHarness) -> None:
    harness.messages.error = TemporaryError("Slack asked to wait.", 60.0)
    await harness.happen(MARKED)
    harness.messages.error = None
    harness.messages.messages["1.2"] = message(is_marked=True)
    harness.clock.advance(timedelta(seconds=50))
    await harness.worker.run_once()
    assert harness.told == []
    harness.clock.advance(timedelta(seconds=11))
    await harness.worker.run_once()
    assert len(harness.told) == 1


async def test_what_slack_does_not_say_for_a_quarter_of_an_hour_is_told_without_it(harness: ChannelEventHarness) -> None:
    harness.messages.error = DOWN
    text = sentence("ask ", UserMention(Person("U0KIM", "T0")))
    await harness.happen(MARKED, MessageEdited(**COMMON, ts="9.9", by=LEE, text=text))
    harness.clock.advance(MAX_WAIT + timedelta(seconds=1))
    await harness.worker.run_once()
    assert harness.told == [MARKED, MessageEdited(**COMMON, ts="9.9", by=LEE, text="ask @U0KIM")]


async def test_a_message_that_may_not_be_read_is_told_without_its_text(harness: ChannelEventHarness) -> None:
    harness.messages.error = PermanentError("the bot's account lacks a permission")
    await harness.happen(MARKED, UNMARKED)
    assert [(type(event), getattr(event, "text", "")) for event in harness.told] == [(MessagePinned, None), (MessageUnpinned, "")]


@pytest.mark.parametrize("error", [Refused("no"), ValueError("a mistake"), KeyError("ts")])
async def test_an_event_that_cannot_be_applied_is_set_aside(harness: ChannelEventHarness, error: Exception) -> None:
    harness.handler_errors = [error]
    await harness.happen(PINNED, MemberJoined(**COMMON, by=LEE))
    assert [type(event) for event in harness.told] == [MemberJoined]
    assert await harness.waiting() == 0


async def test_an_event_whose_transaction_failed_is_applied_again(harness: ChannelEventHarness) -> None:
    harness.handler_errors = [TemporaryError("The database did not take it.")]
    with pytest.raises(TemporaryError):
        await harness.happen(PINNED)
    await harness.worker.run_once()
    assert len(harness.told) == 1


async def test_two_replicas_tell_each_event_once(harness: ChannelEventHarness, database_url: str) -> None:
    events = [replace(PINNED, ts=f"{number}.0") for number in range(2 * BATCH_SIZE)]
    await harness.happen(*events, apply=False)
    other = Store(open_engines(database_url))
    workers = [harness.worker, harness.new_worker(other)]
    for _ in range(3):
        await asyncio.gather(*(worker.run_once() for worker in workers))
    await other.close()
    assert sorted(event.ts for event in harness.told if isinstance(event, MessagePinned)) == sorted(each.ts for each in events)


def change(what: ChannelChange, value: str = "", seconds: int = 0) -> ChannelChanged:
    return ChannelChanged(**COMMON | {"at": NOW + timedelta(seconds=seconds)}, change=what, by=ANA, value=value)


async def test_what_people_do_to_the_channel_is_in_the_record_and_told(harness: ChannelEventHarness) -> None:
    await harness.happen(change(ChannelChange.RENAMED, "war-room"), change(ChannelChange.ARCHIVED))
    channel = await harness.channels.channel("inc-x4k2")
    assert (channel.name, channel.is_usable) == ("war-room", False)
    step = next_step(channel, WANTED)
    assert step is not None
    assert step.kind is StepKind.UNARCHIVE
    assert [event.by for event in harness.told if isinstance(event, ChannelChanged)] == [NAMED_ANA, NAMED_ANA]
    assert await harness.channels.timers() == 1
    await harness.happen(change(ChannelChange.UNARCHIVED, seconds=1), change(ChannelChange.ARCHIVED, seconds=0))
    assert (await harness.channels.channel("inc-x4k2")).is_usable


@pytest.mark.parametrize("what", [ChannelChange.DELETED, ChannelChange.BOT_REMOVED])
async def test_a_channel_that_is_gone_is_said_until_the_bot_is_back(harness: ChannelEventHarness, what: ChannelChange) -> None:
    await harness.happen(change(what))
    (problem,) = await harness.channels.problems("inc-x4k2")
    assert "was deleted, or deepecho was removed from it" in problem
    await harness.happen(change(ChannelChange.BOT_ADDED, seconds=1))
    assert await harness.channels.problems("inc-x4k2") == []


async def test_what_is_known_already_is_no_news(harness: ChannelEventHarness) -> None:
    await harness.happen(
        change(ChannelChange.BOT_ADDED), change(ChannelChange.UNARCHIVED), change(ChannelChange.RENAMED, MADE.name)
    )
    assert harness.told == []
    assert await harness.channels.channel("inc-x4k2") == MADE


async def test_a_channel_with_another_id_is_still_the_incident_s(harness: ChannelEventHarness) -> None:
    async with harness.store.write() as tx:
        channels = tx.of(IncidentChannelRepository)
        assert await channels.reserve(MADE.name, "inc-x4k2")
        await channels.assign(MADE.name, "C0INC")
    await harness.happen(change(ChannelChange.MOVED, "C0NEW"))
    assert (await harness.channels.channel("inc-x4k2")).id == "C0NEW"
    async with harness.store.read() as tx:
        assert await tx.of(IncidentChannelRepository).incident_of("C0NEW") == "inc-x4k2"
        assert await tx.of(IncidentChannelRepository).incident_of("C0INC") == ""
