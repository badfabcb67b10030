"""Two replicas on one PostgreSQL: each page once, and never more to one person than the bucket takes."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from storage.engines import open_engines
from storage.store import Store
from tests.harness.paging import PagingHarness, paging_catalogue

pytestmark = pytest.mark.postgres

SMS = {"whom": ["oncall"], "ways": ["sms"], "wait_minutes": 5, "tries": 2}


async def work_together(harnesses: list[PagingHarness], minutes: float = 0) -> None:
    harnesses[0].clock.advance(timedelta(minutes=minutes))
    for _ in range(3):
        await asyncio.gather(*(each.work() for each in harnesses))


@pytest.fixture
async def replicas(postgres_url: str) -> "list[PagingHarness]":
    first = PagingHarness(Store(open_engines(postgres_url)), paging_catalogue(SMS), replica="replica-1")
    second = PagingHarness(
        Store(open_engines(postgres_url)), paging_catalogue(SMS), replica="replica-2", clock=first.clock, sms=first.sms
    )
    async with first.store.write() as tx:
        for name in ("replica-1", "replica-2"):
            await tx.replicas.heartbeat(name)
    return [first, second]


async def test_each_call_is_made_once(replicas: list[PagingHarness]) -> None:
    await asyncio.gather(*(replicas[number % 2].request(f"inc-{number}", is_test=True) for number in range(10)))
    await work_together(replicas)
    assert len(replicas[0].sms.sent) == 10
    await work_together(replicas, minutes=5)
    assert set(Counter(message.page_id for message, _ in replicas[0].sms.sent).values()) == {2}
    await close(replicas)


async def test_the_bucket_is_one_for_both(replicas: list[PagingHarness]) -> None:
    for number in range(30):
        await replicas[number % 2].request(f"inc-{number}")
    await work_together(replicas)
    await work_together(replicas, minutes=0.5)
    assert len(replicas[0].sms.sent) == 5
    assert "and 25 more pages" in str(replicas[0].sms.sent[-1][0].title)
    await close(replicas)


async def test_acknowledged_on_one_replica_stops_the_other(replicas: list[PagingHarness]) -> None:
    first, second = replicas
    await first.request()
    await first.work()
    await second.acknowledge()
    await work_together(replicas, minutes=30)
    assert len(first.sms.sent) == 1
    await close(replicas)


async def test_of_one_cause_on_two_replicas_one_is_called_for(replicas: list[PagingHarness]) -> None:
    await asyncio.gather(*(replicas[number % 2].request(f"inc-{number}", cause="uplink") for number in range(10)))
    await work_together(replicas)
    await work_together(replicas)
    assert len(replicas[0].sms.sent) == 1
    await close(replicas)


async def close(replicas: list[PagingHarness]) -> None:
    for each in replicas:
        await each.store.close()
