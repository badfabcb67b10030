"""Severe alerts open incidents: one for each cause, however many notifications come and whoever takes them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from domain.alerts.alerts import Notification
from domain.incidents import transitions
from domain.incidents.changes import IncidentNote
from domain.incidents.incident import Incident, IncidentState
from domain.incidents.linking import MAX_ALERTS
from domain.severities import Severity
from runbooks.incidents.service import Declaration, IncidentRequest
from storage.engines import open_engines
from storage.store import Store
from tests.harness.alerts import MINUTE
from tests.harness.incidents import IncidentsHarness, incidents_catalogue, open_incidents_harness
from tests.harness.samples.notifications import alert, notification
from tests.harness.samples.team import RAY, SAM

SERVICE = "deep-echo-main"


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[IncidentsHarness]:
    async with open_incidents_harness(store) as opened:
        yield opened


def severe(name: str = "HighErrorRate", *, firing: bool = True, service: str = SERVICE, **labels: str) -> Notification:
    """A critical group of one alert about a service in production."""
    all_labels = {"alertname": name, "environment": "production", "deployment": service, "severity": "critical", **labels}
    key = f'{{}}:{{alertname="{name}",deployment="{service}"}}'
    return notification(alert(f"{name}-{service}", firing=firing, labels=all_labels), key=key, labels=all_labels)


async def test_a_severe_alert_opens_an_incident_with_its_card_in_the_same_transaction(harness: IncidentsHarness) -> None:
    await harness.receive(severe())
    incident = await harness.incident()
    assert (incident.severity, incident.environment, incident.services) == (Severity.P1, "production", (SERVICE,))
    assert incident.declared.by.is_bot
    assert [each.title for each in incident.alerts] == ["HighErrorRate"]
    assert [card.incident.id for card in await harness.incident_cards()] == [incident.id]
    assert (await harness.said())[0].startswith("P1 HighErrorRate (`al-")


@pytest.mark.parametrize("severity", ["warning", "info"])
async def test_a_mild_alert_opens_none(harness: IncidentsHarness, severity: str) -> None:
    await harness.receive(severe(severity=severity))
    assert await harness.all_incidents() == []


async def test_another_alert_of_the_same_service_joins_it(harness: IncidentsHarness) -> None:
    await harness.receive(severe(), severe("HighResponseTime"))
    incident = await harness.incident()
    assert [each.title for each in incident.alerts] == ["HighErrorRate", "HighResponseTime"]
    assert any("HighResponseTime" in text and "fires, too" in text for text in await harness.said())


async def test_an_alert_that_a_person_unlinked_stays_out_until_it_fires_anew(harness: IncidentsHarness) -> None:
    await harness.receive(severe(), severe("HighResponseTime"))
    incident = await harness.incident()
    other = next(each.group_id for each in incident.alerts if each.title == "HighResponseTime")
    await harness.incidents.unlink(IncidentRequest(incident_id=incident.id, by=RAY, source="click-unlink"), other)
    harness.clock.advance(10 * MINUTE)
    await harness.receive(severe("HighResponseTime", pod="another"))
    assert [each.title for each in (await harness.incident()).alerts] == ["HighErrorRate"]
    await harness.receive(severe("HighResponseTime", firing=False))
    harness.clock.advance(10 * MINUTE)
    await harness.receive(severe("HighResponseTime"))
    assert [each.title for each in (await harness.incident()).alerts] == ["HighErrorRate", "HighResponseTime"]


async def test_a_full_list_makes_room_for_what_fires_and_never_reopens_for_what_it_cannot_keep(harness: IncidentsHarness) -> None:
    last = f"Alert{MAX_ALERTS}"
    await harness.receive(*(severe(f"Alert{number}") for number in range(MAX_ALERTS)))
    await harness.act((await harness.incident()).id, RAY, transitions.resolve)
    for pod in ("a", "b", "c"):
        harness.clock.advance(MINUTE)
        await harness.receive(severe(last, pod=pod))
    incident = await harness.incident()
    assert (incident.state, incident.reopened, len(incident.alerts)) == (IncidentState.RESOLVED, 0, MAX_ALERTS)

    await harness.receive(severe("Alert0", firing=False))
    for pod in ("d", "e", "f"):
        harness.clock.advance(MINUTE)
        await harness.receive(severe(last, pod=pod))
    incident = await harness.incident()
    assert (incident.reopened, incident.alerts[-1].title) == (1, last)


async def test_another_service_is_another_incident(harness: IncidentsHarness) -> None:
    await harness.receive(severe(), severe(service="deep-echo-cache"))
    assert len(await harness.all_incidents()) == 2


async def test_a_worse_alert_raises_the_severity_and_pages_again(harness: IncidentsHarness) -> None:
    await harness.receive(severe())
    await harness.receive(severe("Down", outage="yes"))
    incident = await harness.incident()
    assert incident.severity is Severity.P0
    assert any(text.startswith("Now P0, was P1: Down is P0.") for text in await harness.said())


async def test_when_the_last_alert_ends_the_incident_goes_on_and_offers_to_resolve(harness: IncidentsHarness) -> None:
    await harness.receive(severe())
    await harness.receive(severe(firing=False))
    incident = await harness.incident()
    assert incident.state is IncidentState.DECLARED
    assert "No linked alert fires any more." in (await harness.said())[-1]


async def test_firing_again_during_the_watch_reopens_it_once(harness: IncidentsHarness) -> None:
    incident = await _resolved(harness)
    await harness.pass_time(10 * MINUTE, step=MINUTE)
    await harness.receive(severe())
    reopened = await harness.incident()
    assert (reopened.id, reopened.state, reopened.reopened) == (incident.id, IncidentState.DECLARED, 1)
    assert len([text for text in await harness.said() if text.startswith("Reopened")]) == 1
    await harness.receive(severe(firing=False), severe())
    assert (await harness.incident()).reopened == 1


async def test_firing_again_after_the_watch_is_another_incident(harness: IncidentsHarness) -> None:
    first = await _resolved(harness)
    await harness.pass_time(32 * MINUTE, step=MINUTE)
    await harness.receive(severe())
    both = await harness.all_incidents()
    assert len(both) == 2
    assert both[0].id == first.id


async def test_an_alert_that_still_fires_does_not_open_another_one_when_somebody_closes(harness: IncidentsHarness) -> None:
    await harness.receive(severe())
    incident = await harness.incident()
    await harness.act(incident.id, RAY, transitions.resolve)
    await harness.act(incident.id, SAM, transitions.close)
    await harness.receive(severe())
    assert len(await harness.all_incidents()) == 1


async def test_acknowledging_the_alert_acknowledges_the_incident(harness: IncidentsHarness) -> None:
    await harness.receive(severe())
    await harness.acknowledge((await harness.group()).id, RAY)
    incident = await harness.incident()
    assert incident.state is IncidentState.ACKNOWLEDGED
    assert incident.acknowledged is not None
    assert incident.acknowledged.by.person == RAY.person


async def test_a_flapping_alert_makes_one_incident(harness: IncidentsHarness) -> None:
    for _ in range(8):
        await harness.receive(severe())
        await harness.receive(severe(firing=False))
        harness.clock.advance(MINUTE)
    assert len(await harness.all_incidents()) == 1


async def test_a_storm_is_one_incident_and_not_one_for_each_group(harness: IncidentsHarness) -> None:
    await harness.receive(*(severe(f"Alert{number}", service="", pod=f"p{number}") for number in range(60)))
    found = await harness.all_incidents()
    storms = [each for each in found if each.cause.startswith("storm/")]
    assert len(storms) == 1
    assert len(found) < 25
    assert len(storms[0].alerts) > 30


async def test_without_the_section_alerts_open_nothing(store: Store) -> None:
    async with open_incidents_harness(store, incidents_catalogue(incidents=None)) as harness:
        await harness.receive(severe())
        assert await harness.all_incidents() == []


async def test_fifty_intakes_of_one_cause_on_two_replicas_make_one_incident(database_url: str, store: Store) -> None:
    async with open_incidents_harness(store) as one, _second(database_url) as other:
        await one.store_notifications(*(severe(f"Alert{number}") for number in range(50)))
        await asyncio.gather(*(replica.apply() for replica in (one, other) for _ in range(3)))
        incident = await one.incident()
        groups = await one.groups()
        assert {each.group_id for each in incident.alerts} == {group.id for group in groups}
        assert len(groups) == 50
        assert await one.open_causes() == [incident.cause]


async def test_without_a_section_paging_the_escalation_says_that_nobody_is_paged(harness: IncidentsHarness) -> None:
    await harness.receive(severe())
    await harness.pass_time(16 * MINUTE, step=MINUTE)
    notes = [each.fact for each in await harness.outbox_entries() if isinstance(each.fact, IncidentNote)]
    escalation = next(note for note in notes if str(note.text) == "Nobody has acknowledged this for 15 min.")
    assert escalation.lines == ("Nobody is paged: the catalogue has no section paging.",)


async def test_fifty_declarations_of_one_command_are_one_incident(harness: IncidentsHarness) -> None:
    declaration = Declaration(title="checkout", severity=Severity.P1, by=RAY, source="envelope-1", channel="C0OPS")
    made = await asyncio.gather(*(harness.incidents.declare(declaration) for _ in range(50)))
    assert {each.id for each in made} == {(await harness.incident()).id}


@asynccontextmanager
async def _second(database_url: str) -> AsyncIterator[IncidentsHarness]:
    """Another replica on the same database."""
    store = Store(open_engines(database_url))
    async with open_incidents_harness(store) as opened:
        yield opened
    await store.close()


async def _resolved(harness: IncidentsHarness) -> Incident:
    await harness.receive(severe())
    await harness.receive(severe(firing=False))
    harness.clock.advance(timedelta(minutes=1))
    return await harness.act((await harness.incident()).id, RAY, transitions.resolve)
