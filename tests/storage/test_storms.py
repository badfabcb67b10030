"""Storms: what is folded into one, counted from the groups themselves."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from domain.alerts.alerts import AlertGroup, GroupState
from domain.alerts.group_changes import GroupChange
from domain.alerts.storms import Storm, StormCard, Tally
from domain.severities import Severity
from storage.engines import open_engines
from storage.group_saves import GroupSave
from storage.store import Store
from storage.storms import MAX_TALLIES, MAX_WORST_GROUPS
from storage.tables.core import outbox
from tests.harness.fakes.clock import NOW
from tests.harness.families import load
from tests.storage.test_alerts import group, save

MINUTE = timedelta(minutes=1)
STORM = Storm(id="st-a", channel="C0WARNING", began_at=NOW, last_at=NOW)


async def begin(store: Store, *storms: Storm) -> None:
    async with store.write() as tx:
        for each in storms:
            await tx.storms.save(each)


def folded(name: str, **more: object) -> AlertGroup:
    return group(f"al-{name}", storm="st-a", **more)  # type: ignore[arg-type]


async def shown(store: Store) -> StormCard:
    async with store.write() as tx:
        return await tx.storms.card(STORM, NOW)


async def test_a_storm_comes_back_as_it_was_and_grows(store: Store) -> None:
    await begin(store, STORM, replace(STORM, last_at=NOW + MINUTE))
    async with store.read() as tx:
        assert await tx.storms.get("st-a") == replace(STORM, last_at=NOW + MINUTE)
        assert await tx.storms.get("st-none") is None
        assert await tx.storms.known_ids(["st-a", "st-b"]) == {"st-a"}


async def test_the_storm_of_a_channel_is_the_newest_that_has_not_ended(store: Store) -> None:
    ended = Storm(id="st-ended", channel="C0WARNING", began_at=NOW, last_at=NOW + 9 * MINUTE, ended_at=NOW + 9 * MINUTE)
    newer = Storm(id="st-newer", channel="C0WARNING", began_at=NOW, last_at=NOW + MINUTE)
    await begin(store, STORM, newer, ended, replace(newer, id="st-other", channel="C0OTHER"))
    async with store.read() as tx:
        assert await tx.storms.latest_open("C0WARNING") == newer
        assert await tx.storms.latest_open("C0QUIET") is None


async def test_its_card_counts_by_name_and_severity_and_lists_the_worst(store: Store) -> None:
    await begin(store, STORM)
    await save(
        store,
        folded("1", title="Slow", seen_at=NOW),
        folded("2", title="Slow", seen_at=NOW + MINUTE),
        folded("3", title="Slow", resolved=NOW),
        folded("4", title="Down", severity=Severity.P1, environment="production"),
        folded("5", title="Over", severity=Severity.P1, resolved=NOW),
        group("al-elsewhere", storm="st-b"),
        group("al-by-itself"),
    )
    card = await shown(store)
    assert card.tallies == (
        Tally(title="Down", severity=Severity.P1, groups=1, firing=1),
        Tally(title="Over", severity=Severity.P1, groups=1, firing=0),
        Tally(title="Slow", severity=Severity.P2, groups=3, firing=2),
    )
    assert [each.id for each in card.worst] == ["al-4", "al-2", "al-1"]
    assert (card.groups, card.firing) == (5, 3)


async def test_of_many_names_the_sums_stay_true(store: Store) -> None:
    await begin(store, STORM)
    severities = [Severity.P1, Severity.P2, Severity.P3]
    every = [folded(f"{number}", title=f"name {number}", severity=severities[number % 3]) for number in range(90)]
    await save(store, *every, folded("over", title="name 2", severity=Severity.P3, resolved=NOW))
    card = await shown(store)
    assert (card.groups, card.firing, len(card.worst)) == (91, 90, MAX_WORST_GROUPS)
    assert [(each.title, each.groups, each.firing) for each in card.tallies[MAX_TALLIES:]] == [
        ("10 other names", 10, 10),
        ("30 other names", 30, 30),
        ("30 other names", 31, 30),
    ]


async def test_an_empty_storm_has_a_card_too(store: Store) -> None:
    await begin(store, STORM)
    card = await shown(store)
    assert (card.groups, card.firing, card.tallies, card.worst) == (0, 0, (), ())


async def test_what_ended_long_ago_is_dropped(store: Store) -> None:
    await begin(store, STORM, replace(STORM, id="st-old", ended_at=NOW - MINUTE), replace(STORM, id="st-new", ended_at=NOW))
    async with store.write() as tx:
        await tx.storms.prune(NOW)
        assert await tx.storms.known_ids(["st-a", "st-old", "st-new"]) == {"st-a", "st-new"}


@pytest.mark.postgres
async def test_the_card_that_is_put_last_has_the_last_numbers(postgres_url: str) -> None:
    """One group is resolved while a person acknowledges another: neither sees what the other has not committed yet."""
    first, second = (Store(open_engines(postgres_url)) for _ in range(2))
    await begin(first, STORM)
    await save(first, folded("resolved"), folded("stays"))

    async def click() -> None:
        async with second.write() as tx:
            clicked = (await tx.alerts.get_many_for_update(["al-stays"]))["al-stays"]
            await tx.save_groups([GroupSave(change=GroupChange(record=clicked))], NOW)

    async with first.write() as tx:
        over = replace(
            (await tx.alerts.get_many_for_update(["al-resolved"]))["al-resolved"], state=GroupState.RESOLVED, resolved_at=NOW
        )
        await tx.save_groups([GroupSave(change=GroupChange(record=over))], NOW)
        clicking = asyncio.create_task(click())
        await _until_somebody_waits(first)
    await clicking
    async with first.engines.read.connect() as connection:
        rows = await connection.execute(select(outbox.c.fact).where(outbox.c.state == "pending").order_by(outbox.c.id))
        cards = [load("storm-card", 1, fact) for fact in rows.scalars()]
    assert [each.firing for each in cards] == [1]
    for each in (first, second):
        await each.close()


async def _until_somebody_waits(store: Store) -> None:
    """Somebody's transaction waits for a lock that another holds."""
    waits = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
    async with asyncio.timeout(10):
        while True:
            async with store.engines.read.connect() as connection:
                if (await connection.execute(waits)).scalar_one():
                    return
            await asyncio.sleep(0.01)
