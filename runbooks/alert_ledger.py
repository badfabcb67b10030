"""The alert groups that one batch of notifications touches: read at once, moved by pure transitions, written at once."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from domain.alert_entries import AlertsEntry
from domain.alert_groups import GroupChange, Known, Told, hears, is_over, opens
from domain.alerts import Alert, AlertGroup, AlertNote, GroupState, Notification
from domain.ids import candidates
from domain.severities import Severity
from domain.storms import Storm
from runbooks.alert_timers import enrich_timer, steady_timer, storm_timer
from storage.outgoing import alert_card, alert_note, storm_card
from storage.store import Transaction

MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class _Moved:
    """What a batch changed about one group. ``quiet``: nothing that a person must see at once."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    notes: list[AlertNote] = field(default_factory=list)
    quiet: bool = True


class Ledger:
    """Open it with everything that the batch mentions, ``hear`` each notification in turn, then ``write``."""

    def __init__(self, tx: Transaction, entry: AlertsEntry) -> None:
        self._tx, self._entry = tx, entry
        self._ids: dict[str, str] = {}
        self._holders: dict[str, set[str]] = {}
        self._known: dict[str, Known] = {}
        self._taken: frozenset[str] = frozenset()
        self._moved: dict[str, _Moved] = {}
        self._pointed: dict[str, str] = {}
        self._opened: dict[str, list[datetime]] = {}
        self._storms: dict[str, Storm] = {}
        self._storms_touched: set[str] = set()

    async def open(self, notifications: Sequence[Notification], at: datetime) -> None:
        """Read every group that the notifications may mean: by its key, or by the alerts that it holds."""
        keys = {key_of(each): each for each in notifications}
        self._ids = dict(await self._tx.alerts.ids_of(keys))
        new = [each for key, each in keys.items() if key not in self._ids]
        fingerprints = {alert.fingerprint for each in new for alert in each.alerts}
        held = await self._tx.alerts.holders_of(fingerprints, alive_since=at - self._entry.reopen_within)
        self._holders = {fingerprint: set(ids) for fingerprint, ids in held.items()}
        ids = {*self._ids.values(), *(group_id for each in held.values() for group_id in each)}
        records, alerts = await self._tx.alerts.groups(ids), await self._tx.alerts.alerts_of(ids)
        self._known = {group_id: Known(record, alerts.get(group_id, {})) for group_id, record in records.items()}

    async def hear(self, told: Told, source: str) -> None:
        """Apply one notification. ``source`` names its delivery: a new group's id derives from it."""
        key = key_of(told.notification)
        known = self._find(key, told)
        if known is None:
            await self._open_group(key, told, source)
        elif (change := hears(known, told, self._entry)) is not None:
            await self._keep(known, change, told.at)

    async def write(self, at: datetime) -> None:
        """Make it all true: groups, alerts, and what their cards and threads say. ``at`` is now."""
        records = [self._known[group_id].record for group_id in self._moved]
        await self._tx.alerts.save(records)
        await self._tx.alerts.save_alerts({group_id: moved.alerts.values() for group_id, moved in self._moved.items()})
        await self._tx.alerts.point(self._pointed)
        for record in records:
            await self._tell(record, self._moved[record.id], at)
        for storm_id in sorted(self._storms_touched):
            await self._tell_storm(storm_id, at)

    def _find(self, key: str, told: Told) -> Known | None:
        """The group that this notification speaks of; None where it is a new one."""
        group_id = self._ids.get(key) or self._adopt(key, told.notification)
        known = self._known.get(group_id) if group_id else None
        if known is None or not is_over(known.record, told.at, self._entry):
            return known
        return None if any(alert.firing for alert in told.notification.alerts) else known

    def _adopt(self, key: str, notification: Notification) -> str:
        """After a change of Alertmanager's routing the same alerts come under another key: the group that holds most of them."""
        votes: dict[str, int] = {}
        for alert in notification.alerts:
            for group_id in self._holders.get(alert.fingerprint, ()):
                votes[group_id] = votes.get(group_id, 0) + 1
        best = max(sorted(votes), key=lambda each: votes[each], default="")
        if not best or votes[best] * 2 <= len(notification.alerts):
            return ""
        self._ids[key] = self._pointed[key] = best
        known = self._known[best]
        named = replace(
            known.record,
            group_key=notification.group_key,
            receiver=notification.receiver,
            labels=notification.group_labels,
        )
        self._known[best] = Known(named, known.alerts)
        return best

    async def _open_group(self, key: str, told: Told, source: str) -> None:
        change = opens(told, "")
        if change is None:
            return
        group_id = await self._new_id("al", f"{key}/{source}")
        record = replace(change.record, id=group_id, storm=await self._storm_for(change.record, source))
        self._ids[key] = self._pointed[key] = group_id
        for alert in change.alerts:
            self._holders.setdefault(alert.fingerprint, set()).add(group_id)
        self._note_down(Known(record, {}), replace(change, record=record), loud=True)

    async def _keep(self, known: Known, change: GroupChange, at: datetime) -> None:
        before, after = known.record, change.record
        worse = after.severity.rank < before.severity.rank
        if after.storm and after.severity is Severity.P0:
            self._storms_touched.add(after.storm)
            change = replace(change, record=replace(after, storm=""))
        self._note_down(known, change, loud=(change.flipped and not after.flapping) or worse)
        if after.flapping:
            await self._tx.timers.set(steady_timer(after.id, at, self._entry))
        elif change.flipped and after.state is GroupState.FIRING:
            await self._tx.timers.set(enrich_timer(after.id, at))

    def _note_down(self, known: Known, change: GroupChange, *, loud: bool) -> None:
        record = change.record
        moved = {each.fingerprint: each for each in change.alerts}
        self._known[record.id] = Known(record, {**known.alerts, **moved})
        kept = self._moved.setdefault(record.id, _Moved())
        kept.alerts |= moved
        kept.notes += change.notes
        kept.quiet = kept.quiet and not loud
        if record.storm:
            self._storms_touched.add(record.storm)

    async def _storm_for(self, record: AlertGroup, source: str) -> str:
        """The storm that a new group is folded into; empty where it has a card of its own. P0 always has."""
        at, channel = record.seen_at, record.channel
        recent = await self._opened_lately(channel, at)
        recent.append(at)
        if record.severity is Severity.P0:
            return ""
        storm = await self._storm_of(channel)
        if storm is None or at - storm.last_at > self._entry.storm_quiet:
            if len(recent) <= self._entry.new_groups_a_minute:
                return ""
            storm = Storm(id=await self._new_id("st", source), channel=channel, began_at=at, last_at=at)
        self._storms[channel] = replace(storm, last_at=max(at, storm.last_at))
        return storm.id

    async def _opened_lately(self, channel: str, at: datetime) -> list[datetime]:
        if channel not in self._opened:
            self._opened[channel] = list(await self._tx.alerts.opened_since(channel, at - MINUTE))
        self._opened[channel] = [each for each in self._opened[channel] if at - each < MINUTE]
        return self._opened[channel]

    async def _storm_of(self, channel: str) -> Storm | None:
        if channel not in self._storms and (storm := await self._tx.storms.newest(channel)) is not None:
            self._storms[channel] = storm
        return self._storms.get(channel)

    async def _new_id(self, prefix: str, source: str) -> str:
        ids = candidates(prefix, source)
        taken = await self._tx.alerts.known_ids(ids) | {each for each in ids if each in self._known}
        return next(each for each in ids if each not in taken)

    async def _tell(self, record: AlertGroup, moved: _Moved, at: datetime) -> None:
        if record.storm:
            return
        await self._tx.outbox.put(alert_card(record, quiet=moved.quiet), at=at)
        for note in moved.notes:
            await self._tx.outbox.put(alert_note(record, note), at=at)

    async def _tell_storm(self, storm_id: str, at: datetime) -> None:
        storm = next((each for each in self._storms.values() if each.id == storm_id), None)
        is_new = False
        if storm is not None:
            is_new = await self._tx.storms.get(storm_id) is None
            await self._tx.storms.save(storm)
            await self._tx.timers.set(storm_timer(storm, self._entry))
        else:
            storm = await self._tx.storms.get(storm_id)
        if storm is not None:
            await self._tx.outbox.put(storm_card(await self._tx.storms.card(storm, at), quiet=not is_new), at=at)


def key_of(notification: Notification) -> str:
    """The name of a group in the database: Alertmanager's key is as long as its labels are."""
    return hashlib.sha256(f"{notification.receiver}\n{notification.group_key}".encode()).hexdigest()


def without(notification: Notification, unwanted: Iterable[str]) -> Notification:
    """The notification without the alerts of these fingerprints."""
    left_out = frozenset(unwanted)
    return replace(notification, alerts=tuple(each for each in notification.alerts if each.fingerprint not in left_out))
