"""User groups that hold whoever is on call, as leases. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from domain.leases.lease import Lease, LeaseKind, LeaseReading, Orphan, Reality
from domain.oncall.groups import GroupMembers
from domain.people import BOT
from domain.text import join_and

LEFT_CATALOGUE = "No team of the catalogue fills it any more."


def group_lease(
    group_id: str, teams: Sequence[str], names: Sequence[str], members: tuple[str, ...], at: datetime, until: datetime
) -> Lease:
    """The lease of a group that was filled now. ``until`` is when others are on call; ``names`` are those in the catalogue."""
    if members:
        purpose = f"{join_and(names)} {'is' if len(names) == 1 else 'are'} on call for {join_and(teams)}"
    else:
        purpose = f"nobody is on call for {join_and(teams)}, so it is disabled"
    return Lease(
        kind=LeaseKind.USER_GROUP,
        environment="",
        key=group_id,
        owner=BOT,
        purpose=purpose,
        set_at=at,
        until=until,
        undo="",
        members=members,
    )


def renewed(lease: Lease, before: Lease | None) -> Lease:
    """The lease as it was filled first, where the same people are still in it."""
    is_same = before is not None and before.members == lease.members and not before.abandoned
    return replace(lease, set_at=before.set_at) if before is not None and is_same else lease


def compare_group(lease: Lease, found: GroupMembers | None, at: datetime) -> LeaseReading:
    """A group and what Slack has of it; None where there is no such group."""
    if found is None:
        return LeaseReading(lease=lease, reality=Reality.GONE, remark="Slack has no such group any more.")
    remark = _difference(lease, found)
    if remark:
        return LeaseReading(lease=lease, reality=Reality.CHANGED, found_until=lease.until, remark=remark)
    reality = Reality.HELD if lease.until > at else Reality.OVERDUE
    return LeaseReading(lease=lease, reality=reality, found_until=lease.until)


def orphan_of_group(lease: Lease) -> Orphan:
    """A group that nobody fills any more, and that still holds the people who were on call last."""
    return Orphan(
        kind=lease.kind,
        environment="",
        key=lease.key,
        owner=lease.owner,
        purpose=lease.purpose,
        until=lease.until,
        why=lease.abandoned,
    )


def _difference(lease: Lease, found: GroupMembers) -> str:
    if found.is_enabled != bool(lease.members):
        return f"It is {'enabled' if found.is_enabled else 'disabled'} there. That is put right within the hour."
    added, missing = len(found.users - set(lease.members)), len(set(lease.members) - found.users)
    if not lease.members or not (added or missing):
        return ""
    counts = [f"{count} {what}" for count, what in ((added, "added"), (missing, "removed")) if count]
    return f"Its members are others: {join_and(counts)}. That is put right within the hour."
