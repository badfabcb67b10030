"""A rehearsal goes the whole way: a made-up alert, its incident, the page, the acknowledgement, and everything ends again."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from bot.components.rehearsal_chain import AlertChain
from domain.alerts.alerts import AlertGroup, GroupState
from domain.incidents import transitions
from domain.incidents.incident import Incident, IncidentState
from domain.paging.pages import Page, PageState
from domain.paging.rehearsals import NOTHING_IS_WRONG, RehearsalReport
from domain.rich_text import plain_text
from runbooks.paging.rehearsal import END, REPORT, RehearsalService
from storage.incidents import IncidentRepository
from storage.store import Store
from tests.harness.alerts import ROUTES
from tests.harness.incidents import IncidentsHarness, open_incidents_harness
from tests.harness.paging import PagingHarness, paging_catalogue, paging_service
from tests.harness.samples.team import RAY

TEST = {"channel": "C0TEST", "answer_minutes": 10}


@dataclass
class Rehearsing:
    """Alerts, incidents and paging on one database, as the bot connects them."""

    incidents: IncidentsHarness
    paging: PagingHarness
    rehearsals: RehearsalService

    async def start(self, key: str = "envelope-1", team: str = "platform") -> Page:
        return await self.rehearsals.start(team, key, RAY)

    async def run_due(self) -> None:
        """Run the timers of rehearsals that are due, also those that they set."""
        for _ in range(3):
            async with self.paging.store.read() as tx:
                due = await tx.timers.due(self.paging.clock.now())
            for timer in due:
                if timer.kind in (REPORT, END):
                    await self.rehearsals.handlers[timer.kind](timer, self.paging.clock.now())

    async def incident(self) -> Incident:
        return (await self.incidents.all_incidents())[-1]

    async def group(self) -> AlertGroup:
        async with self.paging.store.read() as tx:
            group = await tx.alerts.get((await self.incident()).alerts[0].group_id)
        assert group is not None
        return group

    async def reports(self) -> int:
        return sum(isinstance(entry.fact, RehearsalReport) for entry in await self.incidents.outbox_entries())


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[Rehearsing]:
    base = paging_catalogue(test=TEST).model_dump(mode="json", exclude_unset=True)
    alerts = {"default": {"channel": "C0INFO", "severity": "P3"}, "routes": ROUTES}
    catalogue = type(paging_catalogue()).model_validate({**base, "alerts": alerts, "incidents": {"channel": "C0INCIDENTS"}})
    async with open_incidents_harness(store, catalogue) as incidents:
        paging = PagingHarness(store, catalogue, clock=incidents.clock)
        rehearsals = RehearsalService(
            store=store,
            clock=incidents.clock,
            catalogue=lambda: catalogue,
            paging=paging_service(paging),
            notify_outbox=lambda: None,
            chain=AlertChain(incidents.intake, incidents.saver),
        )
        paging.listeners.on_acknowledged.append(rehearsals.on_acknowledged)
        yield Rehearsing(incidents, paging, rehearsals)


async def test_a_made_up_alert_opens_a_test_incident_whose_page_is_marked_and_all_of_it_ends(harness: Rehearsing) -> None:
    page = await harness.start()
    incident = await harness.incident()
    assert (incident.is_test, incident.state, incident.announcement_channel) == (True, IncidentState.DECLARED, "C0TEST")
    assert (page.subject, page.request.is_test, page.request.kind) == (incident.id, True, "rehearsal")
    group = await harness.group()
    assert (group.state, group.channel, group.incident) == (GroupState.FIRING, "C0TEST", incident.id)
    assert "TEST. Nothing is wrong" in group.summary

    await harness.paging.work()
    sent = [message for way in (harness.paging.pagerduty, harness.paging.sms, harness.paging.email) for message, _ in way.sent]
    assert [message.is_test for message in sent] == [True] * 3
    assert all(NOTHING_IS_WRONG in map(plain_text, message.lines) for message in sent)

    harness.paging.clock.advance(timedelta(seconds=41))
    await paging_service(harness.paging).acknowledge(page.id, RAY, "envelope-2")
    harness.paging.clock.advance(timedelta(seconds=6))
    await harness.run_due()
    assert await harness.reports() == 1
    assert (await harness.group()).state is GroupState.RESOLVED
    assert (await harness.incident()).state is IncidentState.CLOSED
    assert (await harness.paging.page(incident.id)).state is PageState.ENDED
    assert await harness.incidents.open_causes() == []


async def test_without_an_answer_it_ends_too_and_wakes_nobody_else(harness: Rehearsing) -> None:
    page = await harness.start()
    for _ in range(12):
        await harness.paging.pass_time(1)
        await harness.run_due()
    assert await harness.reports() == 1
    assert (await harness.incident()).state is IncidentState.CLOSED
    assert {message.is_test for message, _ in harness.paging.sms.sent} == {True}
    assert await harness.incidents.page_kinds(page.subject) == ["rehearsal"]


async def test_a_person_who_resolves_the_test_incident_does_not_stop_the_report(harness: Rehearsing) -> None:
    page = await harness.start()
    await harness.paging.work()
    await harness.incidents.act(page.subject, RAY, transitions.resolve)
    await harness.paging.pass_time(11)
    await harness.run_due()
    assert await harness.reports() == 1
    assert (await harness.incident()).state is IncidentState.CLOSED


async def test_the_same_command_twice_is_one_rehearsal_and_two_commands_are_two(harness: Rehearsing) -> None:
    first = await harness.start()
    assert (await harness.start()).id == first.id
    assert (await harness.start("envelope-9")).id != first.id
    assert len(await harness.incidents.all_incidents()) == 2


async def test_a_rehearsal_is_no_incident_that_the_sweep_looks_for_and_no_channel_is_made(harness: Rehearsing) -> None:
    await harness.start()
    async with harness.paging.store.read() as tx:
        timers = [timer.kind for timer in await tx.timers.due(harness.paging.clock.now() + timedelta(days=9))]
    assert not [kind for kind in timers if kind.startswith("incident")]
    async with harness.paging.store.read() as tx:
        assert await tx.of(IncidentRepository).ids_forgotten(harness.paging.clock.now() + timedelta(days=1)) == ()
