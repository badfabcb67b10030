"""Applies stored Alertmanager notifications in order of arrival, in batches, on one replica at a time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import NoReturn

import structlog

from domain.alerts import watchdogs
from domain.alerts.alerts import Notification
from domain.alerts.groups import RoutedNotification
from domain.alerts.links import links_of
from domain.alerts.routing import labels_read, location_of, route_of
from domain.alerts.stored_alerts import stored_alert
from domain.alerts.titles import shared_by
from domain.catalogue.alerts import AlertsConfig, WatchdogConfig
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.errors import UNEXPECTED_ERRORS
from domain.inbound import InboundMessage
from integrations.alertmanager.webhook import parse_notification
from runbooks.alerts.batch import GroupBatch, without_alerts
from runbooks.alerts.senders import look_for_new_senders
from runbooks.alerts.timers import watchdog_timer
from runbooks.periodic import run_periodically
from storage.store import Store, Transaction

log = structlog.get_logger()

BATCH_SIZE = 64
"""Maximum number of notifications in one transaction."""
INBOX_POLL_INTERVAL = timedelta(seconds=1)
"""How often to poll for notifications that another replica, or an earlier process, has stored."""

WATCHDOG_RULE = "watchdog"


class _NotApplied(Exception):
    """Notifications, given by their inbox ``keys``, could not be applied because of their content."""

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__(", ".join(keys))
        self.keys = keys


class NotificationProcessor:
    """Applies stored notifications to alert groups. ``notify_outbox`` wakes the outbox worker."""

    def __init__(self, store: Store, clock: Clock, catalogue: Callable[[], Catalogue], notify_outbox: Callable[[], None]) -> None:
        self._store, self._clock, self._catalogue, self._notify_outbox = store, clock, catalogue, notify_outbox
        self._woken = asyncio.Event()
        self._watched_config: AlertsConfig | None = None
        self.backlog = 0
        """Stored notifications that are not applied yet, as far as this replica knows."""
        self.applied = 0
        self.set_aside = 0

    def on_stored(self) -> None:
        """Count another stored notification and wake the processor."""
        self.backlog += 1
        self._woken.set()

    async def run(self) -> NoReturn:
        """Apply notifications as they arrive, until the process ends."""
        await run_periodically("applying notifications", INBOX_POLL_INTERVAL, self._run_once, wake=self._woken)

    async def apply_batch(self) -> int:
        """Apply the oldest notifications in one transaction. Returns their number. Raises ``TemporaryError``."""
        try:
            return await self._apply(BATCH_SIZE)
        except _NotApplied:
            log.warning("notification batch failed, applying one by one")
        return await self._apply_one_by_one()

    async def start_watchdogs(self) -> None:
        """Start the timers of watchdogs from now: while no process was running, no watchdog could arrive.

        A timer that already runs, on behalf of another replica, is left as it is.
        """
        entry = self._catalogue().alerts
        at = self._clock.now()
        async with self._store.write() as tx:
            for watchdog in entry.watchdogs if entry else ():
                await tx.timers.set_unless_running(watchdog_timer(watchdog, at), at)
        self._watched_config = entry

    async def raise_own_alert(self, tx: Transaction, notification: Notification, watchdog: WatchdogConfig, at: datetime) -> None:
        """Apply the bot's own notification about a watchdog, as if it came from Alertmanager. Call it within a transaction."""
        catalogue = self._catalogue()
        if catalogue.alerts is None:
            return
        routed = _with_watchdog_route(_route_notification(notification, at, catalogue), watchdog)
        await self.apply_own(tx, routed, f"{watchdog.name}/{at.isoformat()}")

    async def apply_own(self, tx: Transaction, routed: RoutedNotification, source: str) -> None:
        """Apply a notification of the bot's own whose route is decided. ``source`` names it; the same one opens one group."""
        catalogue = self._catalogue()
        if catalogue.alerts is None:
            return
        await tx.alerts.lock_exclusively()
        batch = _new_batch(tx, catalogue.alerts, catalogue)
        await batch.load([(source, routed.notification)], routed.at)
        await batch.apply(routed, source)
        await batch.write(routed.at)

    async def _run_once(self) -> float | None:
        """Apply a batch. Returns 0, to be called again at once, where more notifications may be waiting."""
        if self._catalogue().alerts is not self._watched_config:
            await self.start_watchdogs()
        if not self.backlog:
            async with self._store.read() as tx:
                self.backlog = await tx.inbox.backlog()
        return 0 if self.backlog > 0 and await self.apply_batch() > 0 else None

    async def _apply(self, limit: int) -> int:
        # One catalogue for the whole batch, also if it is reloaded in between.
        catalogue, at = self._catalogue(), self._clock.now()
        if catalogue.alerts is None:
            return 0
        async with self._store.write() as tx:
            # Before the read: on several replicas, notifications would otherwise be applied out of order.
            await tx.alerts.lock_exclusively()
            messages = await tx.inbox.notifications(limit=limit)
            keys = [message.key for message in messages]
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
        """Apply notifications one by one; set the first that fails aside and stop. Returns the number done."""
        done = 0
        try:
            while done < BATCH_SIZE and await self._apply(1):
                done += 1
        except _NotApplied as failed:
            async with self._store.write() as tx:
                await tx.inbox.mark_applied(failed.keys, self._clock.now(), "set aside")
                self.backlog = await tx.inbox.backlog()
            self.set_aside += 1
            log.exception("notification set aside", inbound=failed.keys)
            done += 1
        return done

    async def _apply_messages(
        self, tx: Transaction, catalogue: Catalogue, entry: AlertsConfig, messages: Sequence[InboundMessage], at: datetime
    ) -> None:
        parsed = []
        for message in messages:
            parsed.append((message, replace(parse_notification(message.body), source=message.source)))
            await asyncio.sleep(0)  # parsing thousands of alerts takes a while; let the webhook answer in between
        batch = _new_batch(tx, entry, catalogue)
        watchdog_recoveries = [("", watchdogs.recovered_notification(watchdog, at)) for watchdog in entry.watchdogs]
        since = min((message.received_at for message in messages), default=at)
        await batch.load([(message.key, notification) for message, notification in parsed] + watchdog_recoveries, since)
        for message, notification in parsed:
            remaining = await _process_watchdogs(tx, batch, catalogue, message, notification)
            if remaining.alerts:
                await batch.apply(_route_notification(remaining, message.received_at, catalogue), message.key)
            await asyncio.sleep(0)
        await batch.write(at)
        await look_for_new_senders(tx, batch.opened, catalogue, at)


async def _process_watchdogs(
    tx: Transaction, batch: GroupBatch, catalogue: Catalogue, message: InboundMessage, notification: Notification
) -> Notification:
    """Restart the timers of firing watchdogs. Returns the notification without its watchdogs, which get no card."""
    at = message.received_at
    for watchdog in catalogue.alerts.watchdogs if catalogue.alerts else ():
        fingerprints = watchdogs.watchdog_fingerprints(watchdog, notification)
        if watchdogs.is_firing(notification, fingerprints):
            await tx.timers.set(watchdog_timer(watchdog, at), at)
            recovery = _route_notification(watchdogs.recovered_notification(watchdog, at), at, catalogue)
            await batch.apply(_with_watchdog_route(recovery, watchdog), message.key)
        notification = without_alerts(notification, fingerprints)
    return notification


def _route_notification(notification: Notification, at: datetime, catalogue: Catalogue) -> RoutedNotification:
    """Decide by all labels of the alerts; what is stored of them is limited afterwards."""
    firing = [alert.labels for alert in notification.alerts if alert.firing]
    labels = firing or [alert.labels for alert in notification.alerts]
    location = location_of({**notification.group_labels, **shared_by(labels)}, catalogue, notification.source)
    names = labels_read(catalogue)
    alerts = (stored_alert(alert, route_of([alert.labels], catalogue), names) for alert in notification.alerts)
    return RoutedNotification(
        notification=replace(notification, alerts=tuple(alerts)),
        at=at,
        environment=location.environment,
        service=location.service,
        route=route_of(labels, catalogue),
        can_ask=bool(catalogue.alertmanagers_of(location.environment, notification.source)),
    )


def _new_batch(tx: Transaction, entry: AlertsConfig, catalogue: Catalogue) -> GroupBatch:
    return GroupBatch(tx, entry, partial(links_of, catalogue=catalogue), has_incidents=catalogue.incidents is not None)


def _with_watchdog_route(routed: RoutedNotification, watchdog: WatchdogConfig) -> RoutedNotification:
    """Replace the route's severity by that of the watchdog in the catalogue."""
    route = replace(routed.route, rule=WATCHDOG_RULE, severity=watchdog.severity)
    alerts = tuple(replace(alert, route=route) for alert in routed.notification.alerts)
    return replace(routed, route=route, notification=replace(routed.notification, alerts=alerts))
