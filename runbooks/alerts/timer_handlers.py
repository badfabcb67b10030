"""Timer handlers of alerts: end acknowledgements, silences, flapping and storms; report missing watchdogs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.alerts import watchdogs
from domain.alerts.groups import end_flapping
from domain.alerts.handling import expire_acknowledgement, unsilence
from domain.alerts.silence_endings import IS_OVER
from domain.catalogue.alerts import AlertsConfig
from domain.catalogue.catalogue import Catalogue
from domain.clock import has_passed
from runbooks.alerts.intake import NotificationProcessor
from runbooks.alerts.silence_records import say_decided
from runbooks.alerts.timers import (
    FLAPPING_CHECK,
    STORM_OVER,
    UNACKNOWLEDGE,
    UNSILENCE,
    WATCHDOG,
    flapping_check_timer,
    reconcile_soon,
    storm_timer,
)
from runbooks.timers import TimerHandler
from storage.group_saves import GroupSave, StormSave
from storage.store import Store, Transaction
from storage.timers import Timer

RECHECK_DELAY = timedelta(seconds=5)
"""How long to wait for stored notifications to be applied before a watchdog is checked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTimerHandlers:
    """Handlers by timer kind. Each does its work and removes its timer in one transaction."""

    store: Store
    catalogue: Callable[[], Catalogue]
    intake: NotificationProcessor
    notify_outbox: Callable[[], None]

    @property
    def handlers(self) -> Mapping[str, TimerHandler]:
        """Handlers by timer kind."""
        return {
            UNACKNOWLEDGE: self._unacknowledge,
            UNSILENCE: self._unsilence,
            FLAPPING_CHECK: self._check_flapping,
            STORM_OVER: self._end_storm,
            WATCHDOG: self._check_watchdog,
        }

    async def _unacknowledge(self, timer: Timer, at: datetime) -> None:
        async with self.store.write() as tx:
            group = (await tx.alerts.get_many_for_update([timer.subject])).get(timer.subject)
            change = expire_acknowledgement(group, at, timer.due_at) if group is not None else None
            if change is not None:
                await tx.save_groups([GroupSave(change=change)], at)
            await tx.timers.remove(timer.key, timer.due_at)
        self.notify_outbox()

    async def _unsilence(self, timer: Timer, at: datetime) -> None:
        """End a silence whose time is over, and compare the group with what Alertmanager lists then."""
        async with self.store.write() as tx:
            group = (await tx.alerts.get_many_for_update([timer.subject])).get(timer.subject)
            if group is not None and group.silence is not None and group.silence.extension is not None:
                return  # Alertmanager may have the later end already; the timer comes again when that is known.
            change = unsilence(group, at, None) if group is not None else None
            if group is not None and change is not None:
                await tx.save_groups([GroupSave(change=change)], at)
                await say_decided(tx, change.record, group.silence, IS_OVER, at)
                await reconcile_soon(tx, change.record, self.catalogue(), at)
            await tx.timers.remove(timer.key, timer.due_at)
        self.notify_outbox()

    async def _check_flapping(self, timer: Timer, at: datetime) -> None:
        """End the flapping of a group that is steady; check one that still flaps again later."""
        entry = self.catalogue().alerts
        async with self.store.write() as tx:
            # Lock the group before the timer, in the same order as intake, to avoid a deadlock.
            group = (await tx.alerts.get_many_for_update([timer.subject])).get(timer.subject)
            await tx.timers.remove(timer.key, timer.due_at)
            if group is None or entry is None or not group.flapping:
                return
            change = end_flapping(group, at, entry)
            if change is None:
                await tx.timers.set(flapping_check_timer(group.id, at, entry), at)
            else:
                await tx.save_groups([GroupSave(change=change)], at)
        self.notify_outbox()

    async def _end_storm(self, timer: Timer, at: datetime) -> None:
        """End a storm that no group has joined for a while. Its firing groups stay on its card; new groups start a new count."""
        entry = self.catalogue().alerts
        async with self.store.write() as tx:
            # The intake lock, as intake may be folding another group into this storm right now.
            await tx.alerts.lock_exclusively()
            await tx.timers.remove(timer.key, timer.due_at)
            storm = await tx.storms.get(timer.subject)
            if storm is None or storm.ended_at is not None or entry is None:
                return
            if not has_passed(entry.storm_quiet, storm.last_at, at):
                await tx.timers.set(storm_timer(storm, entry), at)
                return
            ended = StormSave(id=storm.id, storm=replace(storm, ended_at=at), changed=True)
            await tx.save_groups([], at, storms=[ended])
        self.notify_outbox()

    async def _check_watchdog(self, timer: Timer, at: datetime) -> None:
        """Report a missing watchdog, unless it has just arrived or is no longer in the catalogue."""
        async with self.store.write() as tx:
            await tx.alerts.lock_exclusively()
            if await tx.inbox.backlog():
                # The watchdog may be among the stored notifications that are not applied yet.
                await tx.timers.set(replace(timer, due_at=at + RECHECK_DELAY), at)
            elif await tx.timers.remove(timer.key, timer.due_at):
                await self._raise_missing(tx, timer, at, self.catalogue().alerts)
        self.notify_outbox()

    async def _raise_missing(self, tx: Transaction, timer: Timer, at: datetime, entry: AlertsConfig | None) -> None:
        for watchdog in entry.watchdogs if entry else ():
            if watchdog.name == timer.subject:
                await self.intake.raise_own_alert(tx, watchdogs.missing_notification(watchdog, at), watchdog, at)
