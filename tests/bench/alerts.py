"""Alertmanager's webhook: what a notification of ten alerts costs, and that it costs the same with a hundred times the groups."""

import asyncio
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from domain.alerts.alerts import Alert, Notification, Route
from domain.alerts.groups import RoutedNotification, open_group
from domain.severities import Severity
from storage.migrate import migrate
from storage.outbox_messages import dump
from tests.bench import load
from tests.bench.children import DATABASE
from tests.bench.results import AT_ONCE, Result, compared
from tests.bench.spawning import Child, child
from tests.harness.postgres import PostgresServer, running_postgres

RUNS = 5
REQUESTS = 2000
APPLIED = 1000
FEW, MANY = 1_000, 100_000
SETTLED_SECONDS = 60.0


async def webhook(folder: Path) -> list[Result]:
    """CPU per notification: kept, on both databases; applied; and applied beside many stored groups."""
    with _postgres() as address:
        return [*await _kept(folder, address), *await _applied(folder)]


async def _kept(folder: Path, postgres: str) -> list[Result]:
    times: dict[str, list[float]] = {"floor": [], "sqlite": [], "postgres": []}
    async with (
        child("floor", _room(folder, "alerts-floor")) as floor,
        child("alerts", _room(folder, "alerts-sqlite")) as sqlite,
        child("alerts", _room(folder, "alerts-postgres"), variables={DATABASE: postgres}) as other,
    ):
        for run in range(RUNS):
            for name, one in (("floor", floor), ("sqlite", sqlite), ("postgres", other)):
                times[name].append(await _cpu_us(one, REQUESTS, first_group=run * REQUESTS))
    name = "notification of 10 alerts, checked and kept: CPU / bare handler"
    return [
        compared(f"{name}, SQLite", times["sqlite"], times["floor"], 3.5),
        compared(f"{name}, PostgreSQL", times["postgres"], times["floor"], POSTGRES_LIMIT),
    ]


POSTGRES_LIMIT = 4.5
"""Found by measuring: asyncpg's own work for a shared commit comes on top of the door's."""


async def _applied(folder: Path) -> list[Result]:
    """The same program beside few and beside many groups; both apply what they keep."""
    few, many = _room(folder, "few"), _room(folder, "many")
    await store_groups(_room(few, "alerts-applied"), FEW)
    await store_groups(_room(many, "alerts-applied"), MANY)
    times: dict[str, list[float]] = {"few": [], "many": [], "floor": []}
    async with (
        child("floor", _room(folder, "applied-floor")) as floor,
        child("alerts-applied", few, exists=True) as beside_few,
        child("alerts-applied", many, exists=True) as beside_many,
    ):
        for run in range(RUNS):
            order = (("few", beside_few), ("many", beside_many))
            for name, one in order if run % 2 else reversed(order):
                times[name].append(await _cpu_us(one, APPLIED, first_group=MANY + run * APPLIED))
            times["floor"].append(await _cpu_us(floor, APPLIED))
    return [
        compared("the same, kept and applied to its group: CPU / bare handler, SQLite", times["few"], times["floor"], None),
        compared(f"kept and applied beside {MANY:,} groups / beside {FEW:,}", times["many"], times["few"], 1.2),
    ]


async def _cpu_us(one: Child, requests: int, *, first_group: int = 0) -> float:
    prepared = load.notifications(requests, first_group=first_group)
    before = load.cpu_seconds(one.pid)
    await load.send(one.port, prepared, AT_ONCE)
    await _settled(one.port)
    return (load.cpu_seconds(one.pid) - before) / requests * 1e6


async def _settled(port: int) -> None:
    """Until everything is applied, where anybody applies it."""
    async with asyncio.timeout(SETTLED_SECONDS), aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"http://127.0.0.1:{port}/waiting") as answer:
                if answer.status == 404 or await answer.text() == "0":
                    return
            await asyncio.sleep(0.05)


STARTED_AT = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)
"""The beginning of every stored alert."""


async def store_groups(folder: Path, groups: int) -> None:
    """A database with so many groups, each with an alert, as the intake would have written them."""
    file = folder / "bench.sqlite"
    await migrate(f"sqlite:///{file}")
    pattern = _pattern(STARTED_AT)
    record, alert = dump(pattern.record), dump(pattern.alert)
    with sqlite3.connect(file) as connection:
        connection.executemany(
            "INSERT INTO alert_groups (id, channel, environment, severity, title, firing, seen_at, silenced, record) "
            "VALUES (?, 'C0ALERTS', 'production', 'P2', 'HighErrorRate', 1, '2026-11-23 14:02:00.000000', 0, ?)",
            ((f"al-{number}", record.replace("al-pattern", f"al-{number}")) for number in range(groups)),
        )
        connection.executemany(
            "INSERT INTO alert_keys (key, group_id) VALUES (?, ?)",
            ((f"{number:064}", f"al-{number}") for number in range(groups)),
        )
        connection.executemany(
            "INSERT INTO alerts (group_id, fingerprint, firing, alert) VALUES (?, ?, 1, ?)",
            ((f"al-{number}", f"stored-{number}", alert) for number in range(groups)),
        )
    connection.close()


@dataclass(frozen=True, slots=True)
class _Pattern:
    record: object
    alert: Alert


def _pattern(at: datetime) -> _Pattern:
    labels = {"alertname": "HighErrorRate", "environment": "production", "severity": "warning"}
    alert = Alert(fingerprint="stored", firing=True, labels=labels, annotations={"summary": "High"}, starts_at=at)
    told = RoutedNotification(
        notification=Notification(receiver="deepecho", group_key="{}:{}", group_labels=labels, alerts=(alert,)),
        at=at,
        environment="production",
        route=Route(rule="default", channel="C0ALERTS", severity=Severity.P2),
    )
    change = open_group(told, "al-pattern")
    if change is None:
        raise RuntimeError("a firing alert opens a group")
    return _Pattern(change.record, alert)


def _room(folder: Path, name: str) -> Path:
    room = folder / name
    room.mkdir()
    return room


@contextmanager
def _postgres() -> Iterator[str]:
    """A server that syncs its commits, with one fresh database."""
    with running_postgres(durable=True) as url, ThreadPoolExecutor(1) as thread:
        yield thread.submit(PostgresServer(url).create_migrated).result()
