"""People and alerts at the same moment: what one of them does is not undone by another."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.alerts.alerts import AlertGroup
from domain.alerts.silences import Silence, SilenceState
from domain.errors import NotFound, Refused, TemporaryError
from domain.matchers import Matcher
from runbooks.alerts.service import Alerts, Wish
from storage.store import Store
from tests.harness.alerts import AlertsHouse, open_alerts_house
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.fakes.alertmanager import MemoryAlertmanager
from tests.harness.samples.notifications import alert, notification
from tests.harness.samples.team import ANA, RAY

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]

HOUR = timedelta(hours=1)


@pytest.fixture
async def house(store: Store) -> AsyncIterator[AlertsHouse]:
    async with open_alerts_house(store) as opened:
        await opened.tell(notification(alert("a", labels={"environment": "production"})))
        yield opened


class BothAtOnce(MemoryAlertmanager):
    """Answers what silences there are only when everybody has asked."""

    def __init__(self, house: AlertsHouse, people: int) -> None:
        super().__init__(house.clock)
        self.asked = asyncio.Barrier(people)

    async def silences(self) -> tuple[Silence, ...]:
        found = await super().silences()
        await self.asked.wait()
        return found

    def in_force(self) -> list[str]:
        return [each.id for each in self.kept.values() if each.state is SilenceState.ACTIVE]


def people(house: AlertsHouse, alertmanager: MemoryAlertmanager) -> Alerts:
    return Alerts(
        store=house.store,
        clock=house.clock,
        catalogue=lambda: house.catalogue,
        alertmanager=lambda _: alertmanager,
        nudge=lambda: None,
    )


async def test_of_two_who_silence_at_the_same_moment_one_does_and_no_silence_is_left_over(house: AlertsHouse) -> None:
    alertmanager = BothAtOnce(house, 2)
    alerts, group = people(house, alertmanager), await house.group()
    wishes = [Wish(group=group.id, by=who, source=f"click-{who.name}") for who in (ANA, RAY)]
    ended = await asyncio.gather(*(alerts.silence(wish, HOUR, "") for wish in wishes), return_exceptions=True)
    (done,) = [each for each in ended if isinstance(each, AlertGroup)]
    (refused,) = [each for each in ended if isinstance(each, Refused)]
    assert "is silenced already, until 15:02 UTC by <@" in str(refused)
    assert done.silence is not None
    assert alertmanager.in_force() == [done.silence.id]
    assert (await house.group()).silence == done.silence
    assert sum(" silenced this until " in each for each in await house.notes()) == 1


async def test_an_end_that_comes_too_late_does_not_touch_the_next_silence(house: AlertsHouse) -> None:
    alertmanager = MemoryAlertmanager(house.clock)
    alerts, group = people(house, alertmanager), await house.group()
    await alerts.silence(Wish(group=group.id, by=ANA, source="1"), HOUR, "")
    ends = [alerts.unsilence(Wish(group=group.id, by=who, source=f"end-{who.name}")) for who in (ANA, RAY)]
    ended = await asyncio.gather(*ends, return_exceptions=True)
    assert sorted(type(each).__name__ for each in ended) == ["AlertGroup", "Refused"]
    assert (await house.group()).silence is None
    assert sum(each.endswith("ended the silence. It still fires.") for each in await house.notes()) == 1


async def test_a_silence_that_a_crash_kept_from_being_noted_down_is_found_again(house: AlertsHouse) -> None:
    alertmanager = MemoryAlertmanager(house.clock)
    alerts, group = people(house, alertmanager), await house.group()
    wish = Wish(group=group.id, by=ANA, source="1")
    matchers = (await alerts.silence(wish, HOUR, "")).silence
    async with house.store.write() as tx:
        await tx.alerts.save([group])
    again = (await alerts.silence(Wish(group=group.id, by=ANA, source="2"), HOUR, "")).silence
    assert matchers is not None
    assert again is not None
    assert (again.id, len(alertmanager.kept)) == (matchers.id, 1)


async def test_what_is_not_there_is_said(house: AlertsHouse) -> None:
    wish = Wish(group="al-none", by=ANA, source="1")
    alerts = people(house, MemoryAlertmanager(house.clock))
    for asked in (alerts.acknowledge(wish), alerts.silence(wish, HOUR, ""), alerts.unsilence(wish)):
        with pytest.raises(NotFound, match="There is no alert group al-none"):
            await asked


class Slow(MemoryAlertmanager):
    """Its answer to the first silence comes when ``answers`` is set; it is in force by then."""

    def __init__(self, house: AlertsHouse) -> None:
        super().__init__(house.clock)
        self.answers = asyncio.Event()
        self.made = asyncio.Event()

    async def silence(self, matchers: tuple[Matcher, ...], **words: Any) -> str:
        made = await super().silence(matchers, **words)
        self.made.set()
        await self.answers.wait()
        return made


async def test_who_finds_the_silence_of_another_keeps_it_and_the_other_is_told(house: AlertsHouse) -> None:
    """Ana's is in Alertmanager and not noted down yet when Ray comes: it becomes his, and is not ended for her being late."""
    alertmanager = Slow(house)
    alerts, group = people(house, alertmanager), await house.group()
    first = asyncio.create_task(alerts.silence(Wish(group=group.id, by=ANA, source="1"), HOUR, ""))
    await alertmanager.made.wait()
    taken = await alerts.silence(Wish(group=group.id, by=RAY, source="2"), HOUR, "")
    alertmanager.answers.set()
    with pytest.raises(Refused, match=r"is silenced already, until 15:02 UTC by <@U0RESPONDER>\."):
        await first
    assert taken.silence is not None
    assert [each.id for each in alertmanager.kept.values() if each.state is SilenceState.ACTIVE] == [taken.silence.id]
    assert (await house.group()).silence == taken.silence


class Away(Store):
    """A database that does not take what is written while ``away``."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.engines, self._answer)
        self.away = True

    def _answer(self) -> None:
        if self.away:
            raise TemporaryError("The database did not take it.")


async def test_a_silence_that_the_database_did_not_take_is_noted_down_at_the_next_try(house: AlertsHouse) -> None:
    alertmanager, away = MemoryAlertmanager(house.clock), Away(house.store)
    alerts, group = replace(people(house, alertmanager), store=away), await house.group()
    with pytest.raises(TemporaryError):
        await alerts.silence(Wish(group=group.id, by=ANA, source="1"), HOUR, "")
    assert (await house.group()).silence is None
    away.away = False
    house.clock.go_on(timedelta(seconds=30))
    noted = await alerts.silence(Wish(group=group.id, by=ANA, source="2"), HOUR, "")
    assert noted.silence is not None
    assert list(alertmanager.kept) == [noted.silence.id]
    assert alertmanager.kept[noted.silence.id].ends_at == noted.silence.until


@pytest.mark.parametrize("what", ["acknowledge", "silence", "unsilence"])
async def test_the_same_delivery_after_a_crash_does_nothing_twice(house: AlertsHouse, what: str) -> None:
    alertmanager = MemoryAlertmanager(house.clock)
    alerts, group = people(house, alertmanager), await house.group()
    if what == "unsilence":
        await alerts.silence(Wish(group=group.id, by=RAY, source="0"), HOUR, "")
    wish = Wish(group=group.id, by=ANA, source="1")

    async def wanted() -> AlertGroup:
        match what:
            case "acknowledge":
                return await alerts.acknowledge(wish)
            case "silence":
                return await alerts.silence(wish, HOUR, "")
            case _:
                return await alerts.unsilence(wish)

    await wanted()
    before, said = await house.group(), await house.notes()
    with pytest.raises(Refused):
        await wanted()
    assert (await house.group(), await house.notes()) == (before, said)
    async with house.store.read() as tx:
        kept = [each.entry.what for each in await tx.audit.search()]
    assert kept.count(what) == 1
    assert len(alertmanager.kept) == (0 if what == "acknowledge" else 1)
