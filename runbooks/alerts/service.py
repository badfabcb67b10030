"""Alerts as people handle them: find, acknowledge, silence. Each is one transaction, audited; its card and thread tell of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from domain.alerts import handling
from domain.alerts.alerts import AlertGroup, SilenceMark
from domain.alerts.groups import GroupChange, clock
from domain.alerts.silences import Silence, SilenceState
from domain.audit import AuditEntry
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.errors import NotFound, Refused
from domain.matchers import Matcher, group_matchers
from domain.people import Member
from runbooks.alerts.timers import unacknowledge_timer, unsilence_timer
from storage.store import Store, Transaction


class Alertmanager(Protocol):
    """What silencing asks of an Alertmanager. Every method raises ``TemporaryError`` or ``PermanentError``."""

    async def silence(
        self, matchers: tuple[Matcher, ...], *, starts_at: datetime, ends_at: datetime, by: str, comment: str
    ) -> str:
        """Make a silence; its id."""
        ...

    async def silences(self) -> tuple[Silence, ...]:
        """Every silence that it knows."""
        ...

    async def expire(self, silence_id: str, /) -> bool:
        """End a silence. False where it was over already."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Who wants something of which group. ``source`` is the inbox key: with the change it counts as answered."""

    group: str
    by: Member
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """Alert groups as commands see them. ``alertmanager`` answers with an environment's, or raises ``Refused``."""

    store: Store
    clock: Clock
    catalogue: Callable[[], Catalogue]
    alertmanager: Callable[[str], Alertmanager]
    nudge: Callable[[], None]

    async def find(self, group_id: str) -> AlertGroup:
        """The group. Raises ``NotFound`` with a sentence."""
        async with self.store.read() as tx:
            group = await tx.alerts.get(group_id)
        return group or _not_there(group_id)

    async def acknowledge(self, wish: Wish) -> AlertGroup:
        """Say that somebody looks at it, for as long as the catalogue says."""
        entry = self.catalogue().alerts
        if entry is None:
            raise Refused("The catalogue says nothing of alerts.")
        within, at = entry.acknowledge_within, self.clock.now()

        async def care(tx: Transaction, group: AlertGroup) -> GroupChange:
            await tx.timers.set(unacknowledge_timer(group.id, at + within))
            return handling.acknowledge(group, wish.by.person, at, within)

        return await self._care(wish, "acknowledge", at, care)

    async def silence(self, wish: Wish, span: timedelta, reason: str) -> AlertGroup:
        """Silence exactly the group in Alertmanager. Raises ``Refused`` where it is silenced from here already."""
        group, at = await self.find(wish.group), self.clock.now()
        _not_silenced(group, at)
        made = await self._silenced(group, wish.by, at, span, reason)
        mark = SilenceMark(id=made.id, by=wish.by.person, at=at, until=made.ends_at, reason=reason)

        async def care(tx: Transaction, group: AlertGroup) -> GroupChange:
            _not_silenced(group, at)
            await tx.timers.set(unsilence_timer(group.id, mark.until))
            return handling.silence(group, mark)

        outcome = f"until {made.ends_at:%d %b %H:%M} UTC, {made.id}"
        try:
            return await self._care(wish, "silence", at, care, why=reason, outcome=outcome)
        except Refused:
            # Somebody else was faster. Theirs is the one that can be ended from here, so it has to be the only one.
            theirs = (await self.find(wish.group)).silence
            if theirs is None or theirs.id != made.id:
                await self.alertmanager(group.environment).expire(made.id)
            raise

    async def unsilence(self, wish: Wish) -> AlertGroup:
        """End the silence that was made from here, noted down or not. One that is over already is not revived by this."""
        group, at = await self.find(wish.group), self.clock.now()
        held = group.silence
        found = held or (await self._left_over(group, at) if group.environment else None)
        if found is None:
            raise Refused(f"{group.id} is not silenced from here. `/deepecho silences` shows what Alertmanager holds.")
        ended = await self.alertmanager(group.environment).expire(found.id)

        async def care(tx: Transaction, group: AlertGroup) -> GroupChange:
            if group.silence != held:
                raise Refused(f"{group.id} is no longer silenced as it was when you looked. Look again.")
            await tx.timers.done(unsilence_timer(group.id, at).key)
            return handling.unsilence(group, at, wish.by.person) or GroupChange(record=group)

        outcome = f"ended {found.id}" if ended else f"{found.id} was over already"
        return await self._care(wish, "unsilence", at, care, outcome=outcome)

    async def _silenced(self, group: AlertGroup, by: Member, at: datetime, span: timedelta, reason: str) -> Silence:
        matchers = group_matchers(group.group_key, group.labels)
        if not any(each.value for each in matchers):
            raise Refused(f"{group.id} groups alerts by nothing that a silence could name. Silence it in Alertmanager itself.")
        alertmanager = self.alertmanager(group.environment)
        if (left_over := await self._left_over(group, at)) is not None:
            return left_over
        made_by, comment = f"{by.name} ({by.person.user_id})", f"{reason or 'silenced in Slack'}, by {by.name} [{group.id}]"
        silence_id = await alertmanager.silence(matchers, starts_at=at, ends_at=at + span, by=made_by, comment=comment)
        return Silence(
            id=silence_id,
            matchers=matchers,
            starts_at=at,
            ends_at=at + span,
            by=made_by,
            comment=comment,
            state=SilenceState.ACTIVE,
        )

    async def _left_over(self, group: AlertGroup, at: datetime) -> Silence | None:
        """A silence in force whose comment names the group: a crash, or a lost answer, kept it from being noted down."""
        matchers = set(group_matchers(group.group_key, group.labels))
        for each in await self.alertmanager(group.environment).silences():
            mine = each.comment.endswith(f"[{group.id}]") and set(each.matchers) == matchers
            if mine and each.state is SilenceState.ACTIVE and each.ends_at > at:
                return each
        return None

    async def taken_back(self, wish: Wish, operation: str) -> None:
        """Say in the group's thread that its suspect is being rolled back. The operation has its own audit record."""
        at = self.clock.now()
        async with self.store.write() as tx:
            group = (await tx.alerts.groups([wish.group])).get(wish.group) or _not_there(wish.group)
            await tx.apply_group(handling.taken_back(group, wish.by.person, operation, at), at, same_card=True)
        self.nudge()

    async def _care(
        self,
        wish: Wish,
        what: str,
        at: datetime,
        care: "Care",
        *,
        why: str = "",
        outcome: str = "done",
    ) -> AlertGroup:
        async with self.store.write() as tx:
            group = (await tx.alerts.groups([wish.group])).get(wish.group) or _not_there(wish.group)
            change = await care(tx, group)
            await tx.apply_group(change, at)
            await tx.inbox.answered(wish.source, at, what)
            await tx.audit.append(_entry(wish, change.record, what, at, why, outcome))
        self.nudge()
        return change.record


class Care(Protocol):
    """What a person's wish makes of a group, within the transaction that keeps it."""

    async def __call__(self, tx: Transaction, group: AlertGroup, /) -> GroupChange: ...


def _entry(wish: Wish, group: AlertGroup, what: str, at: datetime, why: str, outcome: str) -> AuditEntry:
    return AuditEntry(
        key=f"{wish.source}/{what}",
        at=at,
        who=wish.by.person,
        what=what,
        where="/".join(each for each in (group.environment, group.service, group.title) if each)[:200],
        why=why,
        outcome=f"{group.id}: {outcome}",
    )


def _not_silenced(group: AlertGroup, at: datetime) -> None:
    """Raise ``Refused`` where a silence holds."""
    held = group.silence
    if held is not None and held.until > at:
        raise Refused(
            f"{group.id} is silenced already, until {clock(held.until, seen_from=at)} UTC by <@{held.by.user_id}>. "
            f"To end that: `/deepecho unsilence {group.id}`. Nothing was changed."
        )


def _not_there(group_id: str) -> AlertGroup:
    raise NotFound(f"There is no alert group {group_id}. `/deepecho alerts` lists them.")
