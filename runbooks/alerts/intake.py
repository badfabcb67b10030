"""What Alertmanager told becomes true: kept notifications are taken in order, many at a time, by one replica at a time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import NoReturn

import structlog

from domain.alerts import watchdogs
from domain.alerts.alerts import Notification
from domain.alerts.groups import RoutedNotification
from domain.alerts.links import links_of
from domain.alerts.routing import location_of, route_of
from domain.alerts.titles import shared_by
from domain.catalogue.alerts import AlertsConfig, WatchdogConfig
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.errors import UNEXPECTED_ERRORS, TemporaryError
from domain.inbound import InboundMessage
from integrations.alertmanager.webhook import parse_notification
from runbooks.alerts.batch import GroupBatch, without_alerts
from runbooks.alerts.timers import watchdog_timer
from storage.store import Store, Transaction

log = structlog.get_logger()

BATCH_SIZE = 64
"""Notifications that share one transaction."""
INBOX_POLL_INTERVAL = 1.0
"""Between looks for what another replica kept, or a process before this one."""

WATCHDOG_RULE = "watchdog"


class _NotApplied(Exception):
    """Applying these notifications, the keys of whose deliveries this names, failed for a reason of their own."""

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__(", ".join(keys))
        self.keys = keys


class NotificationProcessor:
    """Applies notifications. ``nudge`` tells the delivery that the outbox has something new."""

    def __init__(self, store: Store, clock: Clock, catalogue: Callable[[], Catalogue], notify_outbox: Callable[[], None]) -> None:
        self._store, self._clock, self._catalogue, self._notify_outbox = store, clock, catalogue, notify_outbox
        self._woken = asyncio.Event()
        self._watched_config: AlertsConfig | None = None
        self.backlog = 0
        """Notifications that are kept and not applied yet, as far as this replica knows."""
        self.applied = 0
        self.set_aside = 0

    def on_stored(self) -> None:
        """Another notification is on the disk."""
        self.backlog += 1
        self._woken.set()

    async def run(self) -> NoReturn:
        """Apply whatever there is, for as long as the process lives."""
        while True:
            self._woken.clear()
            if not await self._run_once():
                await self._wait()

    async def apply_batch(self) -> int:
        """Apply the oldest notifications in one transaction; how many. Raises ``TemporaryError``."""
        try:
            return await self._apply(BATCH_SIZE)
        except _NotApplied:
            log.warning("notification batch failed, applying one by one")
        return await self._apply_one_by_one()

    async def start_watchdogs(self) -> None:
        """The time of each watchdog that nobody watches runs from now: what no process could hear is nobody's silence.

        Where another replica watches already, its time goes on.
        """
        entry = self._catalogue().alerts
        at = self._clock.now()
        async with self._store.write() as tx:
            for watchdog in entry.watchdogs if entry else ():
                await tx.timers.set_unless_running(watchdog_timer(watchdog, at), at)
        self._watched_config = entry

    async def raise_own_alert(self, tx: Transaction, notification: Notification, watchdog: WatchdogConfig, at: datetime) -> None:
        """Within a transaction: what the bot itself has to tell of a watchdog, as if Alertmanager had."""
        catalogue = self._catalogue()
        if catalogue.alerts is None:
            return
        await tx.alerts.lock_exclusively()
        batch, source = _new_batch(tx, catalogue.alerts, catalogue), f"{watchdog.name}/{at.isoformat()}"
        await batch.load([(source, notification)], at)
        await batch.apply(_with_watchdog_route(_route_notification(notification, at, catalogue), watchdog), source)
        await batch.write(at)

    async def _run_once(self) -> bool:
        """Whether more is likely to be there at once."""
        try:
            if self._catalogue().alerts is not self._watched_config:
                await self.start_watchdogs()
            if not self.backlog:
                async with self._store.read() as tx:
                    self.backlog = await tx.inbox.backlog()
            return self.backlog > 0 and await self.apply_batch() > 0
        except TemporaryError as error:
            # They stay on the disk; the next look finds them.
            log.warning("applying notifications failed, retrying", error=str(error))
            return False

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(INBOX_POLL_INTERVAL):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _apply(self, limit: int) -> int:
        # One catalogue for all of it: a reload in between must not take away what the first half was read by.
        catalogue, at = self._catalogue(), self._clock.now()
        if catalogue.alerts is None:
            return 0
        async with self._store.write() as tx:
            await tx.alerts.lock_exclusively()
            messages = await tx.inbox.notifications(limit=limit)
            keys = [each.key for each in messages]
            try:
                await self._apply_messages(tx, catalogue, catalogue.alerts, messages, at)
            except UNEXPECTED_ERRORS as error:
                raise _NotApplied(keys) from error
            await tx.inbox.mark_applied(keys, at, "applied")
            self.backlog = await tx.inbox.backlog()
        self.applied += len(messages)
        self._notify_outbox()
        return len(messages)

    async def _apply_one_by_one(self) -> int:
        """Until one fails; that one is set aside. How many are done with."""
        done = 0
        try:
            while done < BATCH_SIZE and await self._apply(1):
                done += 1
        except _NotApplied as failed:
            async with self._store.write() as tx:
                await tx.inbox.mark_applied(failed.keys, self._clock.now(), "set aside")
                self.backlog = await tx.inbox.backlog()
            self.set_aside += 1
            log.exception("notification set aside", keys=failed.keys)
            done += 1
        return done

    async def _apply_messages(
        self, tx: Transaction, catalogue: Catalogue, entry: AlertsConfig, messages: Sequence[InboundMessage], at: datetime
    ) -> None:
        parsed = []
        for message in messages:
            parsed.append((message, parse_notification(message.body)))
            await asyncio.sleep(0)  # reading thousands of alerts takes a while; the door must not wait for all of them
        batch = _new_batch(tx, entry, catalogue)
        watchdog_recoveries = [("", watchdogs.recovered_notification(watchdog, at)) for watchdog in entry.watchdogs]
        since = min((each.received_at for each in messages), default=at)
        await batch.load([(message.key, notification) for message, notification in parsed] + watchdog_recoveries, since)
        for message, notification in parsed:
            remaining = await _process_watchdogs(tx, batch, catalogue, message, notification)
            if remaining.alerts:
                await batch.apply(_route_notification(remaining, message.received_at, catalogue), message.key)
            await asyncio.sleep(0)
        await batch.write(at)


async def _process_watchdogs(
    tx: Transaction, batch: GroupBatch, catalogue: Catalogue, message: InboundMessage, notification: Notification
) -> Notification:
    """The notification without its watchdogs, which are no news while they arrive."""
    at = message.received_at
    for watchdog in catalogue.alerts.watchdogs if catalogue.alerts else ():
        fingerprints = watchdogs.watchdog_fingerprints(watchdog, notification)
        if watchdogs.is_firing(notification, fingerprints):
            await tx.timers.set(watchdog_timer(watchdog, at))
            recovery = _route_notification(watchdogs.recovered_notification(watchdog, at), at, catalogue)
            await batch.apply(_with_watchdog_route(recovery, watchdog), message.key)
        notification = without_alerts(notification, fingerprints)
    return notification


def _route_notification(notification: Notification, at: datetime, catalogue: Catalogue) -> RoutedNotification:
    firing = [each.labels for each in notification.alerts if each.firing]
    labels = firing or [each.labels for each in notification.alerts]
    location = location_of({**notification.group_labels, **shared_by(labels)}, catalogue)
    return RoutedNotification(
        notification=notification,
        at=at,
        environment=location.environment,
        service=location.service,
        route=route_of(labels, catalogue),
    )


def _new_batch(tx: Transaction, entry: AlertsConfig, catalogue: Catalogue) -> GroupBatch:
    return GroupBatch(tx, entry, partial(links_of, catalogue=catalogue))


def _with_watchdog_route(routed: RoutedNotification, watchdog: WatchdogConfig) -> RoutedNotification:
    """Its severity is the catalogue's own; the route says the rest."""
    return replace(routed, route=replace(routed.route, rule=WATCHDOG_RULE, severity=watchdog.severity))
