"""What people do with alert groups: find, acknowledge, silence.

Each change is one transaction with its audit entry, card and thread notes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from domain.alerts import handling
from domain.alerts.alerts import AlertGroup, AppliedSilence
from domain.alerts.group_changes import GroupChange, format_time
from domain.alerts.reconciliation import AlertmanagerUptime
from domain.alerts.silence_endings import IS_OVER
from domain.alerts.silences import AlertDetails, Silence, SilenceState
from domain.alerts.tripwires import TELL_ANY, TripwireChoice
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.errors import NotFound, Refused
from domain.matchers import Matcher, group_matchers
from domain.people import Member
from domain.rich_text import CommandMention, sentence
from integrations.alertmanager.webhook import MAX_NAME_CHARACTERS
from runbooks.alerts.audit import group_entry
from runbooks.alerts.silence_records import firing_now, forget_silence, record_silence, say_decided, set_tripwire
from runbooks.alerts.timers import reconcile_soon, unacknowledge_timer
from storage.group_saves import GroupSave
from storage.store import Store, Transaction


class SilenceApi(Protocol):
    """What the service calls on an Alertmanager. Every method raises ``TemporaryError`` or ``PermanentError``."""

    async def create_silence(
        self, matchers: tuple[Matcher, ...], *, starts_at: datetime, ends_at: datetime, by: str, comment: str
    ) -> str:
        """Create a silence and return its id."""
        ...

    async def silences(self) -> tuple[Silence, ...]:
        """List all silences."""
        ...

    async def expire(self, silence_id: str, /) -> bool:
        """Expire a silence. Returns False if it had ended before."""
        ...

    async def move_end(self, silence: Silence, ends_at: datetime, /) -> str:
        """Let a silence that is in force end at another time, and return its id."""
        ...

    async def uptime(self) -> AlertmanagerUptime:
        """Since when it has run."""
        ...

    async def alert_details(self) -> tuple[AlertDetails, ...]:
        """List all alerts that have not ended, with the silences that hide them."""
        ...


class AlertmanagerLookup(Protocol):
    """Returns the Alertmanager that holds the alerts of an environment and a source. Raises ``Refused`` or ``TemporaryError``."""

    def __call__(self, environment: str, source: str = "", /) -> SilenceApi: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRequest:
    """A person's request for a group. ``source`` is the inbox key, which is marked answered together with the change."""

    group: str
    by: Member
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertService:
    """Applies people's requests to alert groups."""

    store: Store
    clock: Clock
    catalogue: Callable[[], Catalogue]
    alertmanager: AlertmanagerLookup
    notify_outbox: Callable[[], None]

    async def find(self, group_id: str) -> AlertGroup:
        """Read a group. Raises ``NotFound``."""
        async with self.store.read() as tx:
            group = await tx.alerts.get(group_id)
        return group or _raise_not_found(group_id)

    async def acknowledge(self, request: AlertRequest) -> AlertGroup:
        """Acknowledge a group for the time that the catalogue sets."""
        entry = self.catalogue().alerts
        if entry is None:
            raise Refused("The catalogue says nothing of alerts.")
        within, at = entry.acknowledge_within, self.clock.now()

        async def transition(tx: Transaction, group: AlertGroup) -> GroupChange:
            await tx.timers.set(unacknowledge_timer(group.id, at + within), at)
            return handling.acknowledge(group, request.by.person, at, within)

        return await self.apply(request, "acknowledge", at, transition)

    async def silence(self, request: AlertRequest, span: timedelta, reason: str, choice: TripwireChoice = TELL_ANY) -> AlertGroup:
        """Silence exactly this group in Alertmanager. Raises ``Refused`` if the bot has already silenced it."""
        group, at = await self.find(request.group), self.clock.now()
        _check_not_silenced(group, at)
        # Before it is made: what begins to fire meanwhile counts as new.
        alerts = await self.alertmanager(group.environment, group.source).alert_details()
        created = await self._create_silence(group, request.by, at, span, reason)
        applied = AppliedSilence(
            id=created.id, by=request.by.person, at=at, until=created.ends_at, reason=reason, on_new=choice.on_new
        )

        async def transition(tx: Transaction, group: AlertGroup) -> GroupChange:
            _check_not_silenced(group, at)
            await say_decided(tx, group, group.silence, IS_OVER, at)
            await record_silence(tx, group, applied)
            await set_tripwire(tx, group, applied, choice, await firing_now(tx, group, alerts, self.catalogue()))
            return handling.silence(group, applied)

        outcome = f"until {created.ends_at:%d %b %H:%M} UTC, {created.id}"
        try:
            return await self.apply(request, "silence", at, transition, why=reason, outcome=outcome)
        except Refused:
            # Another person was faster. The group records their silence: expire this one, as nobody else could do so.
            current = (await self.find(request.group)).silence
            if current is None or current.id != created.id:
                await self.alertmanager(group.environment, group.source).expire(created.id)
            raise

    async def unsilence(self, request: AlertRequest) -> AlertGroup:
        """End the bot's silence of a group, even one that was not recorded. If it has ended, only the group is updated."""
        group, at = await self.find(request.group), self.clock.now()
        recorded = group.silence
        found = recorded or (await self._unrecorded_silence(group, at) if group.environment else None)
        if found is None:
            hint = sentence(CommandMention("silences"), " shows what Alertmanager holds.")
            raise Refused(sentence(f"{group.id} is not silenced from here. ", hint))
        ended = await self.alertmanager(group.environment, group.source).expire(found.id)

        async def transition(tx: Transaction, group: AlertGroup) -> GroupChange:
            _check_same_silence(group, recorded)
            await say_decided(tx, group, group.silence, sentence(request.by.person, " ended it."), at)
            await forget_silence(tx, group, found.id, at)
            await reconcile_soon(tx, group, self.catalogue(), at)
            return handling.unsilence(group, at, request.by.person) or GroupChange(record=group)

        outcome = f"ended {found.id}" if ended else f"{found.id} was over already"
        return await self.apply(request, "unsilence", at, transition, outcome=outcome)

    async def _create_silence(self, group: AlertGroup, by: Member, at: datetime, span: timedelta, reason: str) -> Silence:
        matchers = group_matchers(group.group_key, group.labels)
        if any(len(text) >= MAX_NAME_CHARACTERS for label in group.labels.items() for text in label):
            raise Refused(f"{group.id} has a group label too long to keep whole. Silence it in Alertmanager itself.")
        if not any(matcher.value for matcher in matchers):
            raise Refused(f"{group.id} groups alerts by nothing that a silence could name. Silence it in Alertmanager itself.")
        alertmanager = self.alertmanager(group.environment, group.source)
        if (existing := await self._unrecorded_silence(group, at)) is not None:
            return existing
        made_by, comment = f"{by.name} ({by.person.user_id})", f"{reason or 'silenced in Slack'}, by {by.name} [{group.id}]"
        silence_id = await alertmanager.create_silence(matchers, starts_at=at, ends_at=at + span, by=made_by, comment=comment)
        return Silence(
            id=silence_id,
            matchers=matchers,
            starts_at=at,
            ends_at=at + span,
            by=made_by,
            comment=comment,
            state=SilenceState.ACTIVE,
        )

    async def _unrecorded_silence(self, group: AlertGroup, at: datetime) -> Silence | None:
        """An active silence whose comment names the group: a crash or a lost response kept it from being recorded."""
        matchers = set(group_matchers(group.group_key, group.labels))
        for silence in await self.alertmanager(group.environment, group.source).silences():
            is_ours = silence.comment.endswith(f"[{group.id}]") and set(silence.matchers) == matchers
            if is_ours and silence.state is SilenceState.ACTIVE and silence.ends_at > at:
                return silence
        return None

    async def note_rollback(self, request: AlertRequest, operation: str) -> None:
        """Note in the group's thread that its suspect is being rolled back. The operation has its own audit entry."""
        at = self.clock.now()
        async with self.store.write() as tx:
            group = (await tx.alerts.get_many_for_update([request.group])).get(request.group) or _raise_not_found(request.group)
            change = handling.rollback_requested(group, request.by.person, operation, at)
            await tx.save_groups([GroupSave(change=change, card_unchanged=True)], at)
        self.notify_outbox()

    async def apply(
        self,
        request: AlertRequest,
        what: str,
        at: datetime,
        transition: "GroupTransition",
        *,
        why: str = "",
        outcome: str = "done",
        is_said_in_storm: bool = False,
    ) -> AlertGroup:
        """Change a group as a person wants, once. Raises ``NotFound``, and what ``transition`` raises."""
        async with self.store.write() as tx:
            group = (await tx.alerts.get_many_for_update([request.group])).get(request.group) or _raise_not_found(request.group)
            change = await transition(tx, group)
            await tx.save_groups([GroupSave(change=change, is_said_in_storm=is_said_in_storm)], at)
            await tx.inbox.mark_answered(request.source, at, what)
            key = f"{request.source}/{what}"
            entry = group_entry(change.record, key=key, who=request.by.person, what=what, at=at, outcome=outcome, why=why)
            await tx.audit.append(entry)
        self.notify_outbox()
        return change.record


class GroupTransition(Protocol):
    """Computes the change of a group for a request, within the transaction that stores it."""

    async def __call__(self, tx: Transaction, group: AlertGroup, /) -> GroupChange: ...


def _check_not_silenced(group: AlertGroup, at: datetime) -> None:
    """Raise ``Refused`` if a silence is in force."""
    silence = group.silence
    if silence is not None and silence.until > at:
        raise Refused(
            sentence(
                f"{group.id} is silenced already, until {format_time(silence.until, relative_to=at)} UTC by ",
                silence.owner,
                ". To end that: ",
                CommandMention(f"unsilence {group.id}"),
                ". Nothing was changed.",
            )
        )


def _check_same_silence(group: AlertGroup, seen: AppliedSilence | None) -> None:
    """Raise ``Refused`` if somebody has silenced it anew since. An end that was moved meanwhile is no other silence."""
    if (group.silence and group.silence.id) != (seen and seen.id):
        raise Refused(f"{group.id} is no longer silenced as it was when you looked. Look again.")


def _raise_not_found(group_id: str) -> AlertGroup:
    raise NotFound(sentence(f"There is no alert group {group_id}. ", CommandMention("alerts"), " lists them."))
