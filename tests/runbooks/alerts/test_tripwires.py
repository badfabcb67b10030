"""Something new under a silence is said, or lifts it, once, whatever dies in between."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from domain.alerts.silences import OnNew, SilenceState
from domain.alerts.tripwires import TripwireChoice
from domain.errors import UnknownOutcome
from domain.matchers import Matcher, Operator
from domain.people import BOT
from runbooks.alerts.service import AlertRequest, AlertService
from runbooks.alerts.timers import TRIPWIRES
from runbooks.alerts.tripwires import Tripwires, TripwireSources
from runbooks.queued_timers import QueuedTimers
from storage.leases import LeaseRepository
from storage.store import Store
from storage.timers import Timer
from storage.tripwires import TripwireRepository
from tests.harness.alerts import AlertsHarness, open_alerts_harness
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.fakes.alertmanager import MemoryAlertmanager
from tests.harness.queued_timers import run_queued
from tests.harness.samples.notifications import alert, notification
from tests.harness.samples.team import ANA

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]

LABELS = {"alertname": "HighErrorRate", "environment": "production", "severity": "warning"}
LIFT, TELL = TripwireChoice(on_new=OnNew.LIFT), TripwireChoice()
HOUR, STEP = timedelta(hours=1), timedelta(seconds=15)


@dataclass
class FailingAlertmanager(MemoryAlertmanager):
    """``fails``: it answers no wish to end a silence, which ``ends`` all the same."""

    fails: bool = False
    ends: bool = False

    async def expire(self, silence_id: str, /) -> bool:
        if self.fails and self.ends:
            await super().expire(silence_id)
        if self.fails:
            raise UnknownOutcome("Alertmanager broke the connection: it may or may not have been done.")
        return await super().expire(silence_id)


@dataclass
class Silencing:
    """A group with one alert, ``a``, that is silenced, and two replicas that look at what is new."""

    alerts: AlertsHarness
    alertmanager: FailingAlertmanager
    service: AlertService
    replicas: tuple[QueuedTimers, ...]

    async def silence(self, choice: TripwireChoice) -> str:
        group = await self.alerts.group()
        request = AlertRequest(group=group.id, by=ANA, source="1")
        silenced = (await self.service.silence(request, HOUR, "", choice)).silence
        assert silenced is not None
        return silenced.id

    def fires(self, name: str, **labels: str) -> None:
        self.alertmanager.labels[name] = {**LABELS, "pod": name, **labels}

    async def look(self, replica: int = 0) -> None:
        """Let the time of a check pass, and do it as a process does."""
        self.alerts.clock.advance(STEP)
        for timer in await self.due():
            await self.replicas[replica].submit(timer, self.alerts.clock.now())
        await run_queued(self.replicas[replica])

    async def due(self) -> list[Timer]:
        async with self.alerts.store.read() as tx:
            return [each for each in await tx.timers.due(self.alerts.clock.now(), limit=99) if each.kind == TRIPWIRES]

    async def notes(self, word: str) -> list[str]:
        return [each for each in await self.alerts.notes() if word in each]

    def in_force(self) -> list[str]:
        return [each.id for each in self.alertmanager.stored.values() if each.state is SilenceState.ACTIVE]

    async def recorded(self) -> tuple[bool, int, int]:
        """Whether the group is silenced, leases and tripwires."""
        at = self.alerts.clock.now()
        async with self.alerts.store.read() as tx:
            leases = await tx.of(LeaseRepository).standing(["production"], at)
            wires = await tx.of(TripwireRepository).standing("production", "", at)
        return (await self.alerts.group()).silence is not None, len(leases), len(wires)


@pytest.fixture
async def silencing(store: Store) -> AsyncIterator[Silencing]:
    async with open_alerts_harness(store) as opened:
        await opened.receive(notification(alert("a", labels=LABELS), labels={"alertname": "HighErrorRate"}))
        alertmanager = FailingAlertmanager(opened.clock)
        current, lookup = (lambda: opened.catalogue), (lambda *_: alertmanager)
        service = AlertService(
            store=store, clock=opened.clock, catalogue=current, alertmanager=lookup, notify_outbox=lambda: None
        )
        sources = TripwireSources(catalogue=current, alertmanager=lookup)
        looks = (Tripwires(store, opened.clock, sources, lambda: None) for _ in range(2))
        replicas = tuple(QueuedTimers("tripwires", opened.clock, each.work) for each in looks)
        made = Silencing(opened, alertmanager, service, replicas)
        made.fires("a")
        yield made


async def test_what_fired_when_it_was_made_trips_nothing_and_neither_does_its_return(silencing: Silencing) -> None:
    silencing.fires("b")
    made = await silencing.silence(LIFT)
    await silencing.look()
    gone: Mapping[str, str] = silencing.alertmanager.labels.pop("b")
    await silencing.look()
    silencing.alertmanager.labels["b"] = gone
    await silencing.look()
    assert (silencing.in_force(), await silencing.notes("Something new")) == ([made], [])


async def test_something_new_is_said_once_and_stays_silenced(silencing: Silencing) -> None:
    made = await silencing.silence(TELL)
    silencing.fires("b")
    await silencing.look()
    await silencing.look()
    (note,) = await silencing.notes("Something new")
    assert "1 alert under it did not fire when it was made" in note
    assert "It still hides all of it" in note
    assert silencing.in_force() == [made]


async def test_more_that_is_new_is_said_again_after_a_pause_and_a_worse_severity_at_once(silencing: Silencing) -> None:
    await silencing.silence(TELL)
    silencing.fires("b")
    await silencing.look()
    silencing.fires("c")
    silencing.fires("d")
    await silencing.look()
    assert len(await silencing.notes("Something new")) == 1
    silencing.fires("e", severity="critical")
    await silencing.look()
    assert "P1 fires under it, and the worst was P2" in (await silencing.notes("Something new"))[-1]
    silencing.fires("f")
    for _ in range(21):
        await silencing.look()
    said = await silencing.notes("Something new")
    assert (len(said), "1 alert under it" in said[-1]) == (3, True)


async def test_with_a_number_only_more_alerts_or_a_worse_severity_count(silencing: Silencing) -> None:
    await silencing.silence(TripwireChoice(on_new=OnNew.LIFT, max_alerts=2))
    silencing.fires("b")
    await silencing.look()
    assert await silencing.notes("Something new") == []
    silencing.fires("c")
    await silencing.look()
    assert ["3 alerts fire under it, more than 2" in each for each in await silencing.notes("Something new")] == [True]
    assert silencing.in_force() == []


async def test_it_is_lifted_and_nothing_of_it_is_left(silencing: Silencing) -> None:
    made = await silencing.silence(LIFT)
    silencing.fires("b")
    await silencing.look()
    assert (silencing.in_force(), await silencing.recorded()) == ([], (False, 0, 0))
    (lifted,) = await silencing.notes("Lifted: ")
    assert "What fires notifies again." in lifted
    async with silencing.alerts.store.read() as tx:
        entries = [each.entry async for each in tx.audit.walk() if made in each.entry.outcome]
    assert [(each.who, each.what) for each in entries] == [(ANA.person, "silence"), (BOT, "unsilence")]
    await silencing.look()
    assert len(await silencing.notes("under")) == 2


async def test_two_replicas_say_and_lift_once(silencing: Silencing) -> None:
    await silencing.silence(LIFT)
    silencing.fires("b")
    silencing.alerts.clock.advance(STEP)
    (timer,) = await silencing.due()
    await asyncio.gather(*(each.work(timer) for each in silencing.replicas))
    assert [len(await silencing.notes(word)) for word in ("Something new", "Lifted: ")] == [1, 1]


@pytest.mark.parametrize("ends", [True, False])
async def test_it_goes_on_where_alertmanager_failed_it(silencing: Silencing, *, ends: bool) -> None:
    """Also where the silence had ended, and the answer was lost: what tripped it is no longer to be seen then."""
    await silencing.silence(LIFT)
    silencing.fires("b")
    silencing.alertmanager.fails = True
    silencing.alertmanager.ends = ends
    await silencing.look()
    assert [len(await silencing.notes(word)) for word in ("Something new", "Lifted: ")] == [1, 0]
    silencing.alertmanager.fails = False
    await silencing.look(replica=1)
    assert [len(await silencing.notes(word)) for word in ("Something new", "Lifted: ")] == [1, 1]
    assert (silencing.in_force(), await silencing.recorded()) == ([], (False, 0, 0))


async def test_one_that_somebody_has_changed_is_not_lifted(silencing: Silencing) -> None:
    made = await silencing.silence(LIFT)
    stored = silencing.alertmanager.stored
    stored[made] = replace(stored[made], ends_at=stored[made].ends_at + HOUR)
    silencing.fires("b")
    await silencing.look()
    await silencing.look()
    (note,) = await silencing.notes("Not lifted")
    assert "somebody has changed it in Alertmanager" in note
    assert (silencing.in_force(), await silencing.recorded()) == ([made], (True, 1, 1))


async def test_silences_of_others_are_left_alone(silencing: Silencing) -> None:
    now = silencing.alerts.clock.now()
    matchers = (Matcher("alertname", Operator.EQUAL, "HighErrorRate"),)
    foreign = await silencing.alertmanager.create_silence(matchers, starts_at=now, ends_at=now + HOUR, by="kim", comment="mine")
    await silencing.silence(LIFT)
    silencing.fires("b")
    await silencing.look()
    assert silencing.in_force() == [foreign]


async def test_one_that_was_ended_by_a_person_says_no_more(silencing: Silencing) -> None:
    await silencing.silence(LIFT)
    silencing.fires("b")
    await silencing.service.unsilence(AlertRequest(group=(await silencing.alerts.group()).id, by=ANA, source="2"))
    await silencing.look()
    await silencing.look()
    assert await silencing.notes("Something new") == []
    assert (await silencing.due(), await silencing.recorded()) == ([], (False, 0, 0))
