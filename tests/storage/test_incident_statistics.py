"""What statistics read, from both databases."""

from dataclasses import replace

from domain.incidents.incident import Incident, IncidentState
from domain.incidents.transitions import acknowledge, resolve
from domain.paging.messages import MessageState
from domain.severities import Severity
from storage.incident_statistics import IncidentStatisticsReader, StatisticsScope
from storage.incidents import IncidentRepository
from storage.store import Store
from storage.tables.paging import page_messages, pages
from tests.harness.samples.incident_story import ANA, TIMINGS, closed, declared, minute

EVERYTHING = StatisticsScope(environments=("production", "staging"), security_environments=("production", "staging"))
VIEWER = StatisticsScope(environments=("production",), security_environments=())


def made(number: int, **more: object) -> Incident:
    record = replace(declared().record, id=f"inc-{number}", cause="")
    return replace(record, **more)  # type: ignore[arg-type]


async def add(store: Store, *records: Incident) -> None:
    async with store.write() as tx:
        for record in records:
            assert await tx.of(IncidentRepository).add(record)


async def ids(store: Store, scope: StatisticsScope = EVERYTHING, minutes: float = -60) -> list[str]:
    async with store.read() as tx:
        return [each.id for each in await tx.of(IncidentStatisticsReader).figures(scope, minute(minutes))]


async def test_every_state_and_time_of_an_incident_is_read(store: Store) -> None:
    await add(store, closed().record)
    async with store.read() as tx:
        (figures,) = await tx.of(IncidentStatisticsReader).figures(EVERYTHING, minute(-60))
    assert (figures.id, figures.severity, figures.services) == ("inc-x4k2", Severity.P1, ("deep-echo-main",))
    assert (figures.cause, figures.reopened) == ("/production/deep-echo-main", 0)
    assert [figures.acknowledged_at, figures.mitigated_at, figures.resolved_at] == [minute(2), minute(15), minute(22)]


async def test_a_later_state_replaces_the_earlier_one(store: Store) -> None:
    record = made(1)
    await add(store, record)
    after = resolve(acknowledge(record, ANA, minute(3), TIMINGS).record, ANA, minute(9), TIMINGS).record
    async with store.write() as tx:
        await tx.of(IncidentRepository).save(replace(after, services=("a", "b"), reopened=2))
    async with store.read() as tx:
        (figures,) = await tx.of(IncidentStatisticsReader).figures(EVERYTHING, minute(-60))
    assert (figures.acknowledged_at, figures.resolved_at) == (minute(3), minute(9))
    assert (figures.services, figures.reopened) == (("a", "b"), 2)


async def test_tests_and_merged_ones_do_not_count_and_older_ones_neither(store: Store) -> None:
    merged = made(2, merged_into="inc-1", state=IncidentState.CLOSED)
    await add(store, made(1), merged, made(3, is_test=True))
    assert await ids(store) == ["inc-1"]
    assert await ids(store, minutes=1) == []


async def test_only_what_the_person_may_see_counts(store: Store) -> None:
    await add(
        store,
        made(1),
        made(2, environment="staging"),
        made(3, environment=""),
        made(4, security=True),
        made(5, security=True, environment=""),
    )
    assert await ids(store, VIEWER) == ["inc-1", "inc-3"]
    assert await ids(store) == ["inc-1", "inc-2", "inc-3", "inc-4", "inc-5"]


async def page(store: Store, page_id: str, subject: str, *, is_test: bool = False) -> None:
    values = {"kind": page_id, "cause": "", "team": "platform", "rank": 0, "state": "ended", "recheck": False, "record": "{}"}
    async with store.engines.write.begin() as connection:
        row = values | {"id": page_id, "subject": subject, "is_test": is_test, "requested_at": minute(0), "due_since": minute(0)}
        await connection.execute(pages.insert().values(**row))


async def message(
    store: Store, page_id: str, person: str, way: str = "sms", state: str = "sent", action: str = "trigger"
) -> None:
    values = {
        "key": f"{page_id}/{person}/{way}/{action}",
        "page_id": page_id,
        "call": 0,
        "position": 0,
        "person": person,
        "way": way,
        "destination": person,
        "dedup_key": page_id,
        "action": action,
        "mirrors": False,
        "rank": 0,
        "urgent": False,
        "is_late": False,
        "is_repeated": False,
        "state": state,
        "noted": True,
        "carries": False,
        "not_before": minute(0),
        "created_at": minute(0),
    }
    async with store.engines.write.begin() as connection:
        await connection.execute(page_messages.insert().values(**values))


async def test_pages_are_counted_for_whom_they_have_reached(store: Store) -> None:
    await add(store, made(1), made(2, environment="staging"))
    for page_id, subject in (("pg-1", "inc-1"), ("pg-2", "inc-1"), ("pg-3", "inc-2"), ("pg-4", "al-other")):
        await page(store, page_id, subject)
    await page(store, "pg-test", "inc-1", is_test=True)
    await message(store, "pg-1", "ana")
    await message(store, "pg-1", "ana", "slack", MessageState.DELIVERED)  # by two ways, one page
    await message(store, "pg-2", "ana")
    await message(store, "pg-2", "lee", state=MessageState.FAILED)
    await message(store, "pg-2", "mia", action="resolve")
    await message(store, "pg-2", "")
    await message(store, "pg-3", "kim")
    await message(store, "pg-4", "tom")
    await message(store, "pg-test", "rob")
    async with store.read() as tx:
        reader = tx.of(IncidentStatisticsReader)
        assert await reader.pages_by_person(EVERYTHING, minute(-60)) == {"ana": 2, "kim": 1}
        assert await reader.pages_by_person(VIEWER, minute(-60)) == {"ana": 2}
        assert await reader.pages_by_person(EVERYTHING, minute(1)) == {}
