"""The alert groups that one batch of notifications touches: read at once, moved by pure transitions, written at once."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.alerts.alerts import Alert, AlertGroup, AlertNote, Earlier, GroupState, Link, Notification
from domain.alerts.groups import GroupChange, Known, Told, hears, is_over, opens
from domain.catalogue.alerts import AlertsEntry
from domain.ids import candidates
from domain.severities import Severity
from runbooks.alerts.storms import Folding
from runbooks.alerts.timers import enrich_timer, steady_timer
from storage.outbox_messages import alert_card, alert_note
from storage.store import Transaction


@dataclass(slots=True)
class _Moved:
    """What a batch changed about one group. ``quiet``: nothing that a person must see at once."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)
    notes: list[AlertNote] = field(default_factory=list)
    quiet: bool = True


class Ledger:
    """Open it with everything that the batch mentions, ``hear`` each notification in turn, then ``write``.

    ``links`` are what a group's card links to.
    """

    def __init__(self, tx: Transaction, entry: AlertsEntry, links: Callable[[AlertGroup], tuple[Link, ...]]) -> None:
        self._tx, self._entry, self._links = tx, entry, links
        self._folding = Folding(tx, entry)
        self._ids: dict[str, str] = {}
        self._holders: dict[str, set[str]] = {}
        self._known: dict[str, Known] = {}
        self._free: dict[str, tuple[str, ...]] = {}
        self._moved: dict[str, _Moved] = {}
        self._pointed: dict[str, str] = {}

    async def open(self, heard: Sequence[tuple[str, Notification]], since: datetime) -> None:
        """Read every group that the notifications may mean: by its key, or by the alerts that it holds.

        Each comes with the name of its delivery, as ``hear`` takes it. ``since`` is when the first of them came.
        """
        keys = {key_of(each) for _, each in heard}
        self._ids = dict(await self._tx.alerts.ids_of(keys))
        new = [(source, each) for source, each in heard if key_of(each) not in self._ids]
        fingerprints = {alert.fingerprint for _, each in new for alert in each.alerts}
        fingerprints |= {alert.fingerprint for _, each in heard for alert in each.alerts if not alert.firing}
        held = await self._tx.alerts.holders_of(fingerprints, alive_since=since - self._entry.reopen_within)
        self._holders = {fingerprint: set(ids) for fingerprint, ids in held.items()}
        ids = {*self._ids.values(), *(group_id for each in held.values() for group_id in each)}
        records, alerts = await self._tx.alerts.groups(ids), await self._tx.alerts.alerts_of(ids)
        self._known = {group_id: Known(record, alerts.get(group_id, {})) for group_id, record in records.items()}
        fresh = [f"{key_of(each)}/{source}" for source, each in new if any(alert.firing for alert in each.alerts)]
        await self._look_for_ids(fresh)

    async def hear(self, told: Told, source: str) -> None:
        """Apply one notification. ``source`` names its delivery: a new group's id derives from it."""
        key = key_of(told.notification)
        known = self._find(key, told)
        if known is None:
            await self._open_group(key, told, source)
        elif (change := hears(known, told, self._entry)) is not None:
            await self._keep(known, change, told.at, source)
        await self._end_elsewhere(self._ids.get(key, ""), told, source)

    async def write(self, at: datetime) -> None:
        """Make it all true: groups, alerts, and what their cards and threads say. ``at`` is now."""
        records = [self._linked(self._known[group_id].record) for group_id in self._moved]
        await self._tx.alerts.save(records)
        await self._tx.alerts.forget({group_id: moved.forgotten for group_id, moved in self._moved.items()})
        await self._tx.alerts.save_alerts({group_id: moved.alerts.values() for group_id, moved in self._moved.items()})
        await self._tx.alerts.point(self._pointed)
        await self._folding.write(at)
        for record in records:
            await self._tell(record, self._moved[record.id], at)

    def _linked(self, record: AlertGroup) -> AlertGroup:
        """With the addresses that its card shows; one that has no card needs none."""
        return record if record.storm else replace(record, links=self._links(record))

    def _find(self, key: str, told: Told) -> Known | None:
        """The group that this notification speaks of; None where it is a new one."""
        group_id = self._ids.get(key) or self._adopt(key, told)
        known = self._known.get(group_id) if group_id else None
        if known is None or not is_over(known.record, told.at, self._entry):
            return known
        return None if any(alert.firing for alert in told.notification.alerts) else known

    def _adopt(self, key: str, told: Told) -> str:
        """After a change of Alertmanager's routing the same alerts come under another key.

        Where more than half of them are shown already, it is the group that holds most of them.
        """
        notification = told.notification
        holders = [self._alive(self._holders.get(alert.fingerprint, ()), told.at) for alert in notification.alerts]
        votes: dict[str, int] = {}
        for group_id in (each for some in holders for each in some):
            votes[group_id] = votes.get(group_id, 0) + 1
        if sum(map(bool, holders)) * 2 <= len(notification.alerts):
            return ""
        best = max(sorted(votes), key=lambda each: votes[each])
        self._ids[key] = self._pointed[key] = best
        known = self._known[best]
        named = replace(
            known.record,
            group_key=notification.group_key,
            receiver=notification.receiver,
            labels=notification.group_labels,
        )
        self._note_down(known, GroupChange(record=named), loud=False)
        return best

    def _alive(self, ids: Iterable[str], at: datetime) -> list[str]:
        return [each for each in ids if not is_over(self._known[each].record, at, self._entry)]

    async def _end_elsewhere(self, group_id: str, told: Told, source: str) -> None:
        """Other groups may hold what was resolved, and nobody else may tell them: their key may be one of an older routing."""
        ended = [each for each in told.notification.alerts if not each.firing]
        others = {other for each in ended for other in self._holders.get(each.fingerprint, ()) if other != group_id}
        for other in sorted(others):
            known = self._known[other]
            theirs = tuple(each for each in ended if _fires(known, each.fingerprint))
            if not theirs:
                continue
            some = replace(told.notification, alerts=theirs)
            change = hears(known, replace(told, notification=some, route=known.record.route), self._entry)
            if change is not None:
                await self._keep(known, change, told.at, source)

    async def _open_group(self, key: str, told: Told, source: str) -> None:
        change = opens(told, "")
        if change is None:
            return
        group_id = await self._new_id(f"{key}/{source}")
        route = change.record.route
        storm = await self._folding.fold(route.channel, route.severity, told.at, source)
        record = replace(change.record, id=group_id, storm=storm, earlier=self._earlier(key))
        self._ids[key] = self._pointed[key] = group_id
        self._note_down(Known(record, {}), replace(change, record=record), loud=True)

    def _earlier(self, key: str) -> Earlier | None:
        known = self._known.get(self._ids.get(key, ""))
        if known is None or known.record.resolved_at is None:
            return None
        return Earlier(id=known.record.id, began_at=known.record.began_at, resolved_at=known.record.resolved_at)

    async def _keep(self, known: Known, change: GroupChange, at: datetime, source: str) -> None:
        before, after = known.record, change.record
        worse = after.severity.rank < before.severity.rank
        again = change.flipped and after.state is GroupState.FIRING
        if after.storm and (after.severity is Severity.P0 or (again and await self._folding.is_over(after.storm, at))):
            # Nobody looks for it on that card. It comes up now, and counts among those that do.
            self._folding.touch(after.storm)
            storm = await self._folding.fold(after.channel, after.severity, at, source)
            change = replace(change, record=replace(after, storm=storm, seen_at=at))
        self._note_down(known, change, loud=(change.flipped and not after.flapping) or worse)
        if after.flapping:
            await self._tx.timers.set(steady_timer(after.id, at, self._entry))
        elif again:
            await self._tx.timers.set(enrich_timer(after.id, at))

    def _note_down(self, known: Known, change: GroupChange, *, loud: bool) -> None:
        record, gone = change.record, set(change.forgotten)
        moved = {each.fingerprint: each for each in change.alerts if each.fingerprint not in gone}
        alerts = {name: each for name, each in {**known.alerts, **moved}.items() if name not in gone}
        self._known[record.id] = Known(record, alerts)
        kept = self._moved.setdefault(record.id, _Moved())
        kept.alerts = {name: each for name, each in {**kept.alerts, **moved}.items() if name not in gone}
        kept.forgotten = (kept.forgotten | gone) - moved.keys()
        kept.notes += change.notes
        kept.quiet = kept.quiet and not loud
        for fingerprint in moved:
            self._holders.setdefault(fingerprint, set()).add(record.id)
        for fingerprint in gone:
            self._holders.get(fingerprint, set()).discard(record.id)
        if record.storm:
            self._folding.touch(record.storm)

    async def _look_for_ids(self, sources: Iterable[str]) -> None:
        """Which of the names that these sources give are free, for all of them at once."""
        named = {source: candidates("al", source) for source in sources}
        taken = await self._tx.alerts.known_ids(each for ids in named.values() for each in ids)
        self._free |= {source: tuple(each for each in ids if each not in taken) for source, ids in named.items()}

    async def _new_id(self, source: str) -> str:
        if source not in self._free:
            await self._look_for_ids([source])
        return next(each for each in self._free[source] if each not in self._known)

    async def _tell(self, record: AlertGroup, moved: _Moved, at: datetime) -> None:
        if record.storm:
            return
        await self._tx.outbox.put(alert_card(record, quiet=moved.quiet), at=at)
        for note in moved.notes:
            await self._tx.outbox.put(alert_note(record, note), at=at)


def key_of(notification: Notification) -> str:
    """The name of a group in the database: Alertmanager's key is as long as its labels are."""
    return hashlib.sha256(f"{notification.receiver}\n{notification.group_key}".encode()).hexdigest()


def without(notification: Notification, unwanted: Iterable[str]) -> Notification:
    """The notification without the alerts of these fingerprints."""
    left_out = frozenset(unwanted)
    if not left_out:
        return notification
    return replace(notification, alerts=tuple(each for each in notification.alerts if each.fingerprint not in left_out))


def _fires(known: Known, fingerprint: str) -> bool:
    alert = known.alerts.get(fingerprint)
    return alert is not None and alert.firing
