"""The pager is offered where whoever is on call has a severe incident already."""

import pytest

from domain.incidents import transitions
from domain.incidents.changes import IncidentNote, Offer
from runbooks.incidents.service import IncidentTransition
from storage.store import Store
from tests.harness.incidents import IncidentsHarness, incidents_catalogue, open_incidents_harness
from tests.harness.paging import PEOPLE, TEAM
from tests.harness.samples.team import RAY, member

ON_CALL, BACKUP = member("U0ANA", "ana"), member("U0LEE", "lee")


async def offers(store: Store, *acts: IncidentTransition, second: str = "P1", by: str = "ana") -> list[str]:
    """What is offered when a second incident is declared after somebody acknowledged the first one."""
    catalogue = incidents_catalogue(people=PEOPLE, oncall={"platform": TEAM})
    async with open_incidents_harness(store, catalogue) as harness:
        first = await harness.declare(RAY)
        for act in (transitions.acknowledge, *acts):
            await harness.act(first.id, ON_CALL if by == "ana" else BACKUP, act)
        harness.clock.advance(catalogue.incidents.timings.acknowledge_within / 5)  # type: ignore[union-attr]
        await harness.declare(RAY, "search is slow", second, is_new=True)
        return [str(note.text).replace(first.id, "inc-first") for note in await _offers(harness)]


async def _offers(harness: IncidentsHarness) -> list[IncidentNote]:
    notes = [entry.fact for entry in await harness.outbox_entries() if isinstance(entry.fact, IncidentNote)]
    return [note for note in notes if Offer.TAKE_PAGER in note.offers and note.team == "platform"]


async def test_the_second_severe_incident_offers_the_pager_of_who_has_the_first(store: Store) -> None:
    assert await offers(store) == [
        "ana is on call for platform and has `inc-first` (P1) already. Anybody of the rotation can take the pager."
    ]


@pytest.mark.parametrize("second", ["P2", "P3"])
async def test_a_mild_incident_offers_nothing(store: Store, second: str) -> None:
    assert await offers(store, second=second) == []


async def test_who_is_not_the_first_on_call_need_not_be_relieved(store: Store) -> None:
    assert await offers(store, by="lee") == []


async def test_after_the_first_is_resolved_nothing_is_offered(store: Store) -> None:
    assert await offers(store, transitions.resolve) == []
