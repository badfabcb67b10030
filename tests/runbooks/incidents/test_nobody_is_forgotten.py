"""What must not keep a severe alert from its incident, nor an incident from its page."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from domain.alerts.alerts import Notification
from domain.errors import Refused
from domain.incidents import transitions
from domain.incidents.incident import ClockKind, Incident, IncidentState
from domain.rich_text import plain_text
from domain.severities import Severity
from runbooks.incidents.service import IncidentRequest, IncidentTransition
from runbooks.incidents.timers import clock_key
from storage.incidents import IncidentRepository
from storage.pages import PageRepository
from storage.store import Store
from tests.harness.alerts import MINUTE
from tests.harness.incidents import IncidentsHarness, incidents_catalogue, open_incidents_harness
from tests.harness.paging import PEOPLE, STEPS, TEAM
from tests.harness.samples.notifications import alert, notification
from tests.harness.samples.team import RAY, SAM

SERVICE = "deep-echo-main"
PAGING = {"policies": {severity: {"steps": list(STEPS)} for severity in ("P0", "P1")}}


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[IncidentsHarness]:
    catalogue = incidents_catalogue(people=PEOPLE, oncall={"platform": TEAM}, paging=PAGING)
    async with open_incidents_harness(store, catalogue) as opened:
        yield opened


def severe(name: str = "HighErrorRate", *, firing: bool = True, service: str = SERVICE, **labels: str) -> Notification:
    """A critical group of one alert in production."""
    all_labels = {"alertname": name, "environment": "production", "deployment": service, "severity": "critical", **labels}
    key = f'{{}}:{{alertname="{name}",deployment="{service}"}}'
    return notification(alert(f"{name[:20]}-{service}", firing=firing, labels=all_labels), key=key, labels=all_labels)


async def test_a_next_episode_opens_an_incident_where_the_last_one_was_closed_while_it_fired(harness: IncidentsHarness) -> None:
    await harness.receive(severe())
    first = await harness.incident()
    await harness.act(first.id, RAY, transitions.resolve)
    await harness.act(first.id, SAM, transitions.close)
    harness.clock.advance(5 * MINUTE)
    await harness.receive(severe(firing=False))
    harness.clock.advance(5 * MINUTE)
    await harness.receive(severe())
    found = await harness.all_incidents()
    assert [each.id for each in found][:1] == [first.id]
    assert len(found) == 2
    assert await harness.page_kinds(found[1].id) == ["declared"]


@pytest.mark.parametrize("name", ["A" * 300, "ü" * 299, "x" * 5000])
async def test_an_alert_with_a_very_long_name_opens_one_incident_with_its_page(harness: IncidentsHarness, name: str) -> None:
    await harness.receive(severe(name, service=""))
    await harness.receive(severe(f"{name}2"[-len(name) :], service="", pod="b"))
    found = await harness.all_incidents()
    assert found
    assert await harness.page_kinds(found[0].id) == ["declared"]
    assert all(group.incident for group in await harness.groups())


async def test_the_lead_is_paged_again_when_nobody_acknowledges_what_was_reopened(harness: IncidentsHarness) -> None:
    await harness.receive(severe())
    incident = await harness.incident()
    await harness.pass_time(20 * MINUTE, step=MINUTE)
    before = await harness.page_kinds(incident.id)
    await harness.receive(severe(firing=False))
    await harness.act(incident.id, RAY, transitions.resolve)
    harness.clock.advance(MINUTE)
    await harness.receive(severe())
    await harness.pass_time(20 * MINUTE, step=MINUTE)
    after = await harness.page_kinds(incident.id)
    called = len([kind for kind in before if kind.startswith("unacknowledged")])
    assert called
    assert len([kind for kind in after if kind.startswith("unacknowledged")]) == 2 * called


async def test_each_time_it_becomes_worse_people_are_paged(harness: IncidentsHarness) -> None:
    incident = await harness.declare(RAY, severity="P2")
    for severity in (Severity.P1, Severity.P2, Severity.P1):
        await harness.act(incident.id, RAY, _severity(severity))
    assert len([kind for kind in await harness.page_kinds(incident.id) if kind.startswith("severity-P1")]) == 2


async def test_an_old_acknowledgement_of_one_alert_does_not_stop_the_page_of_another(harness: IncidentsHarness) -> None:
    await harness.receive(severe())
    incident = await harness.incident()
    await harness.acknowledge((await harness.group()).id, RAY)
    await harness.act(incident.id, RAY, transitions.resolve)
    harness.clock.advance(MINUTE)
    await harness.receive(severe("HighResponseTime"))
    first = severe()
    await harness.receive(replace(first, alerts=(*first.alerts, replace(first.alerts[0], fingerprint="another"))))
    reopened = await harness.incident()
    assert (reopened.state, reopened.acknowledged) == (IncidentState.DECLARED, None)


async def test_the_incident_into_which_a_worse_one_is_merged_is_as_severe_and_pages(harness: IncidentsHarness) -> None:
    worse = await harness.declare(RAY, "all is down", severity="P0")
    milder = await harness.declare(SAM, "one page is slow", severity="P2", is_new=True)
    merged = await _merge(harness, worse, milder)
    assert merged.severity is Severity.P0
    assert [kind for kind in await harness.page_kinds(milder.id) if kind.startswith("severity-P0")]


async def test_a_new_alert_of_a_cause_that_was_merged_joins_where_it_goes_on(harness: IncidentsHarness) -> None:
    await harness.receive(severe())
    incident = await harness.incident()
    other = await harness.declare(RAY, "all is down", severity="P0", is_new=True)
    await _merge(harness, incident, other)
    await harness.receive(severe("HighResponseTime"))
    assert {each.id for each in await harness.all_incidents()} == {incident.id, other.id}
    assert {group.incident for group in await harness.groups()} == {other.id}


async def test_who_acknowledged_the_warning_has_not_acknowledged_the_outage(harness: IncidentsHarness) -> None:
    await harness.receive(severe(severity="warning"))
    await harness.acknowledge((await harness.group()).id, RAY)
    harness.clock.advance(MINUTE)
    await harness.receive(severe(outage="yes"))
    incident = await harness.incident()
    assert (incident.severity, incident.acknowledged) == (Severity.P0, None)


@pytest.mark.parametrize("before", ["warning", "critical"])
async def test_a_linked_alert_that_becomes_an_outage_raises_its_incident(harness: IncidentsHarness, before: str) -> None:
    await harness.receive(severe(severity=before))
    if before == "warning":
        await harness.declare(RAY, severity="P3", alerts=((await harness.group()).id,))
    harness.clock.advance(MINUTE)
    await harness.receive(severe(severity=before, outage="yes"))
    incident = await harness.incident()
    assert incident.severity is Severity.P0
    assert [kind for kind in await harness.page_kinds(incident.id) if kind.startswith("severity-P0")]


async def test_the_page_and_the_audit_log_say_nothing_of_a_security_incident(harness: IncidentsHarness) -> None:
    incident = await harness.declare(RAY, "a key has leaked", security=True)
    await harness.act(
        incident.id, RAY, lambda record, by, at, timings: transitions.post_update(record, "leaked by x", by, at, timings)
    )
    async with harness.store.read() as tx:
        pages = await tx.of(PageRepository).of_subject(incident.id)
        audited = await tx.audit.search(limit=50)
    assert pages
    assert "leaked" not in repr(pages)
    assert len(audited) == 2
    assert "leaked" not in repr(audited)


async def test_the_sweep_finds_a_watch_without_its_timer_and_not_an_incident_that_waits_to_be_closed(
    harness: IncidentsHarness,
) -> None:
    incident = await harness.declare(RAY)
    await harness.act(incident.id, RAY, transitions.resolve)
    assert await _forgotten(harness) == ()
    async with harness.store.write() as tx:
        await tx.timers.remove(clock_key(incident.id))
    assert await _forgotten(harness) == (incident.id,)
    async with harness.store.write() as tx:
        record = await tx.of(IncidentRepository).get_for_update(incident.id)
        assert record is not None
        await tx.of(IncidentRepository).save(replace(record, clocks=()))
    assert await _forgotten(harness) == ()


async def test_a_paused_incident_that_becomes_worse_asks_again_by_the_new_severity(harness: IncidentsHarness) -> None:
    incident = await harness.declare(RAY, severity="P2")
    await harness.act(incident.id, RAY, transitions.acknowledge)
    until = harness.clock.now() + 4 * 60 * MINUTE
    await harness.act(
        incident.id, RAY, lambda record, by, at, _timings: transitions.pause(record, until, "the vendor calls", by, at)
    )
    worse = await harness.act(incident.id, SAM, _severity(Severity.P0))
    assert not [clock for clock in worse.clocks if clock.paused]
    assert {ClockKind.UPDATE, ClockKind.COMMANDER} <= {clock.kind for clock in worse.clocks}
    assert max(clock.due_at for clock in worse.clocks) < until


async def test_what_goes_on_as_another_incident_of_the_same_cause_is_not_reopened(harness: IncidentsHarness) -> None:
    await harness.receive(severe())
    first = await harness.incident()
    await harness.receive(severe(firing=False))
    await harness.act(first.id, RAY, transitions.resolve)
    await harness.act(first.id, SAM, transitions.close)
    harness.clock.advance(60 * MINUTE)
    await harness.receive(severe())
    _, second = await harness.all_incidents()
    with pytest.raises(Refused) as refused:
        await harness.act(first.id, RAY, transitions.reopen)
    assert second.id in plain_text(refused.value.sentence)


async def test_an_alert_is_part_of_one_incident_that_goes_on(harness: IncidentsHarness) -> None:
    await harness.receive(severe())
    incident, group = await harness.incident(), await harness.group()
    with pytest.raises(Refused) as refused:
        await harness.declare(RAY, "something else", is_new=True, alerts=(group.id,))
    assert incident.id in plain_text(refused.value.sentence)
    other = await harness.declare(RAY, "something else", is_new=True)
    with pytest.raises(Refused):
        await harness.incidents.link(IncidentRequest(incident_id=other.id, by=RAY, source="click-link"), group.id)
    assert (await harness.group()).incident == incident.id
    assert len(await harness.all_incidents()) == 2


async def test_a_security_incident_is_not_merged_into_one_that_everybody_sees(harness: IncidentsHarness) -> None:
    secret = await harness.declare(RAY, "a key has leaked", security=True)
    public = await harness.declare(RAY, "checkout is failing", is_new=True)
    with pytest.raises(Refused):
        await _merge(harness, secret, public)
    await _merge(harness, public, secret)
    seen = " ".join(plain_text(entry.text) for entry in await harness.entries(public.id))
    assert "a key has leaked" not in seen


async def test_declaring_for_an_alert_and_its_notifications_wait_for_each_other_and_go_on(harness: IncidentsHarness) -> None:
    names = [f"Alert{number}" for number in range(12)]
    await harness.receive(*(severe(name, service=f"s-{name}", severity="warning") for name in names))
    groups = await harness.groups()
    await harness.store_notifications(*(severe(name, service=f"s-{name}", outage="yes") for name in names))
    declarations = [harness.declare(RAY, f"about {each.title}", is_new=True, alerts=(each.id,)) for each in groups]
    results = await asyncio.gather(harness.apply(), *declarations, return_exceptions=True)
    assert [each for each in results if isinstance(each, BaseException) and not isinstance(each, Refused)] == []
    assert all(group.incident for group in await harness.groups())


async def _merge(harness: IncidentsHarness, merged: Incident, into: Incident) -> Incident:
    request = IncidentRequest(incident_id=merged.id, by=RAY, source=f"click-merge-{merged.id}")
    return await harness.incidents.merge(request, into.id)


def _severity(severity: Severity) -> IncidentTransition:
    return lambda record, by, at, timings: transitions.set_severity(record, severity, by, at, timings)


async def _forgotten(harness: IncidentsHarness) -> tuple[str, ...]:
    async with harness.store.read() as tx:
        return await tx.of(IncidentRepository).ids_forgotten(harness.clock.now())
