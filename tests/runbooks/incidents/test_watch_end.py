"""How a watch ends: once, only as it was proven, over crashes and replicas, and never in the way of other clocks."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.alerts.alerts import GroupState
from domain.errors import TemporaryError
from domain.incidents.cards import IncidentCard
from domain.incidents.changes import IncidentChange, Offer
from domain.incidents.incident import ClockKind, Incident, IncidentState
from domain.incidents.linking import apply_alert
from domain.incidents.tasks import add_task
from domain.incidents.transitions import close, declare, reopen, resolve
from domain.rich_text import plain_text
from runbooks.incidents.watch import MAX_RETRIES, RETRY_AFTER
from storage.incidents import IncidentRepository
from storage.store import Store
from storage.timers import TIMER_CLAIM_TIMEOUT
from tests.harness.families import render_text
from tests.harness.queued_timers import running
from tests.harness.samples.incidents import ANA, incident
from tests.harness.watch import (
    ENDS_AT,
    MINUTE,
    ONE,
    FakePods,
    WatchHarness,
    ended_alert,
    ended_group,
    watch_catalogue,
)

SECOND = timedelta(seconds=1)
GROUP = ended_group(ended_alert())


@pytest.fixture
def harness(store: Store) -> WatchHarness:
    return WatchHarness(store)


async def headlines(harness: WatchHarness) -> list[str]:
    return [plain_text(each.lines[0]) for each in await harness.endings()]


async def test_the_watch_ends_after_its_time_with_its_proof_and_closes_the_incident(harness: WatchHarness) -> None:
    await harness.resolved(GROUP)
    await harness.pass_time(29 * MINUTE, MINUTE)
    assert (await harness.incident()).state is IncidentState.RESOLVED
    assert harness.metrics.asked == []
    await harness.pass_time(MINUTE)
    record, (note,) = await harness.incident(), await harness.endings()
    assert plain_text(note.text) == "The watch is over and quiet. The incident is closed."
    assert plain_text(note.lines[0]).startswith("Resolved 2026-11-23 14:02 UTC · for 30 min: HighErrorRate 0.4 (limit 10), ")
    assert (record.state, record.proof) == (IncidentState.CLOSED, note.lines)
    assert record.clock(ClockKind.WATCH) is None
    await harness.pass_time(10 * MINUTE, MINUTE)
    assert len(await harness.endings()) == 1


async def test_the_card_shows_the_headline_and_the_message_the_details(harness: WatchHarness) -> None:
    await harness.resolved(GROUP)
    await harness.pass_time(30 * MINUTE, MINUTE)
    (note,) = await harness.endings()
    card = render_text(IncidentCard(incident=await harness.incident(), at=harness.clock.now()))
    headline, detail = "for 30 min: HighErrorRate 0.4 (limit 10), no silence hides it", "inside it for 30 min, 0.4 at most."
    assert (headline in card, detail in card) == (True, False)
    assert (headline in render_text(note), detail in render_text(note)) == (True, True)


async def test_where_people_close_incidents_it_only_offers_to(store: Store) -> None:
    harness = WatchHarness(store, watch_catalogue(close_after_watch=False))
    await harness.resolved(GROUP)
    await harness.pass_time(31 * MINUTE, MINUTE)
    (note,) = await harness.endings()
    assert note.offers == (Offer.CLOSE, Offer.REOPEN)
    assert (await harness.incident()).state is IncidentState.RESOLVED


async def test_what_speaks_against_the_end_is_said_at_once_and_leaves_the_incident_open(harness: WatchHarness) -> None:
    await harness.resolved(GROUP)
    harness.metrics.default = 14.2
    await harness.pass_time(30 * MINUTE, MINUTE)
    (note,), record = await harness.endings(), await harness.incident()
    assert plain_text(note.text) == "The watch is over. Not everything could be shown."
    assert "HighErrorRate 14.2 (limit 10)" in plain_text(note.lines[0])
    assert (record.state, record.clock(ClockKind.WATCH)) == (IncidentState.RESOLVED, None)


async def test_what_does_not_answer_is_asked_again_and_closes_when_it_answers(harness: WatchHarness) -> None:
    await harness.resolved(GROUP)
    harness.alertmanagers[ONE].unreachable = True
    await harness.pass_time(31 * MINUTE, MINUTE)
    assert await harness.endings() == []
    harness.alertmanagers[ONE].unreachable = False
    await harness.pass_time(2 * MINUTE)
    (headline,) = await headlines(harness)
    assert "no silence hides it" in headline
    assert (await harness.incident()).state is IncidentState.CLOSED


async def test_what_never_answers_ends_the_watch_after_five_minutes_also_over_restarts(harness: WatchHarness) -> None:
    await harness.resolved(GROUP)
    harness.alertmanagers[ONE].unreachable = True
    tries: list[float] = []

    async def note_try() -> None:
        tries.append((harness.clock.now() - ENDS_AT).total_seconds())

    harness.after_proof = note_try
    while not await harness.endings():
        assert harness.clock.now() < ENDS_AT + 10 * MINUTE
        await harness.pass_time(15 * SECOND)
        harness.start()
    assert tries == [number * RETRY_AFTER.total_seconds() for number in range(MAX_RETRIES + 1)]
    assert tries[-1] == 300
    (headline,) = await headlines(harness)
    assert "could not be shown: the silences" in headline
    assert (await harness.incident()).state is IncidentState.RESOLVED


async def test_an_alert_that_fires_between_two_tries_reopens_it_and_no_end_is_said(harness: WatchHarness) -> None:
    await harness.resolved(GROUP)
    harness.alertmanagers[ONE].unreachable = True
    await harness.pass_time(31 * MINUTE, MINUTE)
    await fires(harness)
    await harness.pass_time(8 * MINUTE, MINUTE)
    assert await harness.endings() == []
    assert (await harness.incident()).reopened == 1


async def apply(harness: WatchHarness, transition: Callable[[Incident], Sequence[IncidentChange]]) -> None:
    """Change the incident under its row lock, as each door does."""
    async with harness.store.write() as tx:
        current = await tx.of(IncidentRepository).get_for_update("inc-x4k2")
        assert current is not None
        await harness.saver.save(tx, transition(current), harness.clock.now())


async def fires(harness: WatchHarness) -> None:
    """The linked alert fires again, as its listener applies it."""
    at, timings = harness.clock.now(), harness.saver.timings
    firing = replace(GROUP, state=GroupState.FIRING, firing=1, resolved_at=None)
    await apply(harness, lambda record: apply_alert(record, firing, at, timings))


async def resolves_anew(harness: WatchHarness) -> None:
    """A person reopens it and resolves it once more."""
    at, timings = harness.clock.now(), harness.saver.timings
    await apply(harness, lambda record: [resolve(reopen(record, ANA, at, timings).record, ANA, at, timings)])


async def is_closed_by_a_person(harness: WatchHarness) -> None:
    at, timings = harness.clock.now(), harness.saver.timings
    await apply(harness, lambda record: [close(record, ANA, at, timings)])


@pytest.mark.parametrize(
    ("meanwhile", "state", "watched"),
    [
        (fires, IncidentState.DECLARED, False),
        (resolves_anew, IncidentState.RESOLVED, True),
        (is_closed_by_a_person, IncidentState.CLOSED, False),
    ],
)
async def test_what_happens_while_it_is_proven_counts(
    harness: WatchHarness,
    meanwhile: Callable[[WatchHarness], Awaitable[None]],
    state: IncidentState,
    watched: bool,  # noqa: FBT001 -- a table
) -> None:
    await harness.resolved(GROUP)
    harness.after_proof = lambda: meanwhile(harness)
    await harness.pass_time(30 * MINUTE, MINUTE)
    harness.after_proof = None
    record = await harness.incident()
    assert await harness.endings() == []
    assert (record.state, record.clock(ClockKind.WATCH) is not None) == (state, watched)


async def test_a_second_resolution_is_watched_for_its_whole_time(harness: WatchHarness) -> None:
    await harness.resolved(GROUP)
    harness.after_proof = lambda: resolves_anew(harness)
    await harness.pass_time(30 * MINUTE, MINUTE)
    harness.after_proof = None
    await harness.pass_time(29 * MINUTE, MINUTE)
    assert await harness.endings() == []
    await harness.pass_time(MINUTE)
    (headline,) = await headlines(harness)
    assert headline.startswith("Resolved 2026-11-23 14:32 UTC · for 30 min: ")


async def test_an_incident_that_changed_while_it_was_proven_is_proven_again(harness: WatchHarness) -> None:
    await harness.resolved(GROUP)

    async def adds_a_task() -> None:
        harness.after_proof = None
        await apply(harness, lambda record: [add_task(record, "write it down", ANA, harness.clock.now())])

    harness.after_proof = adds_a_task
    await harness.pass_time(30 * MINUTE, MINUTE)
    assert await harness.endings() == []
    await harness.pass_time(15 * SECOND)
    (headline,) = await headlines(harness)
    assert headline.endswith("no clock runs, 1 open task")


async def test_a_crash_between_proof_and_end_proves_again_and_says_it_once(harness: WatchHarness) -> None:
    await harness.resolved(GROUP)
    harness.clock.advance(30 * MINUTE)
    proven = asyncio.Event()

    async def stops_here() -> None:
        proven.set()
        await asyncio.Event().wait()

    harness.after_proof = stops_here
    await harness.timers.run_due()
    async with running(harness.queue):
        await proven.wait()
    assert (await harness.endings(), len(await harness.due_at())) == ([], 1)
    harness.after_proof = None
    harness.start()
    await harness.pass_time(TIMER_CLAIM_TIMEOUT + 30 * SECOND)
    assert len(await harness.endings()) == 1
    assert len(harness.metrics.asked) == 2


async def test_two_replicas_say_it_once(store: Store, harness: WatchHarness) -> None:
    other = WatchHarness(store, replica="replica-2", clock=harness.clock)
    await harness.resolved(GROUP)
    harness.clock.advance(30 * MINUTE)
    both = asyncio.Barrier(2)

    async def wait_for_the_other() -> None:
        await both.wait()

    harness.after_proof = other.after_proof = wait_for_the_other
    async with asyncio.timeout(20):
        await asyncio.gather(harness.watch.end("inc-x4k2"), other.watch.end("inc-x4k2"))
    assert len(await harness.endings()) == 1


async def test_a_proof_that_takes_long_keeps_no_other_clock_waiting(store: Store) -> None:
    harness = WatchHarness(store, pods=FakePods(), seconds=30.0)
    await harness.resolved(GROUP)
    harness.metrics.hangs = True
    other = declare(incident(id="inc-p7q1", declared=replace(incident().declared, at=ENDS_AT)), harness.saver.timings)
    async with harness.store.write() as tx:
        await harness.saver.add(tx, other, ENDS_AT)
    harness.clock.advance(30 * MINUTE)
    async with running(harness.queue):
        await harness.timers.run_due()
        while not harness.metrics.asked:
            await asyncio.sleep(0.01)
        harness.clock.advance(6 * MINUTE)
        await harness.timers.run_due()
        clock = (await harness.incident("inc-p7q1")).clock(ClockKind.ACKNOWLEDGE)
    assert clock is not None
    assert clock.step == 1
    assert await harness.endings() == []


async def test_after_a_long_outage_the_proof_is_for_all_of_the_time(harness: WatchHarness) -> None:
    await harness.resolved(GROUP)
    harness.clock.advance(timedelta(hours=5))
    await harness.run_due()
    (headline,) = await headlines(harness)
    assert " · for 5 h: " in headline


async def test_an_error_in_the_program_ends_the_watch_and_is_said(harness: WatchHarness) -> None:
    await harness.resolved(GROUP)

    async def breaks() -> None:
        raise ZeroDivisionError

    harness.after_proof = breaks
    await harness.pass_time(30 * MINUTE, MINUTE)
    assert await headlines(harness) == ["What stands could not be shown: an error in the program, ZeroDivisionError."]
    assert (await harness.incident()).state is IncidentState.RESOLVED


async def test_a_database_that_is_away_loses_nothing(harness: WatchHarness) -> None:
    await harness.resolved(GROUP)
    harness.clock.advance(30 * MINUTE)

    async def is_away() -> None:
        harness.after_proof = None
        raise TemporaryError("The database is away.")

    harness.after_proof = is_away
    await harness.run_due()
    assert await harness.endings() == []
    await harness.pass_time(TIMER_CLAIM_TIMEOUT + 30 * SECOND)
    assert len(await harness.endings()) == 1


async def test_a_timer_that_waited_too_long_is_left_to_whoever_takes_it_next(harness: WatchHarness) -> None:
    await harness.resolved(GROUP)
    harness.clock.advance(30 * MINUTE)
    await harness.timers.run_due()
    harness.clock.advance(harness.queue.max_queue_age)
    async with running(harness.queue):
        await harness.queue.join()
    assert harness.metrics.asked == []
    await harness.pass_time(TIMER_CLAIM_TIMEOUT)
    assert len(await harness.endings()) == 1


async def test_a_reload_that_takes_environment_and_incidents_away_ends_the_watch_in_words(harness: WatchHarness) -> None:
    await harness.resolved(GROUP)
    environments = {name: each for name, each in harness.catalogue.environments.items() if name != "production"}
    harness.catalogue = harness.catalogue.model_copy(update={"environments": environments, "incidents": None})
    await harness.pass_time(30 * MINUTE, MINUTE)
    (headline,) = await headlines(harness)
    assert "could not be shown: HighErrorRate, the silences" in headline


async def test_an_incident_that_was_pruned_needs_no_end(harness: WatchHarness) -> None:
    await harness.resolved(GROUP)
    await is_closed_by_a_person(harness)
    async with harness.store.write() as tx:
        await tx.of(IncidentRepository).prune(ENDS_AT + timedelta(days=90))
    harness.clock.advance(30 * MINUTE)
    await harness.watch.end("inc-x4k2")
    assert await harness.endings() == []
