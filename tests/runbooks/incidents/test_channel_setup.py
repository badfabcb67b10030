"""An incident's channel is made once, whatever goes wrong, and the card says what could not be done."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import Forbidden, PermanentError, TemporaryError, UnknownOutcome
from domain.incidents.channel import Bookmark, IncidentChannel, WantedChannel
from domain.people import Person
from runbooks.incidents.channel_api import ChannelArchived, ChannelMissing
from storage.engines import open_engines
from storage.incident_channels import IncidentChannelRepository
from storage.store import Store
from tests.harness.fakes.channels import MemoryChannels
from tests.harness.fakes.clock import NOW
from tests.harness.incident_channels import IncidentChannelHarness
from tests.harness.wait import wait_until

ANA, LEE, KIM = (Person(f"U0{name}", "T0") for name in ("ANA", "LEE", "KIM"))
WANTED = WantedChannel(
    incident_id="inc-x4k2",
    declared_at=NOW,
    topic="P1 · checkout fails",
    invitees=(ANA, LEE),
    card="1.2",
    bookmarks=(Bookmark("Runbook", "https://example.com/runbook"),),
)
NAME = "incident-2026-11-23-14-02"
STEPS = ["create", "set_purpose", "set_topic", "invite", "invite", "pin", "set_bookmark"]
HERE = "The incident goes on here."


@pytest.fixture
def slack() -> MemoryChannels:
    return MemoryChannels()


@pytest.fixture
def harness(store: Store, slack: MemoryChannels) -> IncidentChannelHarness:
    return IncidentChannelHarness(store, slack)


def assert_complete(slack: MemoryChannels, name: str = NAME) -> None:
    """One channel of the bot, and everything in it once."""
    (channel,) = slack.own
    assert (channel.name, channel.topic, channel.members) == (name, "P1 · checkout fails", [ANA, LEE])
    assert "inc-x4k2" in channel.purpose
    assert (channel.pins, channel.bookmarks) == (["1.2"], {"Runbook": "https://example.com/runbook"})


async def test_a_channel_is_made_at_once_and_its_timer_goes(harness: IncidentChannelHarness, slack: MemoryChannels) -> None:
    await harness.declare(WANTED)
    await harness.run_due()
    assert_complete(slack)
    assert slack.calls == STEPS
    assert await harness.timers() == 0
    assert await harness.problems("inc-x4k2") == []
    async with harness.store.read() as tx:
        assert await tx.of(IncidentChannelRepository).incident_of(slack.own[0].address.id) == "inc-x4k2"
        assert await tx.of(IncidentChannelRepository).incident_of("C0ELSE") == ""


async def test_a_security_incident_has_a_private_channel(harness: IncidentChannelHarness, slack: MemoryChannels) -> None:
    await harness.declare(replace(WANTED, is_private=True))
    await harness.run_due()
    assert slack.own[0].address.is_private
    assert (await harness.channel("inc-x4k2")).is_private


async def test_what_changes_is_done_and_nobody_is_told_twice(harness: IncidentChannelHarness, slack: MemoryChannels) -> None:
    await harness.declare(WANTED)
    await harness.run_due()
    slack.calls.clear()
    await harness.change(replace(WANTED, topic="P0 · checkout fails", invitees=(ANA, KIM)))
    await harness.run_due()
    assert slack.calls == ["set_topic", "invite"]
    assert slack.own[0].members == [ANA, LEE, KIM]
    await harness.change(replace(WANTED, is_archived=True))
    await harness.run_due()
    assert slack.own[0].is_archived


async def test_slack_is_down_for_ten_minutes_and_the_channel_is_made_afterwards_in_order(
    harness: IncidentChannelHarness, slack: MemoryChannels
) -> None:
    slack.is_down = TemporaryError("Slack does not answer.")
    await harness.declare(WANTED)
    await harness.run_for(timedelta(minutes=10))
    assert await harness.problems("inc-x4k2") == [f"#{NAME} could not be created: Slack does not answer. deepecho keeps trying."]
    # 2, 4, 8, 16, 32 and then every 60 seconds: no storm of attempts.
    assert 12 <= len(slack.calls) <= 16
    slack.is_down = None
    slack.calls.clear()
    await harness.run_for(timedelta(minutes=1, seconds=2))
    assert slack.calls == STEPS
    assert_complete(slack)
    assert await harness.problems("inc-x4k2") == []


async def test_slack_asks_for_a_pause_and_gets_it(harness: IncidentChannelHarness, slack: MemoryChannels) -> None:
    slack.errors["create"] = [TemporaryError("Slack asked to wait.", 40.0)]
    await harness.declare(WANTED)
    await harness.run_for(timedelta(seconds=39))
    assert slack.calls == ["create"]
    await harness.run_for(timedelta(seconds=3))
    assert_complete(slack)


@pytest.mark.parametrize("call", dict.fromkeys(STEPS))
async def test_an_answer_that_was_lost_doubles_nothing_that_counts(
    harness: IncidentChannelHarness, slack: MemoryChannels, call: str
) -> None:
    slack.errors_after[call] = [UnknownOutcome("No answer.")]
    await harness.declare(WANTED)
    await harness.run_for(timedelta(seconds=10))
    (channel,) = slack.own
    assert (channel.name, list(dict.fromkeys(channel.members)), set(channel.pins)) == (NAME, [ANA, LEE], {"1.2"})
    assert await harness.timers() == 0


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("create", f"#{NAME} could not be created: not allowed. {HERE}"),
        ("set_purpose", f"The purpose of #{NAME} could not be set: not allowed."),
        ("set_topic", f"The topic of #{NAME} could not be set: not allowed."),
        ("invite", f"@U0ANA could not be invited to #{NAME}: not allowed."),
        ("pin", f"The card could not be pinned in #{NAME}: not allowed."),
        ("set_bookmark", f"#{NAME} has no bookmark for Runbook: not allowed."),
    ],
)
@pytest.mark.parametrize("error", [PermanentError, Forbidden])
async def test_what_slack_refuses_is_on_the_card_and_the_rest_is_done(
    harness: IncidentChannelHarness, slack: MemoryChannels, call: str, expected: str, error: type[PermanentError]
) -> None:
    slack.errors[call] = [error("not allowed")]
    await harness.declare(WANTED)
    await harness.run_for(timedelta(minutes=5))
    assert await harness.problems("inc-x4k2") == [expected]
    assert slack.calls == (["create"] if call == "create" else STEPS)
    assert await harness.timers() == 0


async def test_an_end_that_slack_refuses_is_on_the_card(harness: IncidentChannelHarness, slack: MemoryChannels) -> None:
    slack.errors["archive"] = [PermanentError("not allowed")]
    await harness.declare(WANTED)
    await harness.run_due()
    await harness.change(replace(WANTED, is_archived=True))
    await harness.run_due()
    assert await harness.problems("inc-x4k2") == [f"#{NAME} could not be archived: not allowed."]


@pytest.mark.parametrize("call", dict.fromkeys(STEPS[1:]))
async def test_a_channel_that_is_archived_meanwhile_is_brought_back_and_goes_on(
    harness: IncidentChannelHarness, slack: MemoryChannels, call: str
) -> None:
    slack.errors[call] = [ChannelArchived("the channel is archived")]
    await harness.declare(WANTED)
    await harness.run_due()
    assert slack.calls.count("unarchive") == 1
    assert_complete(slack)


async def test_a_channel_that_cannot_be_brought_back_is_said(harness: IncidentChannelHarness, slack: MemoryChannels) -> None:
    slack.errors["set_topic"] = [ChannelArchived("the channel is archived")]
    slack.errors["unarchive"] = [PermanentError("Slack lets only somebody who was in it bring it back")]
    await harness.declare(WANTED)
    await harness.run_for(timedelta(minutes=2))
    why = "Slack lets only somebody who was in it bring it back"
    assert await harness.problems("inc-x4k2") == [f"#{NAME} is archived and could not be brought back: {why}. {HERE}"]
    assert slack.calls.count("unarchive") == 1


@pytest.mark.parametrize("call", dict.fromkeys(STEPS[1:]))
async def test_a_channel_that_is_deleted_meanwhile_is_said_and_no_second_one_is_made(
    harness: IncidentChannelHarness, slack: MemoryChannels, call: str
) -> None:
    slack.errors[call] = [ChannelMissing("there is no such channel")]
    await harness.declare(WANTED)
    await harness.run_for(timedelta(minutes=2))
    assert await harness.problems("inc-x4k2") == [f"#{NAME} was deleted, or deepecho was removed from it. {HERE}"]
    assert slack.calls.count("create") == 1
    assert await harness.timers() == 0


async def test_a_name_that_a_stranger_has_gets_a_number(harness: IncidentChannelHarness, slack: MemoryChannels) -> None:
    slack.add(NAME, is_own=False)
    slack.add(f"{NAME}-2", is_own=True, purpose="Incident inc-zzzz. Made by deepecho.")
    await harness.declare(WANTED)
    await harness.run_due()
    mine = [channel for channel in slack.own if "inc-x4k2" in channel.purpose]
    assert [channel.name for channel in mine] == [f"{NAME}-3"]
    assert await harness.problems("inc-x4k2") == []


async def test_a_name_that_a_private_channel_of_strangers_has_gets_a_number_too(
    harness: IncidentChannelHarness, slack: MemoryChannels
) -> None:
    slack.add(NAME, is_own=False)
    slack.hidden.add(NAME)
    await harness.declare(WANTED)
    await harness.run_for(timedelta(seconds=20))
    assert_complete(slack, f"{NAME}-2")


async def test_a_channel_that_slack_lists_late_is_still_recognised(
    harness: IncidentChannelHarness, slack: MemoryChannels
) -> None:
    slack.errors_after["create"] = [UnknownOutcome("No answer.")]
    slack.hidden.add(NAME)
    await harness.declare(WANTED)
    await harness.run_for(timedelta(seconds=5))
    slack.hidden.clear()
    await harness.run_for(timedelta(seconds=10))
    assert_complete(slack)


async def test_two_incidents_of_one_minute_get_two_channels_also_after_crashes(
    harness: IncidentChannelHarness, slack: MemoryChannels
) -> None:
    slack.errors_after["create"] = [UnknownOutcome("No answer."), UnknownOutcome("No answer.")]
    await harness.declare(WANTED)
    await harness.change(replace(WANTED, incident_id="inc-b2b2"))
    await harness.run_for(timedelta(seconds=10))
    assert sorted((channel.name, channel.purpose.split()[1]) for channel in slack.own) == [
        (NAME, "inc-x4k2."),
        (f"{NAME}-2", "inc-b2b2."),
    ]


async def test_an_incident_that_ends_before_its_channel_could_be_made_gets_none(
    harness: IncidentChannelHarness, slack: MemoryChannels
) -> None:
    slack.is_down = TemporaryError("Slack does not answer.")
    await harness.declare(WANTED)
    await harness.run_for(timedelta(seconds=10))
    await harness.change(replace(WANTED, is_archived=True))
    slack.is_down = None
    await harness.run_for(timedelta(minutes=2))
    assert slack.own == []
    assert await harness.timers() == 0


async def test_another_topic_meanwhile_is_not_lost(harness: IncidentChannelHarness, slack: MemoryChannels) -> None:
    await harness.declare(WANTED)

    class Meanwhile(MemoryChannels):
        async def set_topic(self, channel: IncidentChannel, text: str) -> None:
            if text == "P1 · checkout fails":
                await harness.change(replace(WANTED, topic="P0 · checkout fails"))
            await super().set_topic(channel, text)

    harness.api = meanwhile = Meanwhile()
    await harness.run_due()
    assert meanwhile.own[0].topic == "P0 · checkout fails"
    await harness.run_due()
    assert await harness.timers() == 0


async def test_a_clock_that_is_set_back_keeps_no_channel_waiting(harness: IncidentChannelHarness, slack: MemoryChannels) -> None:
    slack.is_down = TemporaryError("Slack does not answer.")
    await harness.declare(WANTED)
    await harness.run_due()
    slack.is_down = None
    harness.clock.advance(-timedelta(days=1))
    await harness.run_for(timedelta(seconds=5))
    assert_complete(slack)


async def test_two_replicas_work_on_one_channel_after_each_other(
    harness: IncidentChannelHarness, slack: MemoryChannels, database_url: str
) -> None:
    await harness.declare(WANTED)
    other = Store(open_engines(database_url))
    replicas = [harness, replace(harness, store=other)]
    await asyncio.gather(*(replica.setup().set_up("inc-x4k2") for replica in replicas for _ in range(5)))
    await harness.run_for(timedelta(seconds=3))
    await other.close()
    assert_complete(slack)
    assert sorted(slack.calls) == sorted(STEPS)
    assert await harness.timers() == 0


async def test_the_worker_takes_what_is_due_and_timers_do_not_wait_for_slack(
    harness: IncidentChannelHarness, slack: MemoryChannels
) -> None:
    await harness.declare(WANTED)
    setup = harness.setup()
    worker = asyncio.create_task(setup.run())
    (handler,) = setup.handlers.values()
    async with harness.store.read() as tx:
        (timer,) = await tx.timers.due(NOW)
    await handler(timer, NOW)
    assert slack.calls == []
    async with asyncio.timeout(10):
        await wait_until(lambda: len(slack.calls) == len(STEPS))
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
