"""What is recorded of a silence besides its group: its lease, its timers, and what fired when it was made."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from domain.alerts.alerts import AlertGroup, AppliedSilence
from domain.alerts.routing import route_of
from domain.alerts.silence_endings import ending, on_call_time, owner_time
from domain.alerts.silences import AlertDetails
from domain.alerts.tripwires import HiddenAlert, Tripwire, TripwireChoice, with_hidden
from domain.catalogue.catalogue import Catalogue
from domain.leases.lease import Lease, LeaseKind
from domain.matchers import Matcher, group_matchers, matches
from domain.rich_text import Text
from runbooks.alerts.timers import (
    CHECK_INTERVAL,
    silence_ending_at_night_timer,
    silence_ending_timer,
    silence_extension_timer,
    tripwires_timer,
    unsilence_timer,
)
from storage.leases import LeaseRepository
from storage.silence_messages import silence_ending
from storage.store import Transaction
from storage.tripwires import TripwireRepository


async def record_silence(tx: Transaction, group: AlertGroup, applied: AppliedSilence) -> None:
    """Set the timers and the lease of a silence, in the transaction that records it."""
    await tx.timers.set(unsilence_timer(group.id, applied.until))
    await tx.timers.set(silence_ending_timer(group.id, owner_time(applied)))
    await tx.timers.set(silence_ending_at_night_timer(group.id, on_call_time(applied)))
    await tx.of(LeaseRepository).put(_lease(group, applied))


async def set_tripwire(
    tx: Transaction, group: AlertGroup, applied: AppliedSilence, choice: TripwireChoice, fires: Sequence[HiddenAlert]
) -> None:
    """Record what fires under a silence, and look from now on what is new."""
    tripwire = Tripwire(
        silence_id=applied.id,
        group_id=group.id,
        environment=group.environment,
        source=group.source,
        owner=applied.by,
        until=applied.until,
        choice=choice,
    )
    # Where nothing fires yet, the group's own severity is what was seen.
    seen = replace(tripwire, worst=None if fires else group.severity)
    await tx.of(TripwireRepository).put(with_hidden(seen, fires))
    await tx.timers.bring_forward(tripwires_timer(group.environment, group.source, applied.at + CHECK_INTERVAL))


async def move_silence(tx: Transaction, group: AlertGroup, before: AppliedSilence, moved: AppliedSilence, at: datetime) -> None:
    """Let everything that stands for a silence end later, and be its new owner's. Its id may be another one."""
    tripwire = await tx.of(TripwireRepository).get(before.id)
    await tx.timers.remove(silence_extension_timer(group.id, at).key)
    if moved.id != before.id:
        await forget_silence(tx, group, before.id, before.until)
    await record_silence(tx, group, moved)
    if tripwire is not None:
        moved_tripwire = replace(tripwire, silence_id=moved.id, owner=moved.owner, until=moved.until)
        await tx.of(TripwireRepository).put(moved_tripwire)
        # The last look before the old end has set no other.
        await tx.timers.bring_forward(tripwires_timer(group.environment, group.source, at + CHECK_INTERVAL))


async def say_decided(tx: Transaction, group: AlertGroup, before: AppliedSilence | None, decision: Text, at: datetime) -> None:
    """Show to everybody who was told that a silence ends what became of it, instead of what they could do."""
    if before is None:
        return
    for told in before.told:
        await tx.put_message(silence_ending(group, ending(group, before, told, decision=decision)), at)


async def forget_silence(tx: Transaction, group: AlertGroup, silence_id: str, at: datetime) -> None:
    """Remove what stands for a silence besides its group: timers, lease, tripwire."""
    for timer in (
        unsilence_timer(group.id, at),
        silence_ending_timer(group.id, at),
        silence_ending_at_night_timer(group.id, at),
        silence_extension_timer(group.id, at),
    ):
        await tx.timers.remove(timer.key)
    await tx.of(LeaseRepository).end(LeaseKind.SILENCE, group.environment, silence_id)
    await tx.of(TripwireRepository).remove(silence_id)


async def firing_now(
    tx: Transaction, group: AlertGroup, alerts: Iterable[AlertDetails], catalogue: Catalogue
) -> tuple[HiddenAlert, ...]:
    """What a silence of the group would hide: by Alertmanager's list, and by what is stored of it."""
    matchers = group_matchers(group.group_key, group.labels)
    listed = {each.fingerprint: each.labels for each in alerts if _fits(matchers, each)}
    stored = (await tx.alerts.alerts_by_group([group.id])).get(group.id, {})
    known = {each.fingerprint: each.labels for each in stored.values() if each.firing} | listed
    return with_severity((AlertDetails(fingerprint=name, labels=labels) for name, labels in known.items()), catalogue)


def with_severity(alerts: Iterable[AlertDetails], catalogue: Catalogue) -> tuple[HiddenAlert, ...]:
    """The alerts with the severities of their routes."""
    return tuple(
        HiddenAlert(fingerprint=each.fingerprint, labels=each.labels, severity=route_of([each.labels], catalogue).severity)
        for each in alerts
    )


def _fits(matchers: Sequence[Matcher], alert: AlertDetails) -> bool:
    try:
        return all(matches(each, alert.labels) for each in matchers)
    except ValueError:
        return False  # Go's regular expressions differ from Python's: then what is stored of the group has to do.


def _lease(group: AlertGroup, applied: AppliedSilence) -> Lease:
    return Lease(
        kind=LeaseKind.SILENCE,
        environment=group.environment,
        source=group.source,
        key=applied.id,
        owner=applied.owner,
        purpose=f"{group.title}: {applied.reason}" if applied.reason else group.title,
        set_at=applied.at,
        until=applied.until,
        undo=f"unsilence {group.id}",
    )
