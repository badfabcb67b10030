"""Alert groups of one batch of notifications: read at once, changed by pure transitions, written at once."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from domain.alerts.alerts import Alert, AlertGroup, AlertLink, AlertNote, GroupState, Notification, PreviousGroup
from domain.alerts.group_changes import GroupChange
from domain.alerts.groups import (
    LATE_REPEAT_WINDOW,
    RoutedNotification,
    StoredGroup,
    apply_notification,
    doubtful_alerts,
    is_closed,
    open_group,
)
from domain.catalogue.alerts import AlertsConfig
from domain.ids import id_candidates
from domain.severities import Severity
from runbooks.alerts.storms import StormBatch
from runbooks.alerts.timers import doubt_key, doubt_timer, enrich_timer, flapping_check_timer
from storage.group_saves import GroupSave
from storage.store import Transaction

ASK_DELAY = timedelta(seconds=2)
"""How long to wait for another notification before Alertmanager is asked which of two that contradict each other is true."""


@dataclass(slots=True)
class _PendingChanges:
    """The changes of one group in a batch. ``low_priority``: nothing that a person must see at once."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    notes: list[AlertNote] = field(default_factory=list)
    low_priority: bool = True


class GroupBatch:
    """``load`` all groups of the batch, ``apply`` each notification in order, then ``write``.

    ``links`` returns the links on a group's card. ``has_incidents``: the card offers to declare one.
    """

    def __init__(
        self,
        tx: Transaction,
        entry: AlertsConfig,
        links: Callable[[AlertGroup], tuple[AlertLink, ...]],
        *,
        has_incidents: bool = False,
    ) -> None:
        self._tx, self._entry, self._links, self._has_incidents = tx, entry, links, has_incidents
        self._storms = StormBatch(tx, entry)
        self._ids_by_key: dict[str, str] = {}
        self._groups_by_fingerprint: dict[str, set[str]] = {}
        self._groups: dict[str, StoredGroup] = {}
        self._free_ids: dict[str, tuple[str, ...]] = {}
        self._changes: dict[str, _PendingChanges] = {}
        self._assigned_keys: dict[str, str] = {}
        self.opened: list[AlertGroup] = []

    async def load(self, notifications: Sequence[tuple[str, Notification]], since: datetime) -> None:
        """Read every group that the notifications may belong to: by its key, or by the alerts that it contains.

        ``notifications`` are pairs of source and notification, as for ``apply``. ``since`` is when the first one arrived.
        """
        keys = {key_of(notification) for _, notification in notifications}
        self._ids_by_key = dict(await self._tx.alerts.group_ids_by_key(keys))
        new = [(source, notification) for source, notification in notifications if key_of(notification) not in self._ids_by_key]
        # Alerts under a new key may belong to a group with an older key; resolved alerts may be in any other group as well.
        fingerprints = {alert.fingerprint for _, notification in new for alert in notification.alerts}
        fingerprints |= {
            alert.fingerprint for _, notification in notifications for alert in notification.alerts if not alert.firing
        }
        holders = await self._tx.alerts.groups_by_fingerprint(fingerprints, active_since=since - self._entry.reopen_within)
        self._groups_by_fingerprint = {fingerprint: set(ids) for fingerprint, ids in holders.items()}
        ids = {*self._ids_by_key.values(), *(group_id for group_ids in holders.values() for group_id in group_ids)}
        records, alerts = await self._tx.alerts.get_many_for_update(ids), await self._tx.alerts.alerts_by_group(ids)
        self._groups = {group_id: StoredGroup(record, alerts.get(group_id, {})) for group_id, record in records.items()}
        new_sources = [
            f"{key_of(notification)}/{source}"
            for source, notification in new
            if any(alert.firing for alert in notification.alerts)
        ]
        await self._load_free_ids(new_sources)

    async def apply(self, routed: RoutedNotification, source: str) -> None:
        """Apply one notification. ``source`` is its inbox key, from which the id of a new group derives."""
        key = key_of(routed.notification)
        stored = self._find(key, routed)
        if stored is not None:
            await self._note_doubt(stored, routed, source)
        if stored is None:
            await self._open_group(key, routed, source)
        elif (change := apply_notification(stored, routed, self._entry)) is not None:
            await self._update_group(stored, change, routed.at, source)
        group_id = self._ids_by_key.get(key, "")
        if group_id:
            self._tx.trail.add("alert notification applied", group=group_id, inbound=source)
        await self._resolve_in_other_groups(group_id, routed, source)

    async def load_groups(self, ids: Iterable[str]) -> Mapping[str, StoredGroup]:
        """Read these groups, for ``correct``. Those that no longer exist are left out."""
        records, alerts = await self._tx.alerts.get_many_for_update(ids), await self._tx.alerts.alerts_by_group(ids)
        self._groups |= {group_id: StoredGroup(record, alerts.get(group_id, {})) for group_id, record in records.items()}
        return self._groups

    def group(self, group_id: str) -> StoredGroup:
        """A loaded group as this batch leaves it."""
        return self._groups[group_id]

    async def correct(self, routed: RoutedNotification, group_id: str) -> None:
        """Apply what is known of a loaded group though no notification says so."""
        stored = self._groups[group_id]
        if (change := apply_notification(stored, routed, self._entry)) is not None:
            await self._update_group(stored, change, routed.at, f"{group_id}/{routed.at.isoformat()}")

    async def write(self, at: datetime) -> None:
        """Write groups, alerts, cards, thread notes and storms at once. ``at`` is now."""
        saves = [self._group_save(group_id, pending) for group_id, pending in self._changes.items()]
        await self._tx.save_groups(saves, at, keys=self._assigned_keys, storms=self._storms.saves())

    def _group_save(self, group_id: str, pending: _PendingChanges) -> GroupSave:
        change = GroupChange(
            record=self._with_card_details(self._groups[group_id].record),
            alerts=tuple(pending.alerts.values()),
            notes=tuple(pending.notes),
            deleted_fingerprints=tuple(pending.deleted),
        )
        return GroupSave(change=change, low_priority=pending.low_priority)

    def _with_card_details(self, record: AlertGroup) -> AlertGroup:
        """The group with what only its card needs; a group in a storm has no card."""
        return record if record.storm else replace(record, links=self._links(record), can_declare=self._has_incidents)

    async def _note_doubt(self, stored: StoredGroup, routed: RoutedNotification, source: str) -> None:
        """Have a contradiction decided soon: nothing that should fire is dropped for good. A later word of the end settles it."""
        group_id = stored.record.id
        if doubtful_alerts(stored, routed):
            wait = ASK_DELAY if routed.can_ask else LATE_REPEAT_WINDOW
            await self._tx.timers.set(doubt_timer(group_id, source, routed.at + wait), routed.at)
        elif any(not each.firing and not _is_firing(stored, each.fingerprint) for each in routed.notification.alerts):
            await self._tx.timers.remove(doubt_key(group_id))

    def _find(self, key: str, routed: RoutedNotification) -> StoredGroup | None:
        """The group of this notification; None if it opens a new one."""
        group_id = self._ids_by_key.get(key) or self._match_by_alerts(key, routed)
        stored = self._groups.get(group_id) if group_id else None
        if stored is None or not is_closed(stored.record, routed.at, self._entry):
            return stored
        # A closed group is never reopened. What is resolved late still belongs to it.
        return None if any(alert.firing for alert in routed.notification.alerts) else stored

    def _match_by_alerts(self, key: str, routed: RoutedNotification) -> str:
        """Adopt an open group for a new key; empty if none fits.

        After a change of Alertmanager's routing the same alerts arrive under another key. If open groups contain more than
        half of them, the group with the most of them gets the new key.
        """
        notification = routed.notification
        holders = [
            self._open_groups(self._holders(alert.fingerprint, notification.source), routed.at) for alert in notification.alerts
        ]
        votes: dict[str, int] = {}
        for group_id in (holder for group_ids in holders for holder in group_ids):
            votes[group_id] = votes.get(group_id, 0) + 1
        if sum(map(bool, holders)) * 2 <= len(notification.alerts):
            return ""
        # Sorted first, so that a tie gives the same group on every replay.
        best = max(sorted(votes), key=lambda group_id: votes[group_id])
        self._ids_by_key[key] = self._assigned_keys[key] = best
        stored = self._groups[best]
        updated = replace(
            stored.record,
            group_key=notification.group_key,
            receiver=notification.receiver,
            labels=notification.group_labels,
        )
        self._record(stored, GroupChange(record=updated), high_priority=False)
        return best

    def _holders(self, fingerprint: str, source: str) -> list[str]:
        """The source's groups with this alert: another source's alert with the same labels is another alert."""
        ids = self._groups_by_fingerprint.get(fingerprint, ())
        return [group_id for group_id in ids if self._groups[group_id].record.source == source]

    def _open_groups(self, ids: Iterable[str], at: datetime) -> list[str]:
        return [group_id for group_id in ids if not is_closed(self._groups[group_id].record, at, self._entry)]

    async def _resolve_in_other_groups(self, group_id: str, routed: RoutedNotification, source: str) -> None:
        """Resolve alerts in other groups too: a group whose key comes from an older routing gets no notification of its own."""
        resolved = [alert for alert in routed.notification.alerts if not alert.firing]
        others = {
            other
            for alert in resolved
            for other in self._holders(alert.fingerprint, routed.notification.source)
            if other != group_id
        }
        for other in sorted(others):
            stored = self._groups[other]
            shared = tuple(alert for alert in resolved if _is_firing(stored, alert.fingerprint))
            if not shared:
                continue
            partial = replace(routed.notification, alerts=shared)
            change = apply_notification(stored, replace(routed, notification=partial, route=stored.record.route), self._entry)
            if change is not None:
                await self._update_group(stored, change, routed.at, source)

    async def _open_group(self, key: str, routed: RoutedNotification, source: str) -> None:
        change = open_group(routed, "")
        if change is None:
            return
        group_id = await self._new_id(f"{key}/{source}")
        route = change.record.route
        storm = await self._storms.fold(route.channel, route.severity, routed.at, source)
        record = replace(change.record, id=group_id, storm=storm, previous=self._previous_group(key))
        self._ids_by_key[key] = self._assigned_keys[key] = group_id
        self._record(StoredGroup(record, {}), replace(change, record=record), high_priority=True)
        self.opened.append(record)

    def _previous_group(self, key: str) -> PreviousGroup | None:
        stored = self._groups.get(self._ids_by_key.get(key, ""))
        if stored is None or stored.record.resolved_at is None:
            return None
        return PreviousGroup(id=stored.record.id, began_at=stored.record.began_at, resolved_at=stored.record.resolved_at)

    async def _update_group(self, stored: StoredGroup, change: GroupChange, at: datetime, source: str) -> None:
        before, after = stored.record, change.record
        worse = after.severity.rank < before.severity.rank
        refired = change.state_changed and after.state is GroupState.FIRING
        if after.storm and (after.severity is Severity.P0 or (refired and await self._storms.is_over(after.storm, at))):
            # The storm's card would hide it. Post its own card and count it as a new group.
            self._storms.touch(after.storm)
            storm = await self._storms.fold(after.channel, after.severity, at, source)
            change = replace(change, record=replace(after, storm=storm, seen_at=at))
        self._record(stored, change, high_priority=(change.state_changed and not after.flapping) or worse)
        if after.flapping:
            await self._tx.timers.set(flapping_check_timer(after.id, at, self._entry), at)
        elif refired:
            await self._tx.timers.set(enrich_timer(after.id, at), at)

    def _record(self, stored: StoredGroup, change: GroupChange, *, high_priority: bool) -> None:
        record, deleted = change.record, set(change.deleted_fingerprints)
        updated = {alert.fingerprint: alert for alert in change.alerts if alert.fingerprint not in deleted}
        alerts = {name: alert for name, alert in {**stored.alerts, **updated}.items() if name not in deleted}
        self._groups[record.id] = StoredGroup(record, alerts)
        pending = self._changes.setdefault(record.id, _PendingChanges())
        pending.alerts = {name: alert for name, alert in {**pending.alerts, **updated}.items() if name not in deleted}
        # An alert that was deleted earlier in this batch and has come back is stored, not deleted.
        pending.deleted = (pending.deleted | deleted) - updated.keys()
        pending.notes += change.notes
        pending.low_priority = pending.low_priority and not high_priority
        for fingerprint in updated:
            self._groups_by_fingerprint.setdefault(fingerprint, set()).add(record.id)
        for fingerprint in deleted:
            self._groups_by_fingerprint.get(fingerprint, set()).discard(record.id)
        if record.storm:
            self._storms.touch(record.storm)

    async def _load_free_ids(self, sources: Iterable[str]) -> None:
        """Find the unused ids derived from these sources, with one query."""
        candidate_ids = {source: id_candidates("al", source) for source in sources}
        used = await self._tx.alerts.known_ids(candidate for ids in candidate_ids.values() for candidate in ids)
        self._free_ids |= {
            source: tuple(candidate for candidate in ids if candidate not in used) for source, ids in candidate_ids.items()
        }

    async def _new_id(self, source: str) -> str:
        if source not in self._free_ids:
            await self._load_free_ids([source])
        return next(candidate for candidate in self._free_ids[source] if candidate not in self._groups)


def key_of(notification: Notification) -> str:
    """The key of a group in the database: a hash, since Alertmanager's own key grows with the labels."""
    source = f"{notification.source}\n" if notification.source else ""
    return hashlib.sha256(f"{source}{notification.receiver}\n{notification.group_key}".encode()).hexdigest()


def without_alerts(notification: Notification, unwanted: Iterable[str]) -> Notification:
    """The notification without the alerts of these fingerprints."""
    left_out = frozenset(unwanted)
    if not left_out:
        return notification
    return replace(notification, alerts=tuple(alert for alert in notification.alerts if alert.fingerprint not in left_out))


def _is_firing(stored: StoredGroup, fingerprint: str) -> bool:
    alert = stored.alerts.get(fingerprint)
    return alert is not None and alert.firing
