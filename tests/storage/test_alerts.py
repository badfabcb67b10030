"""Alert groups as they are kept: found by key and by alert, locked while they change, and dropped with all that is theirs."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from domain.alerts.alerts import Acknowledgement, Alert, AlertGroup, AppliedSilence, GroupState, Route
from domain.severities import Severity
from storage.alerts import MAX_IN_VALUES
from storage.engines import open_engines
from storage.store import Store
from storage.tables.alerts import alert_groups, alert_keys, alerts
from storage.tables.core import messages
from tests.harness.fakes.clock import NOW
from tests.harness.samples.notifications import alert
from tests.harness.samples.team import ANA

HOUR = timedelta(hours=1)


def group(
    group_id: str = "al-a", *, resolved: datetime | None = None, severity: Severity = Severity.P2, **more: object
) -> AlertGroup:
    made = AlertGroup(
        id=group_id,
        title="HighErrorRate",
        labels={"alertname": "HighErrorRate"},
        route=Route(rule="rule 1", channel="C0WARNING", severity=severity),
        state=GroupState.RESOLVED if resolved else GroupState.FIRING,
        firing=0 if resolved else 1,
        total=1,
        examples=(alert("a"),),
        began_at=NOW,
        seen_at=NOW,
        updated_at=NOW,
        resolved_at=resolved,
    )
    return replace(made, **more)  # type: ignore[arg-type]


async def save(store: Store, *groups: AlertGroup, moved: Mapping[str, Iterable[Alert]] | None = None) -> None:
    async with store.write() as tx:
        await tx.alerts.save(groups)
        await tx.alerts.save_alerts(moved or {})


async def test_a_group_comes_back_as_it_was(store: Store) -> None:
    held = Acknowledgement(by=ANA.person, at=NOW, until=NOW + HOUR)
    mark = AppliedSilence(id="8655", by=ANA.person, at=NOW, until=NOW + HOUR, reason="known")
    kept = group(acknowledgement=held, silence=mark, state_changes=(NOW, NOW + HOUR), truncated=True, episode=3)
    await save(store, kept)
    async with store.read() as tx:
        assert await tx.alerts.get("al-a") == kept
        assert await tx.alerts.get("al-none") is None
    async with store.write() as tx:
        assert await tx.alerts.get_many_for_update(["al-none", "al-a"]) == {"al-a": kept}
        assert await tx.alerts.get_many_for_update([]) == {}


async def test_alerts_come_back_as_they_were_and_the_last_word_stands(store: Store) -> None:
    a, b = alert("a", labels={"odd": '"\\\n\u202e😀'}), alert("b", firing=False)
    await save(store, group(), group("al-b"), moved={"al-a": [a, b], "al-b": [a]})
    ended = replace(a, firing=False, ends_at=NOW + HOUR)
    await save(store, moved={"al-a": [ended]})
    async with store.read() as tx:
        assert await tx.alerts.alerts_by_group(["al-a", "al-b", "al-c"]) == {
            "al-a": {"fp-a": ended, "fp-b": b},
            "al-b": {"fp-a": a},
        }


async def test_alerts_are_forgotten_by_group(store: Store) -> None:
    a, b = alert("a"), alert("b")
    await save(store, group(), group("al-b"), moved={"al-a": [a, b], "al-b": [a, b]})
    async with store.write() as tx:
        await tx.alerts.delete_alerts({"al-a": ["fp-a", "fp-none"], "al-b": []})
        assert await tx.alerts.alerts_by_group(["al-a", "al-b"]) == {"al-a": {"fp-b": b}, "al-b": {"fp-a": a, "fp-b": b}}


async def test_a_key_names_the_group_that_it_named_last(store: Store) -> None:
    async with store.write() as tx:
        await tx.alerts.assign_keys({"key-1": "al-a", "key-2": "al-a"})
        await tx.alerts.assign_keys({"key-2": "al-b"})
        await tx.alerts.assign_keys({})
        assert await tx.alerts.group_ids_by_key(["key-1", "key-2", "key-3"]) == {"key-1": "al-a", "key-2": "al-b"}
        assert await tx.alerts.group_ids_by_key([]) == {}


async def test_who_holds_an_alert_counts_while_it_fires_or_was_resolved_lately(store: Store) -> None:
    lately, long_ago = NOW - HOUR, NOW - 2 * HOUR
    groups = (group("al-fires"), group("al-lately", resolved=lately), group("al-over", resolved=long_ago))
    await save(store, *groups, moved={each.id: [alert("a")] for each in groups} | {"al-fires": [alert("a"), alert("b")]})
    async with store.read() as tx:
        held = await tx.alerts.groups_by_fingerprint(["fp-a", "fp-b", "fp-none"], active_since=NOW - 1.5 * HOUR)
    assert held == {"fp-a": {"al-fires", "al-lately"}, "fp-b": {"al-fires"}}


async def test_many_at_once_are_no_trouble_to_either_database(store: Store) -> None:
    """PostgreSQL takes some 32,000 values in one statement."""
    count = 33_000
    names = [f"fp-{number}" for number in range(count)]
    await save(store, group(), moved={"al-a": [alert(f"{number}") for number in range(MAX_IN_VALUES + 1)]})
    async with store.write() as tx:
        assert len(await tx.alerts.groups_by_fingerprint(names, active_since=NOW)) == MAX_IN_VALUES + 1
        assert await tx.alerts.group_ids_by_key(names) == {}
        assert set(await tx.alerts.get_many_for_update([*names, "al-a"])) == {"al-a"}
        assert await tx.alerts.known_ids([*names, "al-a"]) == {"al-a"}
        await tx.alerts.delete_alerts({"al-a": names})
        assert await tx.alerts.alerts_by_group(["al-a"]) == {}


async def test_a_name_is_taken_while_its_card_is_in_slack(store: Store) -> None:
    await save(store, group("al-kept"))
    async with store.engines.write.begin() as connection:
        for key in ("al-gone/card", "al-other/t/1", "st-gone/card"):
            await connection.execute(messages.insert().values(key=key, channel="C1", ts="1.2", edited_at=NOW))
    async with store.read() as tx:
        assert await tx.alerts.known_ids(["al-kept", "al-gone", "al-other", "al-free"]) == {"al-kept", "al-gone"}
        assert await tx.storms.known_ids(["st-gone", "st-free"]) == {"st-gone"}


async def test_what_opened_in_a_channel_lately(store: Store) -> None:
    times = [NOW - HOUR, NOW - timedelta(seconds=1), NOW, NOW + timedelta(seconds=1)]
    await save(store, *(group(f"al-{number}", seen_at=at) for number, at in enumerate(times)))
    async with store.read() as tx:
        assert sorted(await tx.alerts.opened_since("C0WARNING", NOW - timedelta(seconds=1))) == times[2:]
        assert await tx.alerts.opened_since("C0OTHER", NOW - 2 * HOUR) == ()


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["al-worst", "al-new", "al-old", "al-done"]),
        ({"firing": True}, ["al-worst", "al-new", "al-old"]),
        ({"firing": False}, ["al-done"]),
        ({"silenced": True}, ["al-old"]),
        ({"silenced": False, "firing": True}, ["al-worst", "al-new"]),
        ({"acknowledged_by": ANA.person.user_id}, ["al-new"]),
        ({"environment": "production"}, ["al-worst"]),
        ({"environment": "secret"}, []),
        ({"limit": 1}, ["al-worst"]),
    ],
)
async def test_groups_are_found_the_worst_and_newest_first(store: Store, asked: dict[str, object], found: list[str]) -> None:
    held = Acknowledgement(by=ANA.person, at=NOW, until=NOW + HOUR)
    mark = AppliedSilence(id="8655", by=ANA.person, at=NOW, until=NOW + HOUR)
    await save(
        store,
        group("al-done", resolved=NOW, severity=Severity.P0),
        group("al-old", seen_at=NOW - HOUR, silence=mark),
        group("al-new", acknowledgement=held),
        group("al-worst", severity=Severity.P1, environment="production", seen_at=NOW - HOUR),
        group("al-secret", severity=Severity.P0, environment="secret"),
    )
    async with store.read() as tx:
        groups, total = await tx.alerts.search(environments=["production"], **asked)  # type: ignore[arg-type]
    assert [each.id for each in groups] == found
    assert total == (4 if "limit" in asked else len(found))


async def test_what_was_resolved_long_ago_is_dropped_with_all_that_is_its(store: Store) -> None:
    fires, lately, gone = group("al-fires"), group("al-lately", resolved=NOW), group("al-gone", resolved=NOW - 2 * HOUR)
    await save(store, fires, lately, gone, moved={each.id: [alert("a")] for each in (fires, lately, gone)})
    async with store.write() as tx:
        await tx.alerts.assign_keys({each.id: each.id for each in (fires, lately, gone)})
        await tx.alerts.prune(NOW - HOUR)
    async with store.engines.read.connect() as connection:
        for table in (alert_groups, alert_keys, alerts):
            assert (await connection.execute(select(func.count()).select_from(table))).scalar_one() == 2


@pytest.mark.postgres
async def test_a_group_is_locked_by_whoever_changes_it(postgres_url: str) -> None:
    store = Store(open_engines(postgres_url))
    await save(store, group())

    async def count_one_more() -> None:
        async with store.write() as tx:
            found = (await tx.alerts.get_many_for_update(["al-a"]))["al-a"]
            await asyncio.sleep(0)
            await tx.alerts.save([replace(found, reply_count=found.reply_count + 1)])

    await asyncio.gather(*(count_one_more() for _ in range(20)))
    async with store.read() as tx:
        kept = await tx.alerts.get("al-a")
    assert kept is not None
    assert kept.reply_count == 20
    await store.close()


@pytest.mark.postgres
async def test_whoever_applies_notifications_is_alone_and_others_may_read_and_click(postgres_url: str) -> None:
    store = Store(open_engines(postgres_url))
    await save(store, group())
    order: list[str] = []

    async def second() -> None:
        async with store.write() as tx:
            await tx.alerts.lock_exclusively()
            order.append("second")

    async with store.write() as tx:
        await tx.alerts.lock_exclusively()
        waiting = asyncio.create_task(second())
        await save(store, group(reply_count=1))
        async with store.read() as other:
            found = await other.alerts.get("al-a")
        assert found is not None
        assert found.reply_count == 1
        order.append("first")
    await waiting
    assert order == ["first", "second"]
    await store.close()
