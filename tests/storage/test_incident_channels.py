"""Names of incident channels, whose turn it is, and which event about a subject is the newest."""

import asyncio
from datetime import timedelta

from domain.incidents.channel import channel_name
from storage.engines import open_engines
from storage.incident_channels import IncidentChannelRepository
from storage.pruning import PRUNE_BATCH_ROWS
from storage.store import Store
from tests.harness.fakes.clock import NOW

NAME = channel_name(NOW)
SECOND = timedelta(seconds=1)
UNTIL = NOW + 60 * SECOND


async def test_of_many_incidents_that_want_a_name_one_gets_it(store: Store, database_url: str) -> None:
    other = Store(open_engines(database_url))

    async def reserve(mine: Store, incident_id: str) -> bool:
        async with mine.write() as tx:
            return await tx.of(IncidentChannelRepository).reserve(NAME, incident_id)

    incidents = [f"inc-{number}" for number in range(10)]
    got = await asyncio.gather(*(reserve(each, incident) for incident in incidents for each in (store, other)))
    reserved = [incident for number, incident in enumerate(incidents) if any(got[2 * number : 2 * number + 2])]
    assert len(reserved) == 1
    assert await reserve(store, reserved[0])
    await other.close()


async def test_a_step_keeps_others_away_until_it_ends_or_its_time_is_over(store: Store) -> None:
    async with store.write() as tx:
        channels = tx.of(IncidentChannelRepository)
        await channels.reserve(NAME, "inc-a")
        assert await channels.begin_step("inc-a", NOW, UNTIL) is None
        assert await channels.begin_step("inc-a", NOW + SECOND, UNTIL + SECOND) == UNTIL
        assert await channels.begin_step("inc-a", UNTIL, UNTIL + 60 * SECOND) is None
        await channels.end_step("inc-a")
        assert await channels.begin_step("inc-a", UNTIL, UNTIL + 60 * SECOND) is None
        # The clock was set back by an hour meanwhile.
        assert await channels.begin_step("inc-a", NOW - 3600 * SECOND, UNTIL - 3600 * SECOND) is None


async def test_only_newer_events_about_a_subject_count(store: Store) -> None:
    async with store.write() as tx:
        channels = tx.of(IncidentChannelRepository)
        assert await channels.is_newest("C0", "pin/1.2", NOW)
        assert not await channels.is_newest("C0", "pin/1.2", NOW)
        assert not await channels.is_newest("C0", "pin/1.2", NOW - SECOND)
        assert await channels.is_newest("C0", "pin/1.2", NOW + SECOND)
        assert await channels.is_newest("C0", "text/1.2", NOW)
        assert await channels.is_newest("C1", "pin/1.2", NOW)


async def test_old_times_are_forgotten_in_batches(store: Store) -> None:
    async with store.write() as tx:
        channels = tx.of(IncidentChannelRepository)
        for number in range(PRUNE_BATCH_ROWS + 5):
            await channels.is_newest("C0", f"pin/{number}", NOW - SECOND)
        await channels.is_newest("C0", "pin/new", NOW)
        assert [await channels.prune_event_times(NOW) for _ in range(3)] == [PRUNE_BATCH_ROWS, 5, 0]
        assert not await channels.is_newest("C0", "pin/new", NOW)
