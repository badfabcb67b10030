"""The life of an alert group: what becomes true when Alertmanager, a person or the clock says something of it. Pure.

Alertmanager repeats itself, and two of them tell the same story twice: hearing something again changes nothing. What a
notification does not mention stays as it was, because it may be truncated, silenced or inhibited.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from domain.alerts.alerts import Alert, AlertGroup, AlertNote, GroupState, Notification, Route
from domain.alerts.titles import shared_by, summary_of, title_of
from domain.notes import Tone
from domain.text import format_span

EXAMPLES = 5
"""Alerts that the card keeps; a phone shows no more of them."""
NAMED = 8
"""Alerts that one reply names."""
REPEAT = timedelta(seconds=20)
"""An alert that was resolved this recently, and is said to fire since before that end, is the late word of another
Alertmanager: peers speak 15 s apart, and each may have heard of the alert at a moment of its own."""
ENDED = 1000
"""Alerts that ended while their group goes on: more are not kept, or a group that never ends would grow for ever."""
STEADY = 3
"""A flapping group is steady again after this part of the time in which flips are counted."""


class Rules(Protocol):
    """What the catalogue says about time: ``domain.catalogue.alerts.AlertsEntry``."""

    @property
    def reopen_within(self) -> timedelta: ...

    @property
    def flaps(self) -> int: ...

    @property
    def flap_within(self) -> timedelta: ...


@dataclass(frozen=True, slots=True)
class Known:
    """A group as it is kept, and its alerts by fingerprint."""

    record: AlertGroup
    alerts: Mapping[str, Alert]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChange:
    """What becomes true: the record, the alerts that moved, what the thread says."""

    record: AlertGroup
    alerts: tuple[Alert, ...] = ()
    notes: tuple[AlertNote, ...] = ()
    flipped: bool = False
    """It turned from firing to resolved, or back."""
    forgotten: tuple[str, ...] = ()
    """Fingerprints of alerts that are not kept any longer: they ended long ago, or in an episode that is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A notification with what the catalogue makes of it."""

    notification: Notification
    at: datetime
    environment: str = ""
    service: str = ""
    route: Route


def opens(told: Told, group_id: str) -> GroupChange | None:
    """A group that is new. None where nothing of it fires: what was never seen firing need not be told."""
    alerts = tuple(each for each in told.notification.alerts if each.firing)
    if not alerts:
        return None
    notification = told.notification
    blank = AlertGroup(
        id=group_id,
        title="",
        labels=notification.group_labels,
        group_key=notification.group_key,
        receiver=notification.receiver,
        environment=told.environment,
        service=told.service,
        route=told.route,
        state=GroupState.FIRING,
        firing=0,
        total=0,
        began_at=min(each.starts_at for each in alerts),
        seen_at=told.at,
        updated_at=told.at,
        external_url=notification.external_url,
        truncated=notification.truncated > 0,
    )
    return GroupChange(record=counted(blank, {each.fingerprint: each for each in alerts}), alerts=alerts)


def hears(known: Known, told: Told, rules: Rules) -> GroupChange | None:
    """What a notification changes about a group that is known; None where it is nothing."""
    moved = tuple(each for each in told.notification.alerts if _is_news(known, each, told.at))
    if not moved:
        return None
    before = known.record
    alerts = {**known.alerts, **{each.fingerprint: each for each in moved}}
    forgotten = _forgotten(before, alerts, moved)
    kept = {fingerprint: each for fingerprint, each in alerts.items() if fingerprint not in forgotten} if forgotten else alerts
    after = counted(_rerouted(before, told), kept)
    after = replace(after, updated_at=told.at, truncated=told.notification.truncated > 0)
    if before.state is after.state:
        change = _goes_on(known, after, moved, told, rules)
    else:
        change = _turns(before, after, moved, told, rules)
    return replace(change, forgotten=tuple(sorted(forgotten)))


def is_over(record: AlertGroup, at: datetime, rules: Rules) -> bool:
    """Whether it was resolved so long ago that the next alert is a new group with a card of its own."""
    return record.resolved_at is not None and at - record.resolved_at > rules.reopen_within


def steady(record: AlertGroup, at: datetime, rules: Rules) -> GroupChange | None:
    """The clock looks at a flapping group. None while it still flaps."""
    if not record.flapping or _flaps_lately(record, at, rules.flap_within / STEADY):
        return None
    after = replace(record, flapping=False, flips=())
    state = "resolved" if record.state is GroupState.RESOLVED else "firing"
    return changed(after, (), at, f"Steady again: {state} since {clock(record.flips[-1])} UTC.")


def counted(record: AlertGroup, alerts: Mapping[str, Alert]) -> AlertGroup:
    """The record with what its alerts add up to."""
    every = sorted(alerts.values(), key=lambda each: (not each.firing, each.starts_at, each.fingerprint))
    firing = [each for each in every if each.firing]
    shared = shared_by([each.labels for each in firing or every])
    examples = tuple(every[:EXAMPLES])
    return replace(
        record,
        title=title_of(record.labels, shared, examples),
        common_labels=shared,
        summary=summary_of(firing or every),
        firing=len(firing),
        total=len(every),
        examples=examples,
        state=GroupState.FIRING if firing else GroupState.RESOLVED,
    )


def differing(alert: Alert, record: AlertGroup) -> str:
    """What tells this alert from the others of its group: ``service=cache, pod=…``; its name where nothing does."""
    own = {name: value for name, value in alert.labels.items() if record.common_labels.get(name) != value}
    if not own:
        return alert.labels.get("alertname") or alert.fingerprint
    return ", ".join(f"{name}={value}" for name, value in sorted(own.items()))


def _is_news(known: Known, told: Alert, at: datetime) -> bool:
    old = known.alerts.get(told.fingerprint)
    if old is None or old == told:
        return old is None and told.firing
    if told.firing and not old.firing:
        ended = known.record.resolved_at or known.record.updated_at
        return told.starts_at > (old.ends_at or old.starts_at) or at - ended > REPEAT
    # A peer's late word of an end that came before the present beginning.
    return told.firing or told.ends_at is None or told.ends_at >= old.starts_at


def _forgotten(before: AlertGroup, alerts: Mapping[str, Alert], moved: Sequence[Alert]) -> frozenset[str]:
    """A new episode begins with its own alerts alone; one that goes on keeps the last that ended."""
    ended = [each for each in alerts.values() if not each.firing]
    if len(ended) < len(alerts) and before.state is GroupState.RESOLVED:
        told = {each.fingerprint for each in moved}
        return frozenset(each.fingerprint for each in ended if each.fingerprint not in told)
    if len(ended) <= ENDED:
        return frozenset()
    ended.sort(key=lambda each: (each.ends_at or each.starts_at, each.fingerprint), reverse=True)
    return frozenset(each.fingerprint for each in ended[ENDED:])


def _rerouted(record: AlertGroup, told: Told) -> AlertGroup:
    """The worst of what is known decides; the card stays in the channel where it is."""
    route = replace(told.route, channel=record.route.channel)
    if route.severity.rank > record.severity.rank and record.state is GroupState.FIRING:
        route = record.route
    return replace(record, route=route)


def _goes_on(known: Known, after: AlertGroup, moved: Sequence[Alert], told: Told, rules: Rules) -> GroupChange:
    """The group fires as before, with more alerts or fewer."""
    before = known.record
    joined = [each for each in moved if each.firing and not _fired(known, each)]
    left = [each for each in moved if not each.firing and _fired(known, each)]
    worse = after.severity.rank < before.severity.rank
    still_flaps = before.flapping and _flaps_lately(before, told.at, rules.flap_within / STEADY)
    if not (joined or left or worse) or still_flaps or after.state is GroupState.RESOLVED:
        return GroupChange(record=after, alerts=tuple(moved))
    said = []
    if joined:
        said.append(f"{_alerts(len(joined))} more.")
    if left:
        said.append(f"{_alerts(len(left))} resolved.")
    if worse:
        said.append(f"It is {after.severity} now, it was {before.severity}.")
    said.append(f"{_alerts(after.firing)} {'fires' if after.firing == 1 else 'fire'} now.")
    signs = [(each, "🔴") for each in joined] + [(each, "✅") for each in left]
    lines = tuple(f"{sign} {differing(each, after)}" for each, sign in signs[:NAMED])
    if len(signs) > NAMED:
        lines = (*lines, f"and {len(signs) - NAMED} more")
    return changed(after, moved, told.at, " ".join(said), tone=Tone.WARNING if worse else Tone.PLAIN, lines=lines)


def _fired(known: Known, alert: Alert) -> bool:
    old = known.alerts.get(alert.fingerprint)
    return old is not None and old.firing


def _turns(before: AlertGroup, after: AlertGroup, moved: Sequence[Alert], told: Told, rules: Rules) -> GroupChange:
    """It is resolved, or it fires again."""
    at = told.at
    flips = (*(each for each in before.flips if at - each <= rules.flap_within), at)[-rules.flaps :]
    flapping = len(flips) >= rules.flaps
    after = replace(after, flips=flips, flapping=flapping)
    after = _resolved(after, at) if after.state is GroupState.RESOLVED else _reopened(after, moved)
    if flapping:
        if before.flapping:
            return GroupChange(record=after, alerts=tuple(moved), flipped=True)
        text = f"Flapping: {len(flips)} changes in {format_span(at - flips[0])}. From here the card alone follows them."
        return replace(changed(after, moved, at, text, tone=Tone.WARNING), flipped=True)
    if after.state is GroupState.RESOLVED:
        change = changed(after, moved, at, f"Resolved after {format_span(at - before.began_at)}.", tone=Tone.GOOD)
    else:
        ago = format_span(at - (before.resolved_at or before.updated_at))
        text = f"Fires again, {ago} after it was resolved: {_alerts(after.firing)}."
        lines = [differing(each, after) for each in moved if each.firing]
        if len(lines) > NAMED:
            lines[NAMED:] = [f"and {len(lines) - NAMED} more"]
        change = changed(after, moved, at, text, tone=Tone.BAD, lines=tuple(lines))
    return replace(change, flipped=True)


def _resolved(after: AlertGroup, at: datetime) -> AlertGroup:
    return replace(after, resolved_at=at)


def _reopened(after: AlertGroup, moved: Sequence[Alert]) -> AlertGroup:
    """A new episode: whoever acknowledged the last one has not seen this one, and another change may be to blame."""
    began = min(each.starts_at for each in moved if each.firing)
    return replace(
        after,
        resolved_at=None,
        began_at=began,
        episode=after.episode + 1,
        acknowledgement=after.acknowledgement if after.flapping else None,
        suspect=None,
        value="",
    )


def _flaps_lately(record: AlertGroup, at: datetime, within: timedelta) -> bool:
    return bool(record.flips) and at - record.flips[-1] < within


def noted(
    record: AlertGroup, at: datetime, text: str, *, key: str = "", tone: Tone = Tone.PLAIN, lines: tuple[str, ...] = ()
) -> AlertNote:
    """A reply in the thread; without a ``key`` it takes the record's present number."""
    return AlertNote(group=record.id, key=key or str(record.said), at=at, text=text, tone=tone, lines=lines)


def changed(
    after: AlertGroup,
    moved: Sequence[Alert],
    at: datetime,
    text: str,
    *,
    tone: Tone = Tone.PLAIN,
    lines: tuple[str, ...] = (),
) -> GroupChange:
    """The change that a reply in the thread tells of. ``moved`` are alerts that are no longer as they were."""
    after = replace(after, said=after.said + 1)
    return GroupChange(record=after, alerts=tuple(moved), notes=(noted(after, at, text, tone=tone, lines=lines),))


def _alerts(count: int) -> str:
    return f"{count} alert" if count == 1 else f"{count:,} alerts"


def clock(at: datetime, *, seen_from: datetime | None = None) -> str:
    """The time of day in UTC, as sentences have it; with the date where it is not the day it is ``seen_from``."""
    return f"{at:%H:%M}" if seen_from is None or seen_from.date() == at.date() else f"{at:%d %b %H:%M}"
