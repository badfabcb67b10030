"""Tells people before a silence ends: its owner, and at night whoever is on call."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.alerts import silence_endings
from domain.alerts.alerts import AlertGroup, ToldOfEnd
from domain.alerts.group_changes import GroupChange
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.errors import DeepechoError
from domain.oncall.schedule import on_call
from domain.people import Person
from domain.wall_clock import local_time
from runbooks.alerts.service import AlertmanagerLookup
from runbooks.alerts.timers import SILENCE_ENDING_AT_NIGHT
from storage.group_saves import GroupSave
from storage.oncall import OncallRepository
from storage.silence_messages import silence_ending
from storage.store import Store, Transaction
from storage.timers import Timer


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceReminders:
    """Works on the timers of silences that end soon. What each hides then, only Alertmanager knows."""

    store: Store
    clock: Clock
    catalogue: Callable[[], Catalogue]
    alertmanager: AlertmanagerLookup
    notify_outbox: Callable[[], None]

    async def work(self, timer: Timer) -> None:
        """Tell whom the timer is for. Raises ``TemporaryError`` if the database does not answer; the timer stays then."""
        async with self.store.read() as tx:
            group = await tx.alerts.get(timer.subject)
        hidden = await self._hidden(group) if group is not None and group.silence is not None else None
        async with self.store.write() as tx:
            at = self.clock.now()
            group = (await tx.alerts.get_many_for_update([timer.subject])).get(timer.subject)
            if not await tx.timers.remove(timer.key, timer.due_at) or group is None:
                return
            for told in await self._receivers(tx, timer, group, hidden, at):
                await _tell(tx, group, told, hidden, at)
        self.notify_outbox()

    async def _hidden(self, group: AlertGroup) -> int | None:
        """How many alerts the silence hides; None where Alertmanager does not say so."""
        applied = group.silence
        try:
            alerts = await self.alertmanager(group.environment, group.source).alert_details()
        except DeepechoError:
            return None
        return sum(applied.id in each.silenced_by for each in alerts) if applied else None

    async def _receivers(
        self, tx: Transaction, timer: Timer, group: AlertGroup, hidden: int | None, at: datetime
    ) -> tuple[ToldOfEnd, ...]:
        """Nobody if the silence is over, or is not the one that the timer was set for."""
        applied = group.silence
        if applied is None or at >= applied.until:
            return ()
        if timer.kind != SILENCE_ENDING_AT_NIGHT:
            is_decided = applied.let_end_by is not None
            is_meant = silence_endings.owner_time(applied) == timer.due_at
            return (ToldOfEnd(person=applied.owner),) if is_meant and not is_decided else ()
        if hidden == 0 or silence_endings.on_call_time(applied) != timer.due_at:
            return ()
        return await self._on_call_at_night(tx, group, applied.until, at)

    async def _on_call_at_night(self, tx: Transaction, group: AlertGroup, until: datetime, at: datetime) -> tuple[ToldOfEnd, ...]:
        """The first who is on call for the group's service, where it is night for their team when the silence ends."""
        catalogue = self.catalogue()
        team = catalogue.team_of(group.service)
        if catalogue.alerts is None or team not in catalogue.oncall:
            return ()
        if not catalogue.alerts.night.includes(local_time(until, ZoneInfo(catalogue.oncall[team].zone))):
            return ()
        names = on_call(await tx.of(OncallRepository).roster(catalogue, team, at), at)
        known = [catalogue.people[name].slack for name in names if name in catalogue.people]
        return tuple(ToldOfEnd(person=Person(each, catalogue.workspaces[0]), team=team) for each in known[:1])


async def _tell(tx: Transaction, group: AlertGroup, told: ToldOfEnd, hidden: int | None, at: datetime) -> None:
    """Tell one person, and record it: the message shows a decision later."""
    applied = group.silence
    if applied is None:
        return
    fact = silence_endings.ending(group, applied, told, hidden=hidden)
    await tx.put_message(silence_ending(group, fact), at)
    change = GroupChange(record=silence_endings.tell(group, applied, told))
    await tx.save_groups([GroupSave(change=change, card_unchanged=True)], at)
