"""Looks what is new under our silences, since Alertmanager notifies nobody of it, and lifts them or says so.

What trips a silence is recorded and said in one transaction, before the silence is lifted: wherever the process dies, the next
one goes on from the record, and says nothing twice.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.alerts import tripwires
from domain.alerts.alerts import AlertGroup, AppliedSilence
from domain.alerts.group_changes import GroupChange
from domain.alerts.silence_endings import ENDED_ELSEWHERE, ended_elsewhere
from domain.alerts.silences import SAME_TIME, AlertDetails, OnNew, Silence
from domain.alerts.tripwires import HiddenAlert, Tripwire
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock, has_passed
from domain.errors import DeepechoError
from domain.matchers import group_matchers
from domain.people import BOT
from runbooks.alerts.audit import group_entry
from runbooks.alerts.service import AlertmanagerLookup
from runbooks.alerts.silence_records import forget_silence, say_decided, with_severity
from runbooks.alerts.timers import CHECK_INTERVAL, reconcile_soon, tripwires_timer
from storage.group_saves import GroupSave
from storage.store import Store, Transaction
from storage.timers import Timer
from storage.tripwires import TripwireRepository

TRIPWIRE_SECONDS = 25.0
"""For all requests about one place."""
SETTLING_TIME = timedelta(minutes=1)
"""A silence that is younger, or whose Alertmanager is, may be missing in a list and stand all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TripwireSources:
    """What tripwires are compared with."""

    catalogue: Callable[[], Catalogue]
    alertmanager: AlertmanagerLookup


class Tripwires:
    """Checks what its timers name: each environment and source with a silence of ours."""

    def __init__(self, store: Store, clock: Clock, sources: TripwireSources, notify_outbox: Callable[[], None]) -> None:
        self._store, self._clock, self._sources, self._notify_outbox = store, clock, sources, notify_outbox

    async def work(self, timer: Timer) -> None:
        """Check the place of a timer. Raises ``TemporaryError``; the timer stays then, and what was said until then is sent."""
        try:
            await self.check(timer)
        finally:
            self._notify_outbox()

    async def check(self, timer: Timer) -> None:
        """Compare every silence of the place with what it hides now. Raises ``DeepechoError``; the timer stays then.

        A silence that cannot be lifted, or that Alertmanager does not let us end, keeps no other from being looked at.
        """
        environment, _, source = timer.subject.partition("/")
        standing = await self._standing(environment, source)
        hidden = await self._hidden(environment, source) if standing else {}
        failed: list[DeepechoError] = []
        for tripwire in standing:
            try:
                await self._check(tripwire, hidden.get(tripwire.silence_id, ()))
            except DeepechoError as error:
                failed.append(error)
        quiet = [each for each in standing if each.silence_id not in hidden and not each.lifting]
        if quiet:
            await self._notice_ended(environment, source, quiet)
        if failed:
            raise failed[0]
        async with self._store.write() as tx:
            at = self._clock.now()
            is_left = bool(await tx.of(TripwireRepository).standing(environment, source, at))
            if await tx.timers.remove(timer.key, timer.due_at) and is_left:
                await tx.timers.set(tripwires_timer(environment, source, at + CHECK_INTERVAL), at)

    async def _standing(self, environment: str, source: str) -> tuple[Tripwire, ...]:
        async with self._store.read() as tx:
            return await tx.of(TripwireRepository).standing(environment, source, self._clock.now())

    async def _hidden(self, environment: str, source: str) -> Mapping[str, Sequence[AlertDetails]]:
        """What each silence hides, by its id. One that hides nothing is left out."""
        found: dict[str, list[AlertDetails]] = {}
        for alert in await self._sources.alertmanager(environment, source).alert_details():
            for silence_id in alert.silenced_by:
                found.setdefault(silence_id, []).append(alert)
        return found

    async def _notice_ended(self, environment: str, source: str, quiet: Sequence[Tripwire]) -> None:
        """Record of silences that hide nothing whether somebody has ended them in Alertmanager: then alerts notify again."""
        alertmanager, at = self._sources.alertmanager(environment, source), self._clock.now()
        in_force = {each.id for each in await alertmanager.silences() if each.in_force}
        ended = [each for each in quiet if each.silence_id not in in_force]
        # One that has just started may not have heard of its silences yet.
        if not ended or not has_passed(SETTLING_TIME, (await alertmanager.uptime()).started_at, at):
            return
        for tripwire in ended:
            async with self._store.write() as tx:
                group = await _locked(tx, tripwire)
                applied = group.silence if group else None
                if group is None or applied is None or applied.extension or not has_passed(SETTLING_TIME, applied.at, at):
                    continue
                change = ended_elsewhere(group, applied, at)
                await tx.save_groups([GroupSave(change=change, is_said_in_storm=True)], at)
                await say_decided(tx, change.record, applied, ENDED_ELSEWHERE, at)
                await forget_silence(tx, change.record, applied.id, at)
                await reconcile_soon(tx, change.record, self._sources.catalogue(), at)

    async def _check(self, tripwire: Tripwire, held: Sequence[AlertDetails]) -> None:
        if not tripwire.lifting:
            tripped = await self._trip(tripwire, with_severity(held, self._sources.catalogue()))
            if tripped is None:
                return
            tripwire = tripped
        await self._lift(tripwire)

    async def _trip(self, tripwire: Tripwire, hidden: Sequence[HiddenAlert]) -> Tripwire | None:
        """Record and say what is new. The tripwire if its silence is to be lifted now."""
        at = self._clock.now()
        found = tripwires.trip(tripwire, hidden, at)
        if found is None:
            return None
        after = tripwires.tripped(tripwire, found, hidden, at)
        async with self._store.write() as tx:
            group = await _locked(tx, tripwire)
            if group is None:
                return None
            await tx.of(TripwireRepository).put(after)
            await tx.save_groups(
                [GroupSave(change=tripwires.tell(group, tripwire, found, at), card_unchanged=True, is_said_in_storm=True)], at
            )
        return after if after.lifting else None

    async def _lift(self, tripwire: Tripwire) -> None:
        """End the silence in Alertmanager if it is as it was made, then in the record."""
        alertmanager = self._sources.alertmanager(tripwire.environment, tripwire.source)
        async with self._store.read() as tx:
            group = await tx.alerts.get(tripwire.group_id)
        found = next((each for each in await alertmanager.silences() if each.id == tripwire.silence_id), None)
        is_changed = found is not None and found.in_force and group is not None and not _is_ours(found, group)
        if not is_changed:
            await alertmanager.expire(tripwire.silence_id)
        at = self._clock.now()
        async with self._store.write() as tx:
            locked = await _locked(tx, tripwire)
            if locked is None:
                return
            change = tripwires.keep(locked, tripwire, at) if is_changed else tripwires.lift(locked, tripwire, at)
            await tx.save_groups([GroupSave(change=change, is_said_in_storm=True)], at)
            if is_changed:
                told = replace(tripwire.choice, on_new=OnNew.TELL)
                await tx.of(TripwireRepository).put(replace(tripwire, lifting="", choice=told))
            else:
                await self._record_lifted(tx, change, locked.silence, tripwire, at)

    async def _record_lifted(
        self, tx: Transaction, change: GroupChange, before: AppliedSilence | None, tripwire: Tripwire, at: datetime
    ) -> None:
        await say_decided(tx, change.record, before, f"It was lifted: {tripwire.lifting}.", at)
        await forget_silence(tx, change.record, tripwire.silence_id, at)
        await reconcile_soon(tx, change.record, self._sources.catalogue(), at)
        await tx.audit.append(
            group_entry(
                change.record,
                key=f"{tripwire.silence_id}/lifted",
                who=BOT,
                what="unsilence",
                at=at,
                outcome=f"lifted {tripwire.silence_id}",
                why=tripwire.lifting,
            )
        )


async def _locked(tx: Transaction, tripwire: Tripwire) -> AlertGroup | None:
    """The group, locked; None where it is no longer silenced by this, or where another replica was first."""
    group = (await tx.alerts.get_many_for_update([tripwire.group_id])).get(tripwire.group_id)
    if group is None or group.silence is None or group.silence.id != tripwire.silence_id:
        await tx.of(TripwireRepository).remove(tripwire.silence_id)
        return None
    return group if await tx.of(TripwireRepository).get(tripwire.silence_id) == tripwire else None


def _is_ours(found: Silence, group: AlertGroup) -> bool:
    """Whether a silence is as the bot made it for the group."""
    recorded, matchers = group.silence, set(group_matchers(group.group_key, group.labels))
    is_marked = found.comment.endswith(f"[{group.id}]") and set(found.matchers) == matchers
    return is_marked and any(abs(found.ends_at - each) < SAME_TIME for each in (recorded.possible_ends if recorded else ()))
