"""Several replicas on PostgreSQL: every notification once and in order, every click beside them, also after an outage."""

import asyncio

import pytest

from domain.alerts.alerts import AlertNote
from runbooks.alerts.intake import NotificationProcessor
from storage.engines import open_engines
from storage.store import Store
from tests.harness.alerts import SECOND, numbered_notification, open_alerts_harness
from tests.harness.database_outage import database_unavailable
from tests.harness.databases import postgres, postgres_url
from tests.harness.samples.notifications import alert, notification
from tests.harness.samples.team import ANA

__all__ = ["postgres", "postgres_url"]


@pytest.mark.postgres
async def test_two_intakes_at_once_apply_each_notification_once_and_in_order(postgres_url: str) -> None:
    stores = [Store(open_engines(postgres_url)) for _ in range(3)]
    async with open_alerts_harness(stores[0]) as harness:
        for number in range(200):
            firing, began = number % 2 == 0, harness.clock.now() - (number % 2) * SECOND
            pods = [alert(f"n{number % 7}", began=began, firing=firing), alert(f"x{number}", began=began)]
            await harness.store_notifications(notification(*pods, key=f"{number % 7}"))
        others = [NotificationProcessor(each, harness.clock, lambda: harness.catalogue, lambda: None) for each in stores[1:]]
        together = await asyncio.gather(*(_until_empty(each) for each in (harness.intake, *others)))
        assert sum(together) == 200
        assert await harness.answers() == ["applied"] * 200
        groups = await harness.groups()
        assert len(groups) == 7
        for group in groups:
            keys = [
                int(each.fact.key)
                for each in await harness.outbox_entries()
                if isinstance(each.fact, AlertNote) and each.fact.group_id == group.id
            ]
            assert keys == list(range(1, group.reply_count + 1)), "each is said once, in order"
    for each in stores:
        await each.close()


async def _until_empty(intake: NotificationProcessor) -> int:
    done = 0
    while some := await intake.apply_batch():
        done += some
    return done


@pytest.mark.postgres
async def test_a_persons_click_and_a_notification_at_the_same_moment_both_count(postgres_url: str) -> None:
    stores = [Store(open_engines(postgres_url)) for _ in range(2)]
    async with open_alerts_harness(stores[0]) as harness, open_alerts_harness(stores[1]) as other:
        other.numbers = iter(range(500_000, 600_000))
        for number in range(20):
            key, began = f"{number}", harness.clock.now()
            await harness.receive(notification(alert(f"{number}", began=began), key=key))
            group = (await harness.groups())[-1]
            await harness.store_notifications(
                notification(alert(f"{number}", began=began), alert(f"more-{number}", began=began), key=key)
            )
            await asyncio.gather(harness.apply(), other.acknowledge(group.id, ANA))
            now = next(each for each in await harness.groups() if each.id == group.id)
            assert now.acknowledgement is not None
            assert now.firing == 2
            assert now.reply_count == 2
    for each in stores:
        await each.close()


@pytest.mark.postgres
async def test_while_the_database_is_away_they_wait_and_afterwards_they_are_applied(postgres_url: str) -> None:
    kept = Store(open_engines(postgres_url))
    async with open_alerts_harness(kept) as harness:
        await harness.store_notifications(numbered_notification(1), numbered_notification(2))
        async with database_unavailable(postgres_url):
            keeping = asyncio.create_task(harness.intake.run())
            await asyncio.sleep(0.3)
            assert not keeping.done()
            assert harness.intake.applied == 0
        async with asyncio.timeout(20):
            while harness.intake.applied < 2:
                await asyncio.sleep(0.05)
        keeping.cancel()
        await asyncio.wait({keeping})
        assert await harness.answers() == ["applied", "applied"]
    await kept.close()
