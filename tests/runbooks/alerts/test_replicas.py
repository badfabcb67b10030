"""Several replicas on PostgreSQL: every notification once and in order, every click beside them, also after an outage."""

import asyncio

import pytest

from domain.alerts.alerts import AlertNote
from runbooks.alerts.intake import AlertIntake
from storage.engines import open_engines
from storage.store import Store
from tests.harness.alerts import SECOND, numbered, open_alerts_house
from tests.harness.database_outage import away
from tests.harness.databases import postgres, postgres_url
from tests.harness.samples.notifications import alert, notification
from tests.harness.samples.team import ANA

__all__ = ["postgres", "postgres_url"]


@pytest.mark.postgres
async def test_two_intakes_at_once_apply_each_notification_once_and_in_order(postgres_url: str) -> None:
    stores = [Store(open_engines(postgres_url)) for _ in range(3)]
    async with open_alerts_house(stores[0]) as house:
        for number in range(200):
            firing, began = number % 2 == 0, house.clock.now() - (number % 2) * SECOND
            pods = [alert(f"n{number % 7}", began=began, firing=firing), alert(f"x{number}", began=began)]
            await house.keep(notification(*pods, key=f"{number % 7}"))
        others = [AlertIntake(each, house.clock, lambda: house.catalogue, lambda: None) for each in stores[1:]]
        together = await asyncio.gather(*(_until_empty(each) for each in (house.intake, *others)))
        assert sum(together) == 200
        assert await house.answers() == ["applied"] * 200
        groups = await house.groups()
        assert len(groups) == 7
        for group in groups:
            keys = [
                int(each.fact.key)
                for each in await house.said()
                if isinstance(each.fact, AlertNote) and each.fact.group == group.id
            ]
            assert keys == list(range(1, group.said + 1)), "each is said once, in order"
    for each in stores:
        await each.close()


async def _until_empty(intake: AlertIntake) -> int:
    done = 0
    while some := await intake.apply_some():
        done += some
    return done


@pytest.mark.postgres
async def test_a_persons_click_and_a_notification_at_the_same_moment_both_count(postgres_url: str) -> None:
    stores = [Store(open_engines(postgres_url)) for _ in range(2)]
    async with open_alerts_house(stores[0]) as house, open_alerts_house(stores[1]) as other:
        other.numbers = iter(range(500_000, 600_000))
        for number in range(20):
            key, began = f"{number}", house.clock.now()
            await house.tell(notification(alert(f"{number}", began=began), key=key))
            group = (await house.groups())[-1]
            await house.keep(notification(alert(f"{number}", began=began), alert(f"more-{number}", began=began), key=key))
            await asyncio.gather(house.apply(), other.acknowledge(group.id, ANA))
            now = next(each for each in await house.groups() if each.id == group.id)
            assert now.acknowledgement is not None
            assert now.firing == 2
            assert now.said == 2
    for each in stores:
        await each.close()


@pytest.mark.postgres
async def test_while_the_database_is_away_they_wait_and_afterwards_they_are_applied(postgres_url: str) -> None:
    kept = Store(open_engines(postgres_url))
    async with open_alerts_house(kept) as house:
        await house.keep(numbered(1), numbered(2))
        async with away(postgres_url):
            keeping = asyncio.create_task(house.intake.keep())
            await asyncio.sleep(0.3)
            assert not keeping.done()
            assert house.intake.applied == 0
        async with asyncio.timeout(20):
            while house.intake.applied < 2:
                await asyncio.sleep(0.05)
        keeping.cancel()
        await asyncio.wait({keeping})
        assert await house.answers() == ["applied", "applied"]
    await kept.close()
