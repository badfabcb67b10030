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
from runbooks.alerts.service import AlertRequest, AlertService
from storage.store import Store
from tests.harness.alerts import AlertsHarness, open_alerts_harness
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.fakes.alertmanager import MemoryAlertmanager
from tests.harness.samples.notifications import alert, notification
from tests.harness.samples.team import ANA, RAY

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]

HOUR = timedelta(hours=1)


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[AlertsHarness]:
    async with open_alerts_harness(store) as opened:
        await opened.receive(notification(alert("a", labels={"environment": "production"})))
        yield opened


class SynchronizedAlertmanager(MemoryAlertmanager):
    """Answers what silences there are only when everybody has asked."""

    def __init__(self, harness: AlertsHarness, people: int) -> None:
        super().__init__(harness.clock)
        self.asked = asyncio.Barrier(people)

    async def silences(self) -> tuple[Silence, ...]:
        found = await super().silences()
        await self.asked.wait()
        return found

    def in_force(self) -> list[str]:
        return [each.id for each in self.stored.values() if each.state is SilenceState.ACTIVE]


def alert_service(harness: AlertsHarness, alertmanager: MemoryAlertmanager) -> AlertService:
    return AlertService(
        store=harness.store,
        clock=harness.clock,
        catalogue=lambda: harness.catalogue,
        alertmanager=lambda *_: alertmanager,
        notify_outbox=lambda: None,
    )


async def test_of_two_who_silence_at_the_same_moment_one_does_and_no_silence_is_left_over(harness: AlertsHarness) -> None:
    alertmanager = SynchronizedAlertmanager(harness, 2)
    alerts, group = alert_service(harness, alertmanager), await harness.group()
    wishes = [AlertRequest(group=group.id, by=who, source=f"click-{who.name}") for who in (ANA, RAY)]
    ended = await asyncio.gather(*(alerts.silence(wish, HOUR, "") for wish in wishes), return_exceptions=True)
    (done,) = [each for each in ended if isinstance(each, AlertGroup)]
    (refused,) = [each for each in ended if isinstance(each, Refused)]
    assert "is silenced already, until 15:02 UTC by @" in str(refused)
    assert done.silence is not None
    assert alertmanager.in_force() == [done.silence.id]
    assert (await harness.group()).silence == done.silence
    assert sum(" silenced this until " in each for each in await harness.notes()) == 1


async def test_an_end_that_comes_too_late_does_not_touch_the_next_silence(harness: AlertsHarness) -> None:
    alertmanager = MemoryAlertmanager(harness.clock)
    alerts, group = alert_service(harness, alertmanager), await harness.group()
    await alerts.silence(AlertRequest(group=group.id, by=ANA, source="1"), HOUR, "")
    ends = [alerts.unsilence(AlertRequest(group=group.id, by=who, source=f"end-{who.name}")) for who in (ANA, RAY)]
    ended = await asyncio.gather(*ends, return_exceptions=True)
    assert sorted(type(each).__name__ for each in ended) == ["AlertGroup", "Refused"]
    assert (await harness.group()).silence is None
    note = "ended the silence. No end was reported, so it counts as firing."
    assert sum(each.endswith(note) for each in await harness.notes()) == 1


async def test_a_silence_that_a_crash_kept_from_being_noted_down_is_found_again(harness: AlertsHarness) -> None:
    alertmanager = MemoryAlertmanager(harness.clock)
    alerts, group = alert_service(harness, alertmanager), await harness.group()
    wish = AlertRequest(group=group.id, by=ANA, source="1")
    matchers = (await alerts.silence(wish, HOUR, "")).silence
    async with harness.store.write() as tx:
        await tx.alerts.save([group])
    again = (await alerts.silence(AlertRequest(group=group.id, by=ANA, source="2"), HOUR, "")).silence
    assert matchers is not None
    assert again is not None
    assert (again.id, len(alertmanager.stored)) == (matchers.id, 1)


async def test_what_is_not_there_is_said(harness: AlertsHarness) -> None:
    wish = AlertRequest(group="al-none", by=ANA, source="1")
    alerts = alert_service(harness, MemoryAlertmanager(harness.clock))
    for asked in (alerts.acknowledge(wish), alerts.silence(wish, HOUR, ""), alerts.unsilence(wish)):
        with pytest.raises(NotFound, match="There is no alert group al-none"):
            await asked


class SlowAlertmanager(MemoryAlertmanager):
    """Its answer to the first silence comes when ``answers`` is set; it is in force by then."""

    def __init__(self, harness: AlertsHarness) -> None:
        super().__init__(harness.clock)
        self.answers = asyncio.Event()
        self.made = asyncio.Event()

    async def create_silence(self, matchers: tuple[Matcher, ...], **words: Any) -> str:
        made = await super().create_silence(matchers, **words)
        self.made.set()
        await self.answers.wait()
        return made


async def test_who_finds_the_silence_of_another_keeps_it_and_the_other_is_told(harness: AlertsHarness) -> None:
    """Ana's is in Alertmanager and not noted down yet when Ray comes: it becomes his, and is not ended for her being late."""
    alertmanager = SlowAlertmanager(harness)
    alerts, group = alert_service(harness, alertmanager), await harness.group()
    first = asyncio.create_task(alerts.silence(AlertRequest(group=group.id, by=ANA, source="1"), HOUR, ""))
    await alertmanager.made.wait()
    taken = await alerts.silence(AlertRequest(group=group.id, by=RAY, source="2"), HOUR, "")
    alertmanager.answers.set()
    with pytest.raises(Refused, match=r"is silenced already, until 15:02 UTC by @U0RESPONDER\."):
        await first
    assert taken.silence is not None
    assert [each.id for each in alertmanager.stored.values() if each.state is SilenceState.ACTIVE] == [taken.silence.id]
    assert (await harness.group()).silence == taken.silence


class UnavailableStore(Store):
    """A database that does not take what is written while ``away``."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.engines, self._answer)
        self.away = True

    def _answer(self) -> None:
        if self.away:
            raise TemporaryError("The database did not take it.")


async def test_a_silence_that_the_database_did_not_take_is_noted_down_at_the_next_try(harness: AlertsHarness) -> None:
    alertmanager, away = MemoryAlertmanager(harness.clock), UnavailableStore(harness.store)
    alerts, group = replace(alert_service(harness, alertmanager), store=away), await harness.group()
    with pytest.raises(TemporaryError):
        await alerts.silence(AlertRequest(group=group.id, by=ANA, source="1"), HOUR, "")
    assert (await harness.group()).silence is None
    away.away = False
    harness.clock.advance(timedelta(seconds=30))
    noted = await alerts.silence(AlertRequest(group=group.id, by=ANA, source="2"), HOUR, "")
    assert noted.silence is not None
    assert list(alertmanager.stored) == [noted.silence.id]
    assert alertmanager.stored[noted.silence.id].ends_at == noted.silence.until


@pytest.mark.parametrize("what", ["acknowledge", "silence", "unsilence"])
async def test_the_same_delivery_after_a_crash_does_nothing_twice(harness: AlertsHarness, what: str) -> None:
    alertmanager = MemoryAlertmanager(harness.clock)
    alerts, group = alert_service(harness, alertmanager), await harness.group()
    if what == "unsilence":
        await alerts.silence(AlertRequest(group=group.id, by=RAY, source="0"), HOUR, "")
    wish = AlertRequest(group=group.id, by=ANA, source="1")

    async def wanted() -> AlertGroup:
        match what:
            case "acknowledge":
                return await alerts.acknowledge(wish)
            case "silence":
                return await alerts.silence(wish, HOUR, "")
            case _:
                return await alerts.unsilence(wish)

    await wanted()
    before, said = await harness.group(), await harness.notes()
    with pytest.raises(Refused):
        await wanted()
    assert (await harness.group(), await harness.notes()) == (before, said)
    async with harness.store.read() as tx:
        kept = [each.entry.what for each in await tx.audit.search()]
    assert kept.count(what) == 1
    assert len(alertmanager.stored) == (0 if what == "acknowledge" else 1)
