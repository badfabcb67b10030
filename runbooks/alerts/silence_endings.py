"""Extends silences, and records who lets one end."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.alerts import silence_endings
from domain.alerts.alerts import AlertGroup, Extension
from domain.alerts.group_changes import GroupChange, format_time
from domain.alerts.silences import SAME_TIME, Silence
from domain.errors import DeepechoError, NotFound, Refused, UnknownOutcome
from domain.matchers import group_matchers
from domain.rich_text import CommandMention, sentence
from runbooks.alerts.audit import group_entry
from runbooks.alerts.service import AlertRequest, AlertService
from runbooks.alerts.silence_records import move_silence, say_decided
from runbooks.alerts.timers import silence_extension_timer
from storage.group_saves import GroupSave
from storage.store import Transaction
from storage.timers import Timer
from storage.tripwires import TripwireRepository

EXTENDED = "extend-silence"
"""How the audit log names an extension."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceEndings:
    """What people decide of a silence that ends.

    A later end is recorded as wanted before Alertmanager is asked for it, and as the end once Alertmanager has it: what a
    process left in between, ``settle`` finds out.
    """

    alerts: AlertService

    async def extend(self, request: AlertRequest, until: datetime) -> AlertGroup:
        """Let the silence of a group end later, in Alertmanager first.

        Raises ``Refused`` where there is none, where ``until`` is no later, or where somebody has changed it in Alertmanager.
        """
        group, wanted = await self._begin(request.group, Extension(until=until, by=request.by.person))
        try:
            silence_id = await self._move(group, until)
        except UnknownOutcome:
            raise
        except DeepechoError:
            await self._give_up(group.id, wanted)
            raise
        at = self.alerts.clock.now()

        async def transition(tx: Transaction, group: AlertGroup) -> GroupChange:
            return await _record(tx, group, wanted, silence_id, at)

        outcome = f"until {until:%d %b %H:%M} UTC, {silence_id}"
        try:
            return await self.alerts.apply(request, EXTENDED, at, transition, outcome=outcome, is_said_in_storm=True)
        except Refused:
            await self._put_back(group, wanted, silence_id)
            raise

    async def settle(self, timer: Timer) -> None:
        """Record an extension that Alertmanager has, and forget one that it does not have. Raises ``DeepechoError``."""
        async with self.alerts.store.read() as tx:
            group = await tx.alerts.get(timer.subject)
        wanted = group.silence.extension if group is not None and group.silence is not None else None
        if group is not None and wanted is not None:
            found = _with_end(await self._standing(group), wanted.until)
            if found is None:
                await self._give_up(group.id, wanted)
            else:
                await self._record_late(group, wanted, found.id)
        async with self.alerts.store.write() as tx:
            await tx.timers.remove(timer.key, timer.due_at)

    async def let_end(self, request: AlertRequest) -> AlertGroup:
        """Record that a person has seen that the silence ends. Raises ``Refused`` where there is none."""
        at = self.alerts.clock.now()

        async def transition(tx: Transaction, group: AlertGroup) -> GroupChange:
            change = silence_endings.let_end(group, request.by.person, at)
            await say_decided(tx, change.record, group.silence, sentence(request.by.person, " lets it end."), at)
            return change

        return await self.alerts.apply(request, "let-silence-end", at, transition)

    async def _begin(self, group_id: str, wanted: Extension) -> tuple[AlertGroup, Extension]:
        """Record what is wanted. One that a crash left under way is gone on with, as that of whoever wanted it first."""
        at = self.alerts.clock.now()
        async with self.alerts.store.write() as tx:
            group = (await tx.alerts.get_many_for_update([group_id])).get(group_id)
            if group is None:
                raise NotFound(f"There is no alert group {group_id}.")
            await _check_not_lifting(tx, group)
            after = silence_endings.begin_extension(group, wanted, at)
            await tx.save_groups([GroupSave(change=GroupChange(record=after), card_unchanged=True)], at)
            await tx.timers.set(silence_extension_timer(group.id, at), at)
        under_way = after.silence.extension if after.silence else None
        return after, under_way or wanted

    async def _give_up(self, group_id: str, wanted: Extension) -> None:
        at = self.alerts.clock.now()
        async with self.alerts.store.write() as tx:
            group = (await tx.alerts.get_many_for_update([group_id])).get(group_id)
            after = silence_endings.give_up_extension(group, wanted) if group is not None else None
            if after is not None:
                await tx.save_groups([GroupSave(change=GroupChange(record=after), card_unchanged=True)], at)
                await tx.timers.remove(silence_extension_timer(group_id, at).key)

    async def _record_late(self, group: AlertGroup, wanted: Extension, silence_id: str) -> None:
        at = self.alerts.clock.now()
        async with self.alerts.store.write() as tx:
            locked = (await tx.alerts.get_many_for_update([group.id])).get(group.id)
            if locked is None or locked.silence is None or locked.silence.extension != wanted:
                return
            change = await _record(tx, locked, wanted, silence_id, at)
            await tx.save_groups([GroupSave(change=change, is_said_in_storm=True)], at)
            await tx.audit.append(
                group_entry(
                    group,
                    key=f"{silence_id}/extended/{wanted.until:%Y%m%dT%H%M%S}",
                    who=wanted.by,
                    what=EXTENDED,
                    at=at,
                    outcome=f"until {wanted.until:%d %b %H:%M} UTC, {silence_id}",
                )
            )
        self.alerts.notify_outbox()

    async def _put_back(self, group: AlertGroup, wanted: Extension, silence_id: str) -> None:
        """Undo in Alertmanager what the record did not take: somebody has ended the silence meanwhile, or it is being lifted."""
        alertmanager = self.alerts.alertmanager(group.environment, group.source)
        applied = (await self.alerts.find(group.id)).silence
        found = next((each for each in await alertmanager.silences() if each.id == silence_id and each.in_force), None)
        if found is not None and (applied is None or applied.id != silence_id):
            await alertmanager.expire(silence_id)
        elif found is not None and applied is not None and abs(found.ends_at - applied.until) >= SAME_TIME:
            await alertmanager.move_end(found, applied.until)
        await self._give_up(group.id, wanted)

    async def _standing(self, group: AlertGroup) -> tuple[Silence, ...]:
        """The silences of the group in Alertmanager that the bot made: usually one."""
        matchers = set(group_matchers(group.group_key, group.labels))
        listed = await self.alerts.alertmanager(group.environment, group.source).silences()
        ours = (each for each in listed if each.in_force and each.comment.endswith(f"[{group.id}]"))
        return tuple(each for each in ours if set(each.matchers) == matchers)

    async def _move(self, group: AlertGroup, until: datetime) -> str:
        """Move the end in Alertmanager; done again after a crash it changes nothing. Returns the id of the silence."""
        recorded = silence_endings.standing(group, self.alerts.clock.now())
        ours = await self._standing(group)
        # Not by its id: an extension before a crash may have made another one of it.
        if (moved := _with_end(ours, until)) is not None:
            return moved.id
        found = next((each for each in ours if each.id == recorded.id), None)
        if found is None or abs(found.ends_at - recorded.until) >= SAME_TIME:
            change = "ended it" if found is None else f"let it end at {format_time(found.ends_at, relative_to=until)} UTC"
            again = (CommandMention(f"unsilence {group.id}"), ", then ", CommandMention(f"silence {group.id} 1h"))
            raise Refused(sentence(f"Somebody has {change} in Alertmanager. Nothing was changed. To begin anew: ", *again, "."))
        return await self.alerts.alertmanager(group.environment, group.source).move_end(found, until)


async def _record(tx: Transaction, group: AlertGroup, wanted: Extension, silence_id: str, at: datetime) -> GroupChange:
    """Record an extension that Alertmanager has. Raises ``Refused`` if the silence was ended or is being lifted meanwhile."""
    before, change = group.silence, silence_endings.extend(group, wanted, silence_id, at)
    await _check_not_lifting(tx, group)
    await say_decided(tx, group, before, silence_endings.extension_text(wanted.by, wanted.until), at)
    if before is not None and change.record.silence is not None:
        await move_silence(tx, group, before, change.record.silence, at)
    return change


def _with_end(silences: Iterable[Silence], until: datetime) -> Silence | None:
    return next((each for each in silences if abs(each.ends_at - until) < SAME_TIME), None)


async def _check_not_lifting(tx: Transaction, group: AlertGroup) -> None:
    """Raise ``Refused`` while the silence is being lifted, because something new fired under it."""
    tripwire = await tx.of(TripwireRepository).get(group.silence.id) if group.silence else None
    if tripwire is not None and tripwire.lifting:
        raise Refused(f"The silence of {group.id} is being lifted: {tripwire.lifting}. Nothing was changed.")
