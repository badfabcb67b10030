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
from domain.alerts.groups import Told
from domain.alerts.links import links_of
from domain.alerts.routing import place_of, route_of
from domain.alerts.titles import shared_by
from domain.catalogue.alerts import AlertsEntry, WatchdogEntry
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.errors import UNEXPECTED_ERRORS, TemporaryError
from domain.inbound import Delivery
from integrations.alertmanager.webhook import read_notification
from runbooks.alerts.batch import Ledger, without
from runbooks.alerts.timers import watchdog_timer
from storage.store import Store, Transaction

log = structlog.get_logger()

BATCH = 64
"""Notifications that share one transaction."""
LOOK_SECONDS = 1.0
"""Between looks for what another replica kept, or a process before this one."""

WATCHDOG_RULE = "watchdog"


class _NotApplied(Exception):
    """Applying these notifications, the keys of whose deliveries this names, failed for a reason of their own."""

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__(", ".join(keys))
        self.keys = keys


class AlertIntake:
    """Applies notifications. ``nudge`` tells the delivery that the outbox has something new."""

    def __init__(self, store: Store, clock: Clock, catalogue: Callable[[], Catalogue], nudge: Callable[[], None]) -> None:
        self._store, self._clock, self._catalogue, self._nudge = store, clock, catalogue, nudge
        self._woken = asyncio.Event()
        self._watched: AlertsEntry | None = None
        self.backlog = 0
        """Notifications that are kept and not applied yet, as far as this replica knows."""
        self.applied = 0
        self.set_aside = 0

    def kept(self) -> None:
        """Another notification is on the disk."""
        self.backlog += 1
        self._woken.set()

    async def keep(self) -> NoReturn:
        """Apply whatever there is, for as long as the process lives."""
        while True:
            self._woken.clear()
            if not await self._look():
                await self._rest()

    async def apply_some(self) -> int:
        """Apply the oldest notifications in one transaction; how many. Raises ``TemporaryError``."""
        try:
            return await self._apply(BATCH)
        except _NotApplied:
            log.warning("a batch of notifications cannot be applied together; they are taken one by one")
        return await self._one_by_one()

    async def begin_watching(self) -> None:
        """The time of each watchdog that nobody watches runs from now: what no process could hear is nobody's silence.

        Where another replica watches already, its time goes on.
        """
        entry = self._catalogue().alerts
        at = self._clock.now()
        async with self._store.write() as tx:
            for watchdog in entry.watchdogs if entry else ():
                await tx.timers.set_unless_running(watchdog_timer(watchdog, at), at)
        self._watched = entry

    async def tell(self, tx: Transaction, notification: Notification, watchdog: WatchdogEntry, at: datetime) -> None:
        """Within a transaction: what the bot itself has to tell of a watchdog, as if Alertmanager had."""
        catalogue = self._catalogue()
        if catalogue.alerts is None:
            return
        await tx.alerts.alone()
        ledger, source = _ledger(tx, catalogue.alerts, catalogue), f"{watchdog.name}/{at.isoformat()}"
        await ledger.open([(source, notification)], at)
        await ledger.hear(_of_watchdog(_told(notification, at, catalogue), watchdog), source)
        await ledger.write(at)

    async def _look(self) -> bool:
        """Whether more is likely to be there at once."""
        try:
            if self._catalogue().alerts is not self._watched:
                await self.begin_watching()
            if not self.backlog:
                async with self._store.read() as tx:
                    self.backlog = await tx.inbox.backlog()
            return self.backlog > 0 and await self.apply_some() > 0
        except TemporaryError as error:
            # They stay on the disk; the next look finds them.
            log.warning("notifications have to wait", error=str(error))
            return False

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _apply(self, limit: int) -> int:
        # One catalogue for all of it: a reload in between must not take away what the first half was read by.
        catalogue, at = self._catalogue(), self._clock.now()
        if catalogue.alerts is None:
            return 0
        async with self._store.write() as tx:
            await tx.alerts.alone()
            deliveries = await tx.inbox.notifications(limit=limit)
            keys = [each.key for each in deliveries]
            try:
                await self._apply_these(tx, catalogue, catalogue.alerts, deliveries, at)
            except UNEXPECTED_ERRORS as error:
                raise _NotApplied(keys) from error
            await tx.inbox.applied(keys, at, "applied")
            self.backlog = await tx.inbox.backlog()
        self.applied += len(deliveries)
        self._nudge()
        return len(deliveries)

    async def _one_by_one(self) -> int:
        """Until one fails; that one is set aside. How many are done with."""
        done = 0
        try:
            while done < BATCH and await self._apply(1):
                done += 1
        except _NotApplied as failed:
            async with self._store.write() as tx:
                await tx.inbox.applied(failed.keys, self._clock.now(), "set aside")
                self.backlog = await tx.inbox.backlog()
            self.set_aside += 1
            log.exception("a notification was set aside", keys=failed.keys)
            done += 1
        return done

    async def _apply_these(
        self, tx: Transaction, catalogue: Catalogue, entry: AlertsEntry, deliveries: Sequence[Delivery], at: datetime
    ) -> None:
        heard = []
        for delivery in deliveries:
            heard.append((delivery, read_notification(delivery.body)))
            await asyncio.sleep(0)  # reading thousands of alerts takes a while; the door must not wait for all of them
        ledger = _ledger(tx, entry, catalogue)
        signs = [("", watchdogs.back(watchdog, at)) for watchdog in entry.watchdogs]
        since = min((each.received_at for each in deliveries), default=at)
        await ledger.open([(delivery.key, notification) for delivery, notification in heard] + signs, since)
        for delivery, notification in heard:
            rest = await _hear_watchdogs(tx, ledger, catalogue, delivery, notification)
            if rest.alerts:
                await ledger.hear(_told(rest, delivery.received_at, catalogue), delivery.key)
            await asyncio.sleep(0)
        await ledger.write(at)


async def _hear_watchdogs(
    tx: Transaction, ledger: Ledger, catalogue: Catalogue, delivery: Delivery, notification: Notification
) -> Notification:
    """The notification without its watchdogs, which are no news while they arrive."""
    at = delivery.received_at
    for watchdog in catalogue.alerts.watchdogs if catalogue.alerts else ():
        fingerprints = watchdogs.heard(watchdog, notification)
        if watchdogs.firing(notification, fingerprints):
            await tx.timers.set(watchdog_timer(watchdog, at))
            sign = _told(watchdogs.back(watchdog, at), at, catalogue)
            await ledger.hear(_of_watchdog(sign, watchdog), delivery.key)
        notification = without(notification, fingerprints)
    return notification


def _told(notification: Notification, at: datetime, catalogue: Catalogue) -> Told:
    firing = [each.labels for each in notification.alerts if each.firing]
    labels = firing or [each.labels for each in notification.alerts]
    place = place_of({**notification.group_labels, **shared_by(labels)}, catalogue)
    return Told(
        notification=notification,
        at=at,
        environment=place.environment,
        service=place.service,
        route=route_of(labels, catalogue),
    )


def _ledger(tx: Transaction, entry: AlertsEntry, catalogue: Catalogue) -> Ledger:
    return Ledger(tx, entry, partial(links_of, catalogue=catalogue))


def _of_watchdog(told: Told, watchdog: WatchdogEntry) -> Told:
    """Its severity is the catalogue's own; the route says the rest."""
    return replace(told, route=replace(told.route, rule=WATCHDOG_RULE, severity=watchdog.severity))
