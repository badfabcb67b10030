"""Rows that were written at revision 0002, under the old names of columns and keys: today's code reads them after 0003."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio
from sqlalchemy import Connection, MetaData, inspect, select

from domain.alerts.alerts import AlertGroup, AlertNote
from domain.changes.platform_changes import Suspect
from domain.notes import OperationNote
from domain.operations.operation import OperationRecord, State
from domain.people import Person
from domain.rich_text import Code, CommandMention, sentence
from domain.workloads.image_ids import ReportedImage
from storage.engines import open_engines
from storage.migrate import migrate
from storage.outbox import FILE_NOT_UPLOADED
from storage.outbox_messages import dump
from storage.outbox_queue import RateLimits
from storage.store import Store
from storage.tables.core import inbox, outbox
from storage.timers import Timer
from tests.harness.families import load

ROWS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[1] / "recordings" / "database_rows_at_0002.json").read_text(encoding="utf-8")
)
"""By table, as the program wrote them at 0002; JSON columns are spelled out. Every renamed field has a value of its own."""
NOW = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ANA = Person("U0ANA00001", "T0DEEPECHO")


def insert_rows(connection: Connection) -> None:
    """Into the tables as they are in the database, whatever they are called today."""
    found = MetaData()
    found.reflect(connection)
    for table, rows in ROWS.items():
        columns = found.tables[table].columns
        for row in rows:
            values = {name: typed(columns[name].type.python_type, value, connection) for name, value in row.items()}
            connection.execute(found.tables[table].insert().values(values))


def typed(kind: type, value: Any, connection: Connection) -> Any:
    if kind is datetime:
        at = datetime.fromisoformat(value)
        return at.replace(tzinfo=None) if connection.dialect.name == "sqlite" else at
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else kind(value)


def all_rows(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    found = MetaData()
    found.reflect(connection)
    return {
        name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
        for name, table in found.tables.items()
        if name != "alembic_version"
    }


async def run(url: str, work: Any) -> Any:
    engines = open_engines(url, pooled=False)
    try:
        async with engines.write.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engines.dispose()


@pytest_asyncio.fixture
async def filled_url(empty_database_url: str) -> str:
    """A database at 0002 with its rows."""
    await migrate(empty_database_url, "0002")
    await run(empty_database_url, insert_rows)
    return empty_database_url


@pytest_asyncio.fixture
async def migrated(filled_url: str) -> Any:
    await migrate(filled_url)
    store = Store(open_engines(filled_url))
    yield store
    await store.close()


def without_new_keys(present: Any, stored: Any) -> Any:
    """What is present without the keys that did not exist when the facts were stored; they have their defaults."""
    if isinstance(present, dict) and isinstance(stored, dict):
        return {name: without_new_keys(value, stored[name]) for name, value in present.items() if name in stored}
    if isinstance(present, list) and isinstance(stored, list) and len(present) == len(stored):
        return [without_new_keys(*pair) for pair in zip(present, stored, strict=True)]
    return present


async def facts(store: Store) -> dict[str, Any]:
    """What every row of the outbox holds, by key, read whole: a key that today's code does not know would be dropped."""
    async with store.engines.read.connect() as connection:
        rows = (await connection.execute(select(outbox.c.key, outbox.c.kind, outbox.c.fact))).all()
    for row in rows:
        again = json.loads(dump(load(row.kind, 1, row.fact)))
        assert without_new_keys(again, json.loads(row.fact)) == json.loads(row.fact), row.key
    return {row.key: load(row.kind, 1, row.fact) for row in rows}


async def test_operations_are_read(migrated: Store) -> None:
    async with migrated.read() as tx:
        ended, waiting = await tx.operations.get("op-done"), await tx.operations.get("op-wait")
        assert await tx.operations.unfinished() == (waiting,)
        assert await tx.images.verified_as("ghcr.io/echocog/deep-tree-echo-rkwv:main-9f00d12") == (ReportedImage("sha256:1"),)
    assert isinstance(ended, OperationRecord)
    assert ended.state is State.FAILED
    assert ended.outcome == sentence("Cancelled by ", ANA, ".")
    assert ended.end_state == (
        "deep-echo-cognitive has 3 of 5 replicas.",
        sentence(CommandMention("scale production 3"), " goes back."),
    )
    assert (ended.duration, ended.overrides_lock, ended.procedures_version) == (timedelta(hours=2), True, 1)
    assert ended.approval is not None
    assert ended.approval.reason == "agreed in the stand-up"
    scaled, plain = ended.plan.changes
    assert scaled.autoscaler is not None
    assert (scaled.autoscaler.min_replicas, scaled.autoscaler.max_replicas) == (3, 20)
    assert plain.autoscaler is None


async def test_groups_are_read(migrated: Store) -> None:
    async with migrated.read() as tx:
        group = await tx.alerts.get("al-fire")
        alerts = await tx.alerts.alerts_by_group(["al-fire"])
        assert await tx.alerts.group_ids_by_key(["key-1"]) == {"key-1": "al-fire"}
        assert {each.id for each in (await tx.alerts.search(environments=["production"]))[0]} == {"al-fire", "al-fold"}
    assert isinstance(group, AlertGroup)
    assert group.previous is not None
    assert group.previous.id == "al-gone"
    assert group.state_changes == (NOW - 5 * MINUTE, NOW - 3 * MINUTE, NOW - MINUTE)
    assert group.reply_count == 7
    assert group.labels["what"] == "a label", "only fields are renamed, never what people named so"
    assert alerts["al-fire"]["fp-a"].labels["said"] == "a label named as a field was"
    assert isinstance(group.suspect, Suspect)
    change = group.suspect.change
    assert (change.description, change.by_manager, change.operation_id) == ("deploy main-9f00d12", "helm", "op-done")
    assert change.previous_versions == {"deep-echo-main": "main-0ddba11", "before": "a service named as a field was"}
    assert (change.ended_at, change.outcome) == (NOW - 10 * MINUTE, "a person cancelled it")


async def test_messages_are_read_and_sent(migrated: Store) -> None:
    by_key = await facts(migrated)
    assert len(by_key) == len(ROWS["outbox"])
    note, alert_note = by_key["op-done/t/ended"], by_key["al-fire/t/suspect"]
    assert isinstance(note, OperationNote)
    assert (note.operation_id, note.audit_number) == ("op-done", 41)
    assert note.text == sentence(Person("U0ANA00001", ""), " asked to stop: <@U0BOSS0009> said so."), "a reason mentions nobody"
    assert isinstance(alert_note, AlertNote)
    assert alert_note.group_id == "al-fire"
    assert alert_note.lines == (
        sentence("deploy main-9f00d12 by ", ANA, " (", Code("op-done"), "): 12 min before"),
        "ConfigMap <@U0BOSS0009>: 2 h before",
    )
    async with migrated.engines.read.connect() as connection:
        columns = (outbox.c.key, outbox.c.claimed_by, outbox.c.attempted_at)
        claims = await connection.execute(select(*columns).where(outbox.c.attempted_at.is_not(None)).order_by(outbox.c.id))
        assert [tuple(row) for row in claims] == [
            ("op-wait/card", "replica-1", NOW),
            ("op-done/card", "replica-1", NOW + timedelta(seconds=1)),
        ]
        low = await connection.execute(select(outbox.c.key).where(outbox.c.low_priority).order_by(outbox.c.id))
        assert list(low.scalars()) == ["op-wait/card", "st-1/card"]
        not_uploaded = await connection.execute(select(outbox.c.key).where(outbox.c.file_id == FILE_NOT_UPLOADED))
        assert list(not_uploaded.scalars()) == ["al-fire/t/suspect"]
    async with migrated.write() as tx:
        # The dead replica's card goes first: its claim is too old.
        row = await tx.outbox.claim("replica-2", NOW + 2 * MINUTE, RateLimits())
        assert row is not None
        assert (row.key, row.attempts, row.outcome_unknown) == ("op-done/card", 2, True)


async def test_timers_are_found_by_kind_and_by_key(migrated: Store) -> None:
    async with migrated.write() as tx:
        assert await tx.timers.due(NOW + timedelta(hours=2)) == (
            Timer("watchdog/heartbeat", "watchdog", "heartbeat", NOW + 5 * MINUTE),
            Timer("alert-flapping-check/al-fire", "alert-flapping-check", "al-fire", NOW + 10 * MINUTE),
            Timer("approval-expire/op-wait", "approval-expire", "op-wait", NOW + 15 * MINUTE),
            Timer("revert-scale/op-done", "revert-scale", "op-done", NOW + timedelta(hours=2)),
        )
        assert await tx.timers.remove("approval-expire/op-wait")


async def test_claims_and_outcomes_of_the_inbox_stay(migrated: Store) -> None:
    async with migrated.engines.read.connect() as connection:
        rows = await connection.execute(select(inbox.c.key, inbox.c.outcome).order_by(inbox.c.received_at))
        assert {row.key: row.outcome for row in rows} == {
            "command-1": "",
            "command-2": "expired",
            "action-1": "invalid_payload",
            "event-1": "no_reply",
            "alert-1": "",
        }
    async with migrated.write() as tx:
        assert not await tx.inbox.claim("command-1", "replica-2"), "replica-1 has it"
        assert await tx.inbox.claim("command-1", "replica-1")
        assert [message.key for message in await tx.inbox.notifications(limit=10)] == ["alert-1"]
        await tx.replicas.prune(NOW + MINUTE)
        assert (await tx.audit.head())[0] == 1


async def test_the_way_back_restores_every_row(filled_url: str) -> None:
    before = await run(filled_url, all_rows)
    await migrate(filled_url)
    await migrate(filled_url, "0002")
    after = await run(filled_url, all_rows)
    assert {name: len(rows) for name, rows in after.items()} == {name: len(rows) for name, rows in before.items()}
    assert normalized(after) == normalized(before)


async def test_many_rows_are_converted_page_by_page(filled_url: str) -> None:
    (note,) = (row for row in ROWS["outbox"] if row["kind"] == "operation-note")

    def add_many(connection: Connection) -> None:
        found = MetaData()
        found.reflect(connection, only=["outbox"])
        columns = found.tables["outbox"].columns
        values = {name: typed(columns[name].type.python_type, value, connection) for name, value in note.items()}
        rows = [values | {"id": 1000 + number, "key": f"op-done/t/{number}"} for number in range(1201)]
        connection.execute(found.tables["outbox"].insert(), rows)

    await run(filled_url, add_many)
    await migrate(filled_url)
    store = Store(open_engines(filled_url))
    try:
        by_key = await facts(store)
    finally:
        await store.close()
    assert {by_key[f"op-done/t/{number}"].audit_number for number in range(1201)} == {41}


async def test_the_inbox_has_its_index_under_the_new_name(migrated: Store) -> None:
    async with migrated.engines.write.connect() as connection:
        indexes = await connection.run_sync(lambda sync: inspect(sync).get_indexes("inbox"))
    assert sorted(str(index["name"]) for index in indexes) == ["ix_inbox_answered", "ix_inbox_unanswered"]


def normalized(rows_by_table: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[list[Any]]]:
    """JSON in its parsed form: spaces and the order of keys may differ."""
    return {
        name: sorted(
            ([parsed(value) for value in row] for row in rows), key=lambda row: json.dumps(row, default=str, sort_keys=True)
        )
        for name, rows in rows_by_table.items()
    }


def parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value.startswith("{") else value
