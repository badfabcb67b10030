"""Lines from the log server: what a search leaves there is deleted, however it ends."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import PermanentError, TemporaryError
from sandbox.elasticsearch import LogIndex, Trouble
from sandbox.elasticsearch.model import LOG_FIELDS
from storage.store import Store
from tests.harness.fakes.clock import StoppedClock
from tests.harness.logs import INDEX, LogServerHarness, log_catalogue, open_log_server
from tests.harness.wait import wait_until

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
async def harness(store: Store, clock: StoppedClock) -> AsyncIterator[LogServerHarness]:
    async with open_log_server(store, clock) as opened:
        opened.write(2 * MINUTE, "first")
        opened.write(MINUTE, "second")
        yield opened


async def test_lines_come_oldest_first(harness: LogServerHarness) -> None:
    page = await harness.lines.read(harness.query())
    assert page is not None
    assert [line.text for line in page.lines] == ["first", "second"]
    assert (page.total, page.is_at_least, page.notes) == (2, False, ())


async def test_an_environment_without_a_log_server_has_no_page(harness: LogServerHarness) -> None:
    assert await harness.lines.read(harness.query(environment="staging")) is None


async def test_a_slow_search_is_waited_for_and_deleted(harness: LogServerHarness) -> None:
    harness.server.state.trouble = Trouble(search_seconds=0.3)
    page = await harness.lines.read(harness.query())
    assert page is not None
    assert page.total == 2
    assert (harness.server.state.searches, await harness.remembered()) == ({}, 0)


async def test_a_search_that_does_not_end_is_deleted_and_said(store: Store, clock: StoppedClock) -> None:
    async with open_log_server(store, clock, search_seconds=0.4) as harness:
        harness.server.state.trouble = Trouble(search_seconds=60)
        with pytest.raises(TemporaryError, match=r"did not finish within 0.4 s: it had searched 2 of 5 parts"):
            await harness.lines.read(harness.query())
        assert (harness.server.state.searches, await harness.remembered()) == ({}, 0)


async def test_a_reader_that_goes_away_leaves_nothing(harness: LogServerHarness) -> None:
    harness.server.state.trouble = Trouble(search_seconds=60)
    reading = asyncio.create_task(harness.lines.read(harness.query()))
    await wait_until(lambda: bool(harness.server.state.searches))
    while not await harness.remembered():
        await asyncio.sleep(0.01)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert (harness.server.state.searches, await harness.remembered()) == ({}, 0)


async def test_what_could_not_be_deleted_is_deleted_later(harness: LogServerHarness, clock: StoppedClock) -> None:
    harness.server.state.trouble = Trouble(search_seconds=0.3, refuses_deletion=True)
    page = await harness.lines.read(harness.query())
    assert page is not None, "the answer does not depend on the deletion"
    assert (len(harness.server.state.searches), await harness.remembered()) == (1, 1)
    await harness.lines.sweep()
    assert await harness.remembered() == 1, "somebody may still wait for a search that is this young"
    clock.advance(timedelta(seconds=31))
    await harness.lines.sweep()
    assert await harness.remembered() == 1, "the server refused: another time"
    harness.server.state.trouble = Trouble()
    await harness.lines.sweep()
    assert (harness.server.state.searches, await harness.remembered()) == ({}, 0)


async def test_a_server_that_stays_away_is_not_asked_for_ever(harness: LogServerHarness, clock: StoppedClock) -> None:
    harness.server.state.trouble = Trouble(search_seconds=0.3, refuses_deletion=True)
    await harness.lines.read(harness.query())
    clock.advance(timedelta(minutes=4))
    asked = len(harness.server.state.requests)
    await harness.lines.sweep()
    assert (await harness.remembered(), len(harness.server.state.requests)) == (0, asked)


async def test_parts_that_failed_are_said(harness: LogServerHarness) -> None:
    harness.server.state.trouble = Trouble(failed_shards=2)
    page = await harness.lines.read(harness.query())
    assert page is not None
    assert page.notes == ("Only 3 of 5 parts of the indices answered: [parent] Data too large.",)
    harness.server.state.trouble = Trouble(failed_shards=5)
    with pytest.raises(PermanentError, match="could not search"):
        await harness.lines.read(harness.query())


async def test_of_long_lines_fewer_are_read(harness: LogServerHarness) -> None:
    for _ in range(1_200):
        harness.write(MINUTE, "x" * 20_000)
    page = await harness.lines.read(harness.query())
    assert page is not None
    assert (len(page.lines), page.total) == (200, 1_202)
    assert page.notes == ("The lines are long: only the newest 200 were read.",)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kubernetes.namespace": "text"}, "holds words, not one exact value, so that lines of others would be found too"),
        ({"kubernetes.deployment.name": "match_only_text"}, "often kubernetes.deployment.name.keyword"),
    ],
)
async def test_a_field_of_words_is_no_filter(harness: LogServerHarness, fields: dict[str, str], said: str) -> None:
    harness.server.state.indices["filebeat-2"] = LogIndex(fields=dict(LOG_FIELDS) | fields)
    with pytest.raises(PermanentError, match=said):
        await harness.lines.read(harness.query())
    assert not any("_async_search" in path for _, path, _ in harness.server.state.requests)


async def test_a_field_that_no_index_has_is_said(harness: LogServerHarness) -> None:
    harness.server.state.indices[INDEX].fields = {"@timestamp": "date", "message": "text"}
    with pytest.raises(PermanentError, match=r"No index of filebeat-\* has the field kubernetes.namespace"):
        await harness.lines.read(harness.query())


async def test_what_is_right_is_not_checked_each_time(harness: LogServerHarness, clock: StoppedClock) -> None:
    for _ in range(3):
        await harness.lines.read(harness.query())
    clock.advance(timedelta(minutes=11))
    await harness.lines.read(harness.query(timedelta(hours=1)))
    assert sum("_field_caps" in path for _, path, _ in harness.server.state.requests) == 2


async def test_a_server_that_forbids_deletion_stops_nothing(harness: LogServerHarness, clock: StoppedClock) -> None:
    harness.server.state.trouble = Trouble(search_seconds=0.3, refuses_deletion=True)
    await harness.lines.read(harness.query())
    clock.advance(timedelta(seconds=31))
    harness.server.state.trouble = Trouble(status=403)
    await harness.lines.sweep()
    assert await harness.remembered() == 1


async def test_lines_of_one_moment_stay_in_their_order(harness: LogServerHarness) -> None:
    for number in range(5):
        harness.write(MINUTE / 2, f"line {number} of a key")
    page = await harness.lines.read(harness.query())
    assert page is not None
    assert [line.text for line in page.lines][2:] == [f"line {number} of a key" for number in range(5)]


async def test_other_filters_or_indices_are_checked_anew(harness: LogServerHarness, clock: StoppedClock) -> None:
    await harness.lines.read(harness.query())
    catalogue = log_catalogue(harness.server.url, filters={"message": "$namespace", "kubernetes.pod.name": "$workload"})
    other = replace(harness.lines, catalogue=lambda: catalogue)
    with pytest.raises(PermanentError, match="holds words"):
        await other.read(harness.query())
