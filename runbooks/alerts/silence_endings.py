"""Extends silences, and records who lets one end."""

from dataclasses import dataclass, replace
from datetime import datetime

from domain.alerts import silence_endings
from domain.alerts.alerts import AlertGroup, AppliedSilence
from domain.alerts.group_changes import GroupChange, format_time
from domain.alerts.silences import Silence
from domain.errors import Refused
from domain.leases.lease import SAME_TIME
from domain.matchers import Matcher, group_matchers
from domain.rich_text import CommandMention, sentence
from runbooks.alerts.service import AlertRequest, AlertService, check_as_seen
from runbooks.alerts.silence_records import move_silence, say_decided
from storage.store import Transaction
from storage.tripwires import TripwireRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceEndings:
    """What people decide of a silence that ends. Each change is one transaction, as those of ``AlertService``."""

    alerts: AlertService

    async def extend(self, request: AlertRequest, until: datetime) -> AlertGroup:
        """Let the silence of a group end later, in Alertmanager first.

        Raises ``Refused`` where there is none, where ``until`` is no later, or where somebody has changed it in Alertmanager.
        """
        group, at = await self.alerts.find(request.group), self.alerts.clock.now()
        recorded = silence_endings.standing(group, at)
        _check_later(group, recorded, until, at)
        silence_id = await self._move(group, recorded, until)
        moved = replace(recorded, id=silence_id, until=until, extended_by=request.by.person, let_end_by=None, told=())

        async def transition(tx: Transaction, group: AlertGroup) -> GroupChange:
            check_as_seen(group, recorded)
            await _check_not_lifting(tx, group, recorded)
            await say_decided(tx, group, group.silence, silence_endings.extension_text(request.by.person, until), at)
            await move_silence(tx, group, recorded, moved)
            return silence_endings.extend(group, moved, at)

        outcome = f"until {until:%d %b %H:%M} UTC, {silence_id}"
        return await self.alerts.apply(request, "extend-silence", at, transition, outcome=outcome)

    async def let_end(self, request: AlertRequest) -> AlertGroup:
        """Record that a person has seen that the silence ends. Raises ``Refused`` where there is none."""
        at = self.alerts.clock.now()

        async def transition(tx: Transaction, group: AlertGroup) -> GroupChange:
            change = silence_endings.let_end(group, request.by.person, at)
            await say_decided(tx, change.record, group.silence, sentence(request.by.person, " lets it end."), at)
            return change

        return await self.alerts.apply(request, "let-silence-end", at, transition)

    async def _move(self, group: AlertGroup, recorded: AppliedSilence, until: datetime) -> str:
        """Move the end in Alertmanager; done again after a crash it changes nothing. Returns the id of the silence."""
        alertmanager = self.alerts.alertmanager(group.environment, group.source)
        matchers = set(group_matchers(group.group_key, group.labels))
        ours = [each for each in await alertmanager.silences() if each.in_force and _is_ours(each, group, matchers)]
        # Not by its id: an extension before a crash may have made another one of it.
        if any(abs(each.ends_at - until) < SAME_TIME for each in ours):
            return next(each.id for each in ours if abs(each.ends_at - until) < SAME_TIME)
        found = next((each for each in ours if each.id == recorded.id), None)
        if found is None or abs(found.ends_at - recorded.until) >= SAME_TIME:
            change = "ended it" if found is None else f"let it end at {format_time(found.ends_at, relative_to=until)} UTC"
            again = (CommandMention(f"unsilence {group.id}"), ", then ", CommandMention(f"silence {group.id} 1h"))
            raise Refused(sentence(f"Somebody has {change} in Alertmanager. Nothing was changed. To begin anew: ", *again, "."))
        return await alertmanager.move_end(found, until)


def _is_ours(found: Silence, group: AlertGroup, matchers: set[Matcher]) -> bool:
    return found.comment.endswith(f"[{group.id}]") and set(found.matchers) == matchers


def _check_later(group: AlertGroup, recorded: AppliedSilence, until: datetime, at: datetime) -> None:
    if until < recorded.until + SAME_TIME:
        ends = format_time(recorded.until, relative_to=at)
        hint = sentence(" To end it: ", CommandMention(f"unsilence {group.id}"), ".")
        raise Refused(sentence(f"{group.id} is silenced until {ends} UTC already. Nothing was changed.", hint))


async def _check_not_lifting(tx: Transaction, group: AlertGroup, recorded: AppliedSilence) -> None:
    """Raise ``Refused`` while the silence is being lifted, because something new fired under it."""
    tripwire = await tx.of(TripwireRepository).get(recorded.id)
    if tripwire is not None and tripwire.lifting:
        raise Refused(f"The silence of {group.id} is being lifted: {tripwire.lifting}. Nothing was changed.")
