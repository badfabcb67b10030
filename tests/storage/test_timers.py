"""What is due happens once, on any number of replicas, and late rather than never."""

import asyncio
from datetime import timedelta

from storage.engines import open_engines
from storage.store import Store
from storage.timers import TIMER_CLAIM_TIMEOUT, Timer
from tests.harness.samples.operations import NOW

MINUTE = timedelta(minutes=1)


def timer(key: str = "approval-expire/op-a", minutes: int = 0) -> Timer:
    return Timer(key, "approval-expire", "op-a", NOW + minutes * MINUTE)


async def put(store: Store, *timers: Timer) -> None:
    async with store.write() as tx:
        for each in timers:
            await tx.timers.set(each)


async def test_what_is_due_oldest_first_and_not_before(store: Store) -> None:
    late, now, later = timer("a", -60), timer("b"), timer("c", 1)
    await put(store, now, later, late)
    async with store.read() as tx:
        assert await tx.timers.due(NOW) == (late, now)
        assert await tx.timers.due(NOW, limit=1) == (late,)
        assert await tx.timers.due(NOW + MINUTE) == (late, now, later)


async def test_of_two_replicas_that_want_a_timer_one_gets_it(store: Store, database_url: str) -> None:
    others = [Store(open_engines(database_url)) for _ in range(2)]
    await put(store, *(timer(f"t-{number}") for number in range(10)))

    async def take_all(mine: Store, replica: str) -> list[str]:
        took = []
        for number in range(10):
            async with mine.write() as tx:
                if await tx.timers.claim(timer(f"t-{number}"), replica, NOW):
                    took.append(f"t-{number}")
        return took

    first, second = await asyncio.gather(*(take_all(mine, f"replica-{number}") for number, mine in enumerate(others)))
    for mine in others:
        await mine.close()
    assert sorted(first + second) == [f"t-{number}" for number in range(10)]


async def test_a_timer_whose_replica_died_is_due_again_after_a_minute(store: Store) -> None:
    await put(store, timer())
    async with store.write() as tx:
        assert await tx.timers.claim(timer(), "dead", NOW)
        assert await tx.timers.due(NOW + TIMER_CLAIM_TIMEOUT) == ()
        assert not await tx.timers.claim(timer(), "replica-2", NOW + TIMER_CLAIM_TIMEOUT)
        after = NOW + TIMER_CLAIM_TIMEOUT + timedelta(microseconds=1)
        assert await tx.timers.due(after) == (timer(),)
        assert await tx.timers.claim(timer(), "replica-2", after)


async def test_a_timer_that_was_moved_is_not_taken_at_its_old_time(store: Store) -> None:
    await put(store, timer())
    await put(store, timer(minutes=5))
    async with store.write() as tx:
        assert not await tx.timers.claim(timer(), "replica-1", NOW)
        assert await tx.timers.due(NOW + 5 * MINUTE) == (timer(minutes=5),)


async def test_done_is_gone_unless_it_was_moved_meanwhile(store: Store) -> None:
    await put(store, timer(), timer("other"))
    async with store.write() as tx:
        await tx.timers.claim(timer(), "replica-1", NOW)
        await tx.timers.set(timer(minutes=5))
        await tx.timers.remove("approval-expire/op-a", NOW)
        await tx.timers.remove("other", NOW)
        assert await tx.timers.due(NOW + 5 * MINUTE) == (timer(minutes=5),)
        await tx.timers.remove("approval-expire/op-a")
        assert await tx.timers.due(NOW + 5 * MINUTE) == ()


async def test_a_timer_that_runs_is_left_alone_and_one_whose_time_is_over_runs_anew(store: Store) -> None:
    async def start_at(minutes: int) -> None:
        async with store.write() as tx:
            await tx.timers.set_unless_running(timer(minutes=minutes + 10), NOW + minutes * MINUTE)

    for minutes in (0, 9):
        await start_at(minutes)
        async with store.read() as tx:
            assert await tx.timers.due(NOW + 10 * MINUTE) == (timer(minutes=10),)
    async with store.write() as tx:
        assert await tx.timers.claim(timer(minutes=10), "dead", NOW + 10 * MINUTE)
    await start_at(10)
    async with store.read() as tx:
        assert await tx.timers.due(NOW + 20 * MINUTE) == (timer(minutes=20),)


async def test_whether_a_timer_was_there_to_be_done(store: Store) -> None:
    await put(store, timer())
    async with store.write() as tx:
        assert not await tx.timers.remove("approval-expire/op-a", NOW + MINUTE)
        assert await tx.timers.remove("approval-expire/op-a", NOW)
        assert not await tx.timers.remove("approval-expire/op-a")


async def test_a_timer_is_brought_forward_and_never_put_off(store: Store) -> None:
    for minutes, due in ((5, 5), (3, 3), (9, 3)):
        async with store.write() as tx:
            await tx.timers.bring_forward(timer(minutes=minutes))
        async with store.read() as tx:
            assert await tx.timers.due(NOW + 10 * MINUTE) == (timer(minutes=due),)


async def test_a_timer_that_waits_for_a_span_is_due_after_it_though_the_clock_was_set_back(store: Store) -> None:
    hour = 60 * MINUTE
    async with store.write() as tx:
        await tx.timers.set(Timer("span", "kind", "s", NOW + 30 * MINUTE), NOW)
        await tx.timers.set(Timer("wall clock", "kind", "s", NOW + 30 * MINUTE))
        assert await tx.timers.claim(Timer("span", "kind", "s", NOW + 30 * MINUTE), "replica-1", NOW)
        assert not await tx.timers.was_clock_set_back(NOW - timedelta(seconds=2))
    later = NOW - hour
    async with store.write() as tx:
        assert await tx.timers.was_clock_set_back(later)
        assert await tx.timers.shift_after_clock_set_back(later) == 1
        assert not await tx.timers.was_clock_set_back(later)
        assert await tx.timers.due(later + 29 * MINUTE) == ()
        assert [each.key for each in await tx.timers.due(later + 30 * MINUTE)] == ["span"]
        assert [each.key for each in await tx.timers.due(NOW + 30 * MINUTE)] == ["span", "wall clock"]
