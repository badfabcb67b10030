"""The intake of notifications on a real database: stored as the webhook does, applied, and read back as delivery reads."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import select

from domain.alerts.alerts import AlertGroup, AlertNote, Notification
from domain.alerts.storms import StormCard
from domain.catalogue.catalogue import Catalogue
from domain.inbound import InboundKind, InboundMessage
from domain.people import Member
from runbooks.alerts.alertmanager_list import AlertListReader
from runbooks.alerts.firing_rules import FiringRules, RuleSource
from runbooks.alerts.intake import NotificationProcessor
from runbooks.alerts.reconciliation import Reconciler
from runbooks.alerts.service import AlertRequest, AlertService
from runbooks.alerts.timer_handlers import AlertTimerHandlers
from runbooks.alerts.timers import DOUBT, RECONCILE
from runbooks.timers import TimerHandler
from storage.inbox import InboxWriter
from storage.store import Store
from storage.tables.alerts import alert_groups, alerts
from storage.tables.core import inbox, outbox, timers
from storage.timers import Timer
from tests.harness.fakes.alertmanager import MemoryAlertmanager
from tests.harness.fakes.clock import StoppedClock
from tests.harness.families import load
from tests.harness.samples.notifications import alert, notification, webhook_body
from tests.harness.samples.team import team_catalogue

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
CRITICAL, WARNING, INFO = "C0CRITICAL", "C0WARNING", "C0INFO"
ROUTES: list[dict[str, Any]] = [
    {"name": "outage", "match": ["outage=yes"], "channel": CRITICAL, "severity": "P0"},
    {"name": "critical", "match": ["severity=critical"], "channel": CRITICAL, "severity": "P1"},
    {"name": "warning", "match": ["severity=warning"], "channel": WARNING, "severity": "P2"},
]


def alerts_catalogue(**overrides: Any) -> Catalogue:
    """A catalogue that routes alerts by their ``severity``; ``outage=yes`` is P0."""
    return team_catalogue(alerts={"default": {"channel": INFO, "severity": "P3"}, "routes": ROUTES} | overrides)


def numbered_notification(
    number: int, *, severity: str = "warning", firing: bool = True, began: datetime | None = None
) -> Notification:
    """A group of one alert, one of many."""
    labels = {"severity": severity} | ({"outage": "yes"} if severity == "P0" else {})
    one = alert(f"n{number}", firing=firing, labels=labels)
    if began is not None:
        one = replace(one, starts_at=began, ends_at=None if firing else began + MINUTE)
    return notification(one, key=f'{{}}:{{pod="n{number}"}}', labels={"alertname": "HighErrorRate", "pod": f"n{number}"})


def no_alertmanager(environment: str, source: str = "") -> Any:
    raise AssertionError(f"nobody asks the Alertmanager of {environment}")


@dataclass(frozen=True)
class OutboxEntry:
    """A row of the outbox."""

    key: str
    channel: str
    low_priority: bool
    state: str
    fact: Any


@dataclass
class AlertsHarness:
    """One replica: it stores notifications, applies them, and reads back groups, timers and outbox rows."""

    store: Store
    writer: InboxWriter
    catalogue: Catalogue
    clock: StoppedClock = field(default_factory=StoppedClock)
    alertmanagers: dict[str, MemoryAlertmanager] = field(default_factory=dict)
    """By address. Without any, nobody asks one."""
    prometheus_servers: dict[str, RuleSource] = field(default_factory=dict)
    """By environment."""
    wakes: int = 0
    numbers: Iterable[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        current = lambda: self.catalogue  # noqa: E731 -- a reload changes it
        self.intake = NotificationProcessor(self.store, self.clock, current, self._wake)
        self.timer_handlers = AlertTimerHandlers(
            store=self.store, catalogue=current, intake=self.intake, notify_outbox=self._wake
        )
        self.reader = AlertListReader(self.alertmanagers.get)
        rules = FiringRules(self.prometheus_servers.get)
        self.reconciler = Reconciler(self.store, self.clock, current, self.reader, rules, self._wake)
        self.service = AlertService(
            store=self.store, clock=self.clock, catalogue=current, alertmanager=no_alertmanager, notify_outbox=self._wake
        )

    async def store_notifications(self, *notifications: Notification, text: str = "") -> None:
        """Store notifications, a second after one another."""
        for sent in notifications:
            await self.store_text(webhook_body(sent), sent.source)
        if text:
            await self.store_text(text)

    async def store_text(self, text: str, source: str = "") -> None:
        key, at = f"alert-{next(iter(self.numbers)):06}", self.clock.now()
        await self.writer.put(InboundMessage(key=key, kind=InboundKind.ALERT, body=text, received_at=at, source=source))
        self.intake.on_stored()
        self.clock.advance(SECOND)

    async def apply(self) -> int:
        """Apply all stored notifications; how many."""
        total = 0
        while count := await self.intake.apply_batch():
            total += count
        return total

    async def receive(self, *notifications: Notification) -> None:
        await self.store_notifications(*notifications)
        await self.apply()

    async def fire_due_timers(self) -> list[str]:
        """Run due timers until none is due; their kinds."""
        fired = []
        while due := await self.due_timers():
            for timer in due:
                await self.handlers[timer.kind](timer, self.clock.now())
                fired.append(timer.kind)
        return fired

    async def due_timers(self) -> list[Timer]:
        async with self.store.read() as tx:
            return [each for each in await tx.timers.due(self.clock.now(), limit=1000) if each.kind in self.handlers]

    @property
    def handlers(self) -> Mapping[str, TimerHandler]:
        asking = {RECONCILE: self._ask, DOUBT: self._ask} if self.alertmanagers else {DOUBT: self._ask}
        return {**self.timer_handlers.handlers, **asking}

    async def _ask(self, timer: Timer, at: datetime) -> None:
        await self.reconciler.submit(timer, at)
        await self.reconciler.run_once()

    async def pass_time(self, span: timedelta, step: timedelta = 5 * SECOND) -> None:
        """Let time pass, and do what becomes due meanwhile."""
        until = self.clock.now() + span
        while self.clock.now() < until:
            self.clock.advance(step)
            await self.apply()
            await self.fire_due_timers()

    async def timers(self) -> dict[str, datetime]:
        return dict(await self.rows(select(timers.c.key, timers.c.due_at).order_by(timers.c.key)))

    async def groups(self) -> list[AlertGroup]:
        """Every group, in the order in which they came."""
        records = await self.rows(select(alert_groups.c.record).order_by(alert_groups.c.seen_at, alert_groups.c.id))
        return [load("alert-card", 1, record) for (record,) in records]

    async def group(self) -> AlertGroup:
        (group,) = await self.groups()
        return group

    async def alerts(self, group_id: str) -> dict[str, bool]:
        """Which of the group's alerts fire, by fingerprint."""
        columns = select(alerts.c.fingerprint, alerts.c.firing).where(alerts.c.group_id == group_id)
        return {fingerprint: bool(firing) for fingerprint, firing in await self.rows(columns)}

    async def outbox_entries(self) -> list[OutboxEntry]:
        """Every row of the outbox that is not superseded, in order."""
        columns = (outbox.c.key, outbox.c.channel, outbox.c.low_priority, outbox.c.state, outbox.c.kind, outbox.c.fact)
        rows = await self.rows(select(*columns).where(outbox.c.state != "superseded").order_by(outbox.c.id))
        return [
            OutboxEntry(key, channel, bool(low_priority), state, load(kind, 1, fact))
            for key, channel, low_priority, state, kind, fact in rows
        ]

    async def cards(self) -> list[AlertGroup]:
        return [each.fact for each in await self.outbox_entries() if isinstance(each.fact, AlertGroup)]

    async def notes(self) -> list[str]:
        return [str(each.fact.text) for each in await self.outbox_entries() if isinstance(each.fact, AlertNote)]

    async def storm_cards(self) -> list[StormCard]:
        return [each.fact for each in await self.outbox_entries() if isinstance(each.fact, StormCard)]

    async def answers(self) -> list[str]:
        """The answer of each notification, in order of arrival; empty where it is not applied."""
        return [outcome for (outcome,) in await self.rows(select(inbox.c.outcome).order_by(inbox.c.received_at, inbox.c.key))]

    async def mark_delivered(self) -> None:
        """Mark every pending row as delivered."""
        async with self.store.engines.write.begin() as connection:
            pending = outbox.c.state == "pending"
            await connection.execute(outbox.update().where(pending).values(state="delivered", settled_at=self.clock.now()))

    async def acknowledge(self, group_id: str, by: Member) -> AlertGroup:
        return await self.service.acknowledge(AlertRequest(group=group_id, by=by, source=f"click-{next(iter(self.numbers))}"))

    def _wake(self) -> None:
        self.wakes += 1

    async def rows(self, statement: Any) -> list[Any]:
        async with self.store.engines.read.connect() as connection:
            return list(await connection.execute(statement))


@asynccontextmanager
async def open_alerts_harness(
    store: Store, catalogue: Catalogue | None = None, alertmanagers: Iterable[str] = ()
) -> AsyncIterator[AlertsHarness]:
    """``alertmanagers``: the addresses at which one answers."""
    writer, clock = InboxWriter(store.engines.write), StoppedClock()
    try:
        memory = {address: MemoryAlertmanager(clock) for address in alertmanagers}
        yield AlertsHarness(store, writer, catalogue or alerts_catalogue(), clock, memory)
    finally:
        writer.close()
