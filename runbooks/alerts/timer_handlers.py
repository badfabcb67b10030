"""What is due of alerts: acknowledgements and silences that run out, groups that are steady again, storms, watchdogs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.alerts import watchdogs
from domain.alerts.alerts import AlertGroup
from domain.alerts.groups import GroupChange, steady
from domain.alerts.handling import unacknowledge, unsilence
from domain.catalogue.alerts import AlertsEntry
from domain.catalogue.catalogue import Catalogue
from runbooks.alerts.intake import AlertIntake
from runbooks.alerts.timers import STEADY_LOOK, STORM_OVER, UNACKNOWLEDGE, UNSILENCE, WATCHDOG, steady_timer, storm_timer
from runbooks.timers import Handler
from storage.outbox_messages import storm_card
from storage.store import Store, Transaction
from storage.timers import Timer

A_WHILE = timedelta(seconds=5)
"""For notifications that are kept to be applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertClocks:
    """Handlers for the alerts' timers. Each does its work and ends its timer in one transaction."""

    store: Store
    catalogue: Callable[[], Catalogue]
    intake: AlertIntake
    nudge: Callable[[], None]

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """By the kind of the timer."""
        return {
            UNACKNOWLEDGE: self._unacknowledge,
            UNSILENCE: self._unsilence,
            STEADY_LOOK: self._steady,
            STORM_OVER: self._storm_over,
            WATCHDOG: self._watchdog,
        }

    async def _unacknowledge(self, timer: Timer, at: datetime) -> None:
        await self._care(timer, at, lambda group: unacknowledge(group, at))

    async def _unsilence(self, timer: Timer, at: datetime) -> None:
        await self._care(timer, at, lambda group: unsilence(group, at, None))

    async def _care(self, timer: Timer, at: datetime, care: Callable[[AlertGroup], GroupChange | None]) -> None:
        async with self.store.write() as tx:
            group = (await tx.alerts.groups([timer.subject])).get(timer.subject)
            change = care(group) if group is not None else None
            if change is not None:
                await tx.apply_group(change, at)
            await tx.timers.done(timer.key, timer.due_at)
        self.nudge()

    async def _steady(self, timer: Timer, at: datetime) -> None:
        """A group that still flaps is looked at again later."""
        entry = self.catalogue().alerts
        async with self.store.write() as tx:
            # The group first, as whoever applies notifications: nobody may wait for the other.
            group = (await tx.alerts.groups([timer.subject])).get(timer.subject)
            await tx.timers.done(timer.key, timer.due_at)
            if group is None or entry is None or not group.flapping:
                return
            change = steady(group, at, entry)
            if change is None:
                await tx.timers.set(steady_timer(group.id, at, entry))
            else:
                await tx.apply_group(change, at)
        self.nudge()

    async def _storm_over(self, timer: Timer, at: datetime) -> None:
        """No group has come for a while: the next one begins anew. Groups that fire still go on counting on the card."""
        entry = self.catalogue().alerts
        async with self.store.write() as tx:
            await tx.alerts.alone()
            await tx.timers.done(timer.key, timer.due_at)
            storm = await tx.storms.get(timer.subject)
            if storm is None or storm.ended_at is not None or entry is None:
                return
            if at - storm.last_at <= entry.storm_quiet:
                await tx.timers.set(storm_timer(storm, entry))
                return
            ended = replace(storm, ended_at=at)
            await tx.storms.save(ended)
            await tx.outbox.put(storm_card(await tx.storms.card(ended, at), quiet=True), at=at)
        self.nudge()

    async def _watchdog(self, timer: Timer, at: datetime) -> None:
        """It has stayed away too long. One that is no longer in the catalogue, or arrived at the last moment, is not missed."""
        async with self.store.write() as tx:
            await tx.alerts.alone()
            if await tx.inbox.backlog():
                # It may be among what is kept and not applied yet.
                await tx.timers.set(replace(timer, due_at=at + A_WHILE))
            elif await tx.timers.done(timer.key, timer.due_at):
                await self._miss(tx, timer, at, self.catalogue().alerts)
        self.nudge()

    async def _miss(self, tx: Transaction, timer: Timer, at: datetime, entry: AlertsEntry | None) -> None:
        for watchdog in entry.watchdogs if entry else ():
            if watchdog.name == timer.subject:
                await self.intake.tell(tx, watchdogs.missing(watchdog, at), watchdog, at)
