"""Pages while a window runs: what it covers calls nobody, everything else calls."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from domain.alerts.alerts import Alert, AlertGroup
from domain.incidents.incident import LinkedAlert
from domain.maintenance.window import MaintenanceWindow
from domain.people import Person
from domain.severities import Severity
from runbooks.maintenance.pages import WindowPages
from storage.incidents import IncidentRepository
from storage.store import Store
from tests.harness.fakes.alertmanager import MemoryAlertmanager
from tests.harness.fakes.clock import NOW, StoppedClock
from tests.harness.maintenance import LENGTH, MaintenanceReplica
from tests.harness.paging import PagingHarness, paging_catalogue
from tests.harness.samples.alerts import group
from tests.harness.samples.incidents import incident
from tests.harness.samples.team import alerting_catalogue

LABELS = {"alertname": "HighErrorRate", "service": "deep-echo-main", "environment": "staging"}


def firing(name: str, **labels: str) -> Alert:
    return Alert(fingerprint=name, firing=True, labels=LABELS | labels, annotations={}, starts_at=NOW)


def link(found: AlertGroup) -> LinkedAlert:
    return LinkedAlert(group_id=found.id, title=found.title, severity=Severity.P1, firing=True)


def staging_group(name: str, *alerts: Alert, **changed: Any) -> AlertGroup:
    made = group(id=name, environment="staging", labels=LABELS, common_labels={}, examples=alerts, firing=len(alerts))
    return replace(made, **changed)


@dataclass
class Scene:
    paging: PagingHarness
    maintenance: MaintenanceReplica

    async def page(self, *groups: AlertGroup, **more: Any) -> None:
        """An incident of these groups, which pages."""
        linked = tuple(link(each) for each in groups)
        async with self.paging.store.write() as tx:
            await tx.alerts.save(groups)
            await tx.of(IncidentRepository).add(incident(environment="staging", alerts=linked))
        await self.paging.request(**({"environment": "staging"} | more))
        await self.paging.work()

    async def begin(self) -> MaintenanceWindow:
        window = await self.maintenance.plan()
        await self.maintenance.tick()
        return window

    def called(self) -> bool:
        return bool(self.paging.pagerduty.triggers() or self.paging.sms.triggers() or self.paging.email.triggers())


@pytest.fixture
def scene(store: Store) -> Scene:
    clock, catalogue = StoppedClock(NOW), alerting_catalogue()
    paging = PagingHarness(store, paging_catalogue(), clock)
    paging.listeners.hold.append(WindowPages(lambda: catalogue).hold)
    return Scene(paging, MaintenanceReplica(store, clock, MemoryAlertmanager(clock)))


COVERED = staging_group("al-one", firing("a"), firing("b", alertname="RedisDown"))


async def test_what_the_window_covers_calls_nobody_until_it_is_over(scene: Scene) -> None:
    window = await scene.begin()
    await scene.page(COVERED)
    for _ in range(3):
        await scene.paging.pass_time(5)
    assert not scene.called()
    assert scene.paging.said() == [
        f"Nobody is called for now: maintenance `{window.id}` covers all its alerts: RDS minor upgrade."
    ]
    await scene.maintenance.end(window)
    await scene.paging.pass_time(1)
    assert scene.called()


async def test_it_is_held_no_longer_than_the_freeze_though_nobody_ends_the_window(scene: Scene) -> None:
    window = await scene.begin()
    await scene.page(COVERED)
    scene.paging.clock.advance(window.frozen_until - NOW)
    await scene.paging.work()
    assert scene.called()


@pytest.mark.parametrize(
    "groups",
    [
        (),
        (COVERED, staging_group("al-two", firing("c", alertname="DiskSpaceLow"))),
        (staging_group("al-one", firing("a"), firing("b", service="deep-echo-cache")),),
        (staging_group("al-one", firing("a", environment="production")),),
        (staging_group("al-one", firing("a"), firing=2, labels={"service": "deep-echo-main"}),),
    ],
    ids=["no alert", "another group", "another service", "another environment", "an alert that is not stored"],
)
async def test_nothing_else_is_held(scene: Scene, groups: tuple[AlertGroup, ...]) -> None:
    await scene.begin()
    await scene.page(*groups)
    assert scene.called()


@pytest.mark.parametrize(
    "more",
    [{"asked_by": Person("U0ANA", "T0HOME")}, {"is_private": True}, {"environment": "production"}, {"environment": ""}],
    ids=["a person asked for it", "a security incident", "another environment", "no environment"],
)
async def test_what_people_ask_for_and_other_environments_call(scene: Scene, more: dict[str, Any]) -> None:
    await scene.begin()
    await scene.page(COVERED, **more)
    assert scene.called()


async def test_an_alert_that_joins_the_incident_and_is_not_covered_calls_within_a_minute(scene: Scene) -> None:
    await scene.begin()
    await scene.page(COVERED)
    other = staging_group("al-two", firing("c", alertname="DiskSpaceLow"))
    async with scene.paging.store.write() as tx:
        await tx.alerts.save((other,))
        found = await tx.of(IncidentRepository).get_for_update("inc-x4k2")
        assert found is not None
        linked = link(other)
        await tx.of(IncidentRepository).save(replace(found, alerts=(*found.alerts, linked)))
    await scene.paging.pass_time(1)
    assert scene.called()


async def test_without_a_window_or_before_it_begins_it_calls(scene: Scene) -> None:
    await scene.maintenance.plan(starts_in=LENGTH)
    await scene.page(COVERED)
    assert scene.called()


async def test_a_window_that_begins_later_holds_the_next_calls(scene: Scene) -> None:
    await scene.page(COVERED)
    before = len(scene.paging.pagerduty.sent)
    await scene.begin()
    scene.paging.clock.advance(timedelta(minutes=20))
    await scene.paging.work()
    assert len(scene.paging.pagerduty.sent) == before
