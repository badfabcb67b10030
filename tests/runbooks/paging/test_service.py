"""Acknowledgements by command, by click, by webhook and by poll have the same effect, each once."""

from collections.abc import Collection, Mapping
from datetime import datetime

import pytest

from domain.errors import Denied, NotFound, Refused
from domain.paging.pages import PageRequest, PageState
from domain.paging.remote import RemoteEventKind, RemoteIncident, RemotePerson, RemoteStatus
from domain.paging.ways import PageAction
from domain.people import Member, Person
from domain.severities import Severity
from runbooks.paging.pager_poll import PagerPoll
from storage.store import Store
from tests.harness.paging import PagingHarness, paging_catalogue, paging_service
from tests.harness.samples.team import RAY, VIV

ANA = Member(person=Person("U0ANA", "T0HOME"), name="ana")
ACKNOWLEDGED, RESOLVED = RemoteStatus.ACKNOWLEDGED, RemoteStatus.RESOLVED


@pytest.fixture
def harness(store: Store) -> PagingHarness:
    return PagingHarness(store, paging_catalogue())


def remote(page_id: str, status: RemoteStatus, at: datetime, by: str = "PANA") -> RemoteIncident:
    person = RemotePerson(by, "Ana") if by else None
    return RemoteIncident(id="Q1", dedup_key=page_id, status=status, created_at=at, changed_by=person)


async def test_by_command_with_the_role_or_as_one_who_was_called(harness: PagingHarness) -> None:
    service = paging_service(harness)
    first, second = await harness.request("inc-1"), await harness.request("inc-2")
    await harness.work()
    with pytest.raises(Denied, match="Acknowledging needs the role responder"):
        await service.acknowledge(first.id, VIV, "envelope-0")
    await service.acknowledge(first.id, RAY, "envelope-1")
    await service.acknowledge(second.id, ANA, "envelope-2")
    assert harness.acknowledged == [("inc-1", "ray"), ("inc-2", "ana")]
    await harness.pass_time(60)
    assert harness.sms.sent == []


async def test_a_second_acknowledgement_is_answered_in_words(harness: PagingHarness) -> None:
    service = paging_service(harness)
    page = await harness.request()
    await harness.work()
    await service.acknowledge(page.id, RAY, "envelope-1")
    with pytest.raises(Refused, match=f"{page.id}.* was acknowledged already by @{RAY.person.user_id}. Nothing was changed."):
        await service.acknowledge(page.id, ANA, "envelope-2")
    await harness.stop()
    with pytest.raises(Refused, match="has ended already: resolved"):
        await service.acknowledge(page.id, ANA, "envelope-3")
    with pytest.raises(NotFound, match="There is no page"):
        await service.acknowledge("pg-none", RAY, "envelope-4")
    assert harness.acknowledged == [("inc-x4k2", "ray")]


async def test_one_acknowledgement_of_a_bundle_takes_all_of_it(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue({"whom": ["oncall"], "ways": ["sms"], "wait_minutes": 600}))
    for number in range(12):
        await harness.request(f"inc-{number}")
    await harness.work()
    await harness.pass_time(0.5)
    bundle = harness.sms.sent[-1][0].dedup_key
    assert bundle.startswith("pb-")
    taken = await paging_service(harness).acknowledge(bundle, ANA, "envelope-1")
    assert len(taken) == 8
    assert len(harness.acknowledged) == 8


async def test_by_a_webhook_that_comes_three_times(harness: PagingHarness) -> None:
    service = paging_service(harness)
    page = await harness.request()
    await harness.work()
    incident = remote(page.id, ACKNOWLEDGED, harness.clock.now())
    for _ in range(3):
        await service.apply_event("event-1", RemoteEventKind.ACKNOWLEDGED, incident, RemotePerson("PANA", "Ana"))
        await harness.work()
    await service.apply_event("event-2", RemoteEventKind.ACKNOWLEDGED, incident, RemotePerson("PLEE", "Lee"))
    await harness.work()
    assert harness.acknowledged == [("inc-x4k2", "ana")]
    assert harness.pagerduty.actions() == [PageAction.TRIGGER]


async def test_our_own_acknowledgement_that_comes_back_changes_nothing(harness: PagingHarness) -> None:
    service = paging_service(harness)
    page = await harness.request()
    await harness.work()
    incident = remote(page.id, ACKNOWLEDGED, harness.clock.now(), by="")
    await service.apply_event("event-1", RemoteEventKind.ACKNOWLEDGED, incident, None)
    assert (await harness.page()).state is PageState.OPEN


async def test_resolved_in_the_pager_asks_and_does_not_end_it(harness: PagingHarness) -> None:
    service = paging_service(harness)
    page = await harness.request()
    await harness.work()
    incident = remote(page.id, RESOLVED, harness.clock.now())
    await service.apply_event("event-1", RemoteEventKind.RESOLVED, incident, RemotePerson("PANA", "Ana"))
    assert (await harness.page()).state is PageState.ACKNOWLEDGED
    assert harness.said()[-1] == (
        "@U0ANA resolved this in pagerduty. If it is over, end it here as well; until then it counts as open."
    )


async def test_what_resolves_itself_in_the_pager_was_seen_by_nobody(harness: PagingHarness) -> None:
    service = paging_service(harness)
    page = await harness.request()
    await harness.work()
    await service.apply_event("event-1", RemoteEventKind.RESOLVED, remote(page.id, RESOLVED, harness.clock.now(), by=""), None)
    assert (await harness.page()).state is PageState.OPEN
    assert harness.acknowledged == []


class _Pager:
    def __init__(self) -> None:
        self.incidents: dict[str, RemoteIncident] = {}
        self.asked: list[set[str]] = []

    async def incidents_of(self, dedup_keys: Collection[str], raised_since: datetime) -> Mapping[str, RemoteIncident]:
        self.asked.append(set(dedup_keys))
        return {key: incident for key, incident in self.incidents.items() if key in dedup_keys}


async def test_by_a_poll_where_no_webhook_came_and_only_once(harness: PagingHarness) -> None:
    pager = _Pager()
    poll = PagerPoll(store=harness.store, clock=harness.clock, service=paging_service(harness), api=lambda: pager)
    await poll.run_once()
    assert pager.asked == []
    page = await harness.request()
    await harness.work()
    pager.incidents[page.id] = remote(page.id, RemoteStatus.TRIGGERED, harness.clock.now(), by="")
    await poll.run_once()
    assert (await harness.page()).state is PageState.OPEN
    pager.incidents[page.id] = remote(page.id, ACKNOWLEDGED, harness.clock.now(), by="PLEE")
    for _ in range(3):
        await poll.run_once()
        await harness.work()
    assert harness.acknowledged == [("inc-x4k2", "lee")]
    assert len(pager.asked) == 2
    assert harness.pagerduty.actions() == [PageAction.TRIGGER]


async def test_a_page_that_nobody_would_get_is_refused_in_words(harness: PagingHarness) -> None:
    service = paging_service(harness)
    request = PageRequest(subject="ask-1", kind="asked", severity=Severity.P3, team="platform", title="help")
    with pytest.raises(Refused, match=r"no paging policy for P3; it has P0, P1\. Nobody was called\."):
        await service.page(request, RAY, "envelope-1")


async def test_a_page_that_was_asked_for_twice_by_the_same_envelope_is_one(harness: PagingHarness) -> None:
    service = paging_service(harness)
    request = PageRequest(subject="ask-1", kind="asked", severity=Severity.P1, team="platform", title="help")
    assert (await service.page(request, RAY, "envelope-1")).id == (await service.page(request, RAY, "envelope-2")).id
    await harness.work()
    assert harness.pagerduty.triggers() == ["platform"]
