"""How notifications of Alertmanager and the passing of time change an alert group. Pure.

Alertmanager repeats notifications, and both of a pair send each one: a repetition changes nothing. Alerts that a notification
does not mention stay as they are, because they may be truncated, silenced or inhibited.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from domain.alerts.alerts import Alert, AlertGroup, GroupState, Notification, Route
from domain.alerts.group_changes import GroupChange, change_with_note, distinguishing_labels, format_time
from domain.alerts.titles import shared_by, summary_of, title_of
from domain.clock import has_passed, is_from_the_future
from domain.notes import Tone
from domain.text import and_more, format_duration

MAX_EXAMPLES = 5
"""Maximum alerts on the card; a phone shows no more."""
MAX_NAMED_ALERTS = 8
"""Maximum alerts that one reply names."""
LATE_REPEAT_WINDOW = timedelta(seconds=20)
"""Within this time after an alert's end, a notification that it fires since before that end is a late one of the other
Alertmanager of a pair: they send 15 s apart, and each may have received the alert at another time."""
MAX_RESOLVED_ALERTS = 1000
"""Maximum resolved alerts of a group that still fires. Without it, a group that never ends would grow for ever."""
STEADY_DIVISOR = 3
"""A flapping group counts as steady after ``flap_within`` divided by this, without a change of state."""


class GroupTimings(Protocol):
    """The settings that this module reads of ``domain.catalogue.alerts.AlertsConfig``."""

    @property
    def reopen_within(self) -> timedelta: ...

    @property
    def flap_changes(self) -> int: ...

    @property
    def flap_within(self) -> timedelta: ...


@dataclass(frozen=True, slots=True)
class StoredGroup:
    """A group as it is stored, and its alerts by fingerprint."""

    record: AlertGroup
    alerts: Mapping[str, Alert]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutedNotification:
    """A notification with the location and the route that the catalogue gives it."""

    notification: Notification
    at: datetime
    environment: str = ""
    service: str = ""
    route: Route
    can_ask: bool = False
    """Whether an Alertmanager can be asked where notifications contradict each other."""
    explanation: str = ""
    """How it is known, where Alertmanager was asked: then it is believed, whatever notifications said before."""


def open_group(routed: RoutedNotification, group_id: str) -> GroupChange | None:
    """Open a new group. None if no alert fires: nobody needs to know of an end whose beginning was not shown."""
    alerts = tuple(each for each in routed.notification.alerts if each.firing)
    if not alerts:
        return None
    notification = routed.notification
    blank = AlertGroup(
        id=group_id,
        title="",
        labels=notification.group_labels,
        group_key=notification.group_key,
        receiver=notification.receiver,
        source=notification.source,
        environment=routed.environment,
        service=routed.service,
        route=routed.route,
        state=GroupState.FIRING,
        firing=0,
        total=0,
        began_at=min(each.starts_at for each in alerts),
        seen_at=routed.at,
        updated_at=routed.at,
        external_url=notification.external_url,
        truncated=notification.truncated_alerts > 0,
    )
    return GroupChange(record=with_counts(blank, {each.fingerprint: each for each in alerts}), alerts=alerts)


def apply_notification(stored: StoredGroup, routed: RoutedNotification, timings: GroupTimings) -> GroupChange | None:
    """Apply a notification to a stored group. None if it changes nothing."""
    changed_alerts = tuple(each for each in routed.notification.alerts if _is_new_information(stored, each, routed))
    if not changed_alerts:
        return None
    before = stored.record
    alerts = {**stored.alerts, **{each.fingerprint: each for each in changed_alerts}}
    deleted = _fingerprints_to_delete(before, alerts, changed_alerts)
    remaining = {fingerprint: each for fingerprint, each in alerts.items() if fingerprint not in deleted} if deleted else alerts
    after = with_counts(_rerouted(before, routed, remaining.values()), remaining)
    after = replace(after, updated_at=routed.at, truncated=routed.notification.truncated_alerts > 0)
    if before.state is after.state:
        change = _update_in_state(stored, after, changed_alerts, routed, timings)
    else:
        change = _change_state(before, after, changed_alerts, routed, timings)
    return replace(change, deleted_fingerprints=tuple(sorted(deleted)))


def is_closed(record: AlertGroup, at: datetime, timings: GroupTimings) -> bool:
    """Whether it was resolved so long ago that the next alert opens a new group with a card of its own."""
    return record.resolved_at is not None and has_passed(timings.reopen_within, record.resolved_at, at)


def end_flapping(record: AlertGroup, at: datetime, timings: GroupTimings) -> GroupChange | None:
    """End the flapping of a group whose state is steady. None while it still flaps."""
    if not record.flapping or _flapped_within(record, at, timings.flap_within / STEADY_DIVISOR):
        return None
    after = replace(record, flapping=False, state_changes=())
    state = "resolved" if record.state is GroupState.RESOLVED else "firing"
    return change_with_note(after, (), at, f"Steady again: {state} since {format_time(record.state_changes[-1])} UTC.")


def with_counts(record: AlertGroup, alerts: Mapping[str, Alert]) -> AlertGroup:
    """Update everything in the record that depends on the alerts: counts, state, title, summary, examples."""
    ordered = sorted(alerts.values(), key=lambda each: (not each.firing, each.starts_at, each.fingerprint))
    firing = [each for each in ordered if each.firing]
    shared = shared_by([each.labels for each in firing or ordered])
    examples = tuple(replace(each, route=None) for each in ordered[:MAX_EXAMPLES])
    return replace(
        record,
        title=title_of(record.labels, shared, examples),
        common_labels=shared,
        summary=summary_of(firing or ordered),
        firing=len(firing),
        total=len(ordered),
        examples=examples,
        state=GroupState.FIRING if firing else GroupState.RESOLVED,
    )


def doubtful_alerts(stored: StoredGroup, routed: RoutedNotification) -> tuple[Alert, ...]:
    """Alerts of a notification that should fire since before their known end, and that do not count as firing for now.

    Each is a late repetition by the other Alertmanager of a pair, or fires again with the same beginning.
    """
    return tuple(
        each
        for each in routed.notification.alerts
        if _contradicts_end(stored.alerts.get(each.fingerprint), each) and not _is_new_information(stored, each, routed)
    )


def _contradicts_end(previous: Alert | None, reported: Alert) -> bool:
    if previous is None or previous.firing or not reported.firing:
        return False
    return reported.starts_at <= (previous.ends_at or previous.starts_at)


def _is_new_information(stored: StoredGroup, reported: Alert, routed: RoutedNotification) -> bool:
    previous = stored.alerts.get(reported.fingerprint)
    if routed.explanation:
        return previous is not None and previous.firing != reported.firing
    # An alert that is unknown and resolved was never shown, so its end is no news.
    if previous is None or previous == reported:
        return previous is None and reported.firing
    if reported.firing and not previous.firing:
        ended = stored.record.resolved_at or stored.record.updated_at
        is_late = routed.can_ask or not has_passed(LATE_REPEAT_WINDOW, ended, routed.at)
        return not (_contradicts_end(previous, reported) and is_late)
    # The other Alertmanager of a pair may report late an end that was before the present beginning.
    return reported.firing or reported.ends_at is None or reported.ends_at >= previous.starts_at


def _fingerprints_to_delete(before: AlertGroup, alerts: Mapping[str, Alert], changed_alerts: Sequence[Alert]) -> frozenset[str]:
    """A new episode starts with its own alerts alone. An episode that goes on keeps the last ``MAX_RESOLVED_ALERTS``."""
    resolved = [each for each in alerts.values() if not each.firing]
    if len(resolved) < len(alerts) and before.state is GroupState.RESOLVED:
        reported = {each.fingerprint for each in changed_alerts}
        return frozenset(each.fingerprint for each in resolved if each.fingerprint not in reported)
    if len(resolved) <= MAX_RESOLVED_ALERTS:
        return frozenset()
    resolved.sort(key=lambda each: (each.ends_at or each.starts_at, each.fingerprint), reverse=True)
    return frozenset(each.fingerprint for each in resolved[MAX_RESOLVED_ALERTS:])


def _rerouted(record: AlertGroup, routed: RoutedNotification, alerts: Iterable[Alert]) -> AlertGroup:
    """Route the group by the worst of what fires now, also where it is less severe than before. The card stays in its channel."""
    reported = {each.fingerprint for each in routed.notification.alerts}
    firing = [each.route or (routed.route if each.fingerprint in reported else record.route) for each in alerts if each.firing]
    if not firing:
        return record
    route = min(firing, key=lambda each: (each.severity.rank, each.rule != routed.route.rule, each.rule))
    return replace(record, route=replace(route, channel=record.route.channel))


def _update_in_state(
    stored: StoredGroup, after: AlertGroup, changed_alerts: Sequence[Alert], routed: RoutedNotification, timings: GroupTimings
) -> GroupChange:
    """The group's state is as before, with more or fewer firing alerts."""
    before = stored.record
    newly_firing = [each for each in changed_alerts if each.firing and not _was_firing(stored, each)]
    newly_resolved = [each for each in changed_alerts if not each.firing and _was_firing(stored, each)]
    worse, other_severity = after.severity.rank < before.severity.rank, after.severity is not before.severity
    still_flaps = before.flapping and _flapped_within(before, routed.at, timings.flap_within / STEADY_DIVISOR)
    if not (newly_firing or newly_resolved or other_severity) or still_flaps or after.state is GroupState.RESOLVED:
        return GroupChange(record=after, alerts=tuple(changed_alerts))
    sentences = []
    if newly_firing:
        sentences.append(f"{_alert_count(len(newly_firing))} more.")
    if newly_resolved:
        sentences.append(f"{_alert_count(len(newly_resolved))} resolved.")
    if other_severity:
        sentences.append(f"It is {after.severity} now, it was {before.severity}.")
    sentences.append(f"{_alert_count(after.firing)} {'fires' if after.firing == 1 else 'fire'} now.")
    sentences += [routed.explanation] if routed.explanation else []
    marked_alerts = [(each, "🔴") for each in newly_firing] + [(each, "✅") for each in newly_resolved]
    lines = tuple(f"{sign} {distinguishing_labels(each, after)}" for each, sign in marked_alerts[:MAX_NAMED_ALERTS])
    if len(marked_alerts) > MAX_NAMED_ALERTS:
        lines = (*lines, and_more(len(marked_alerts) - MAX_NAMED_ALERTS))
    return change_with_note(
        after, changed_alerts, routed.at, " ".join(sentences), tone=Tone.WARNING if worse else Tone.PLAIN, lines=lines
    )


def _was_firing(stored: StoredGroup, alert: Alert) -> bool:
    previous = stored.alerts.get(alert.fingerprint)
    return previous is not None and previous.firing


def _change_state(
    before: AlertGroup, after: AlertGroup, changed_alerts: Sequence[Alert], routed: RoutedNotification, timings: GroupTimings
) -> GroupChange:
    """The group is resolved, or it fires again."""
    at = routed.at
    state_changes = (*(each for each in before.state_changes if not has_passed(timings.flap_within, each, at)), at)[
        -timings.flap_changes :
    ]
    flapping = len(state_changes) >= timings.flap_changes
    after = replace(after, state_changes=state_changes, flapping=flapping)
    after = _resolved(after, at) if after.state is GroupState.RESOLVED else _reopened(after, changed_alerts)
    # A flapping group gets one reply when it begins: more of them would flood the thread.
    if flapping:
        if before.flapping:
            return GroupChange(record=after, alerts=tuple(changed_alerts), state_changed=True)
        span = format_duration(at - state_changes[0])
        text = f"Flapping: {len(state_changes)} changes in {span}. From here the card alone follows them."
        return replace(change_with_note(after, changed_alerts, at, text, tone=Tone.WARNING), state_changed=True)
    if after.state is GroupState.RESOLVED:
        text = f"Resolved after {format_duration(at - before.began_at)}. {routed.explanation}".rstrip()
        change = change_with_note(after, changed_alerts, at, text, tone=Tone.GOOD)
    else:
        ago = format_duration(at - (before.resolved_at or before.updated_at))
        text = f"Fires again, {ago} after it was resolved: {_alert_count(after.firing)}. {routed.explanation}".rstrip()
        lines = [distinguishing_labels(each, after) for each in changed_alerts if each.firing]
        if len(lines) > MAX_NAMED_ALERTS:
            lines[MAX_NAMED_ALERTS:] = [and_more(len(lines) - MAX_NAMED_ALERTS)]
        change = change_with_note(after, changed_alerts, at, text, tone=Tone.BAD, lines=tuple(lines))
    return replace(change, state_changed=True)


def _resolved(after: AlertGroup, at: datetime) -> AlertGroup:
    return replace(after, resolved_at=at)


def _reopened(after: AlertGroup, changed_alerts: Sequence[Alert]) -> AlertGroup:
    """Start a new episode. Who acknowledged the last one has not seen this one, and the suspect may be another one."""
    began = min(each.starts_at for each in changed_alerts if each.firing)
    return replace(
        after,
        resolved_at=None,
        began_at=began,
        episode=after.episode + 1,
        acknowledgement=after.acknowledgement if after.flapping else None,
        suspect=None,
        value="",
    )


def _flapped_within(record: AlertGroup, at: datetime, within: timedelta) -> bool:
    if not record.state_changes or is_from_the_future(record.state_changes[-1], at):
        return False
    return at - record.state_changes[-1] < within


def _alert_count(count: int) -> str:
    return f"{count} alert" if count == 1 else f"{count:,} alerts"
