"""Entries of the audit log about an alert group."""

from datetime import datetime

from domain.alerts.alerts import AlertGroup
from domain.audit import AuditEntry, new_entry
from domain.people import Person


def group_entry(group: AlertGroup, *, key: str, who: Person, what: str, at: datetime, outcome: str, why: str = "") -> AuditEntry:
    """What somebody did to a group, and what came of it."""
    return new_entry(
        key=key,
        at=at,
        who=who,
        what=what,
        environment=group.environment,
        services=[group.service] if group.service else [],
        subject=group.title,
        why=why,
        outcome=f"{group.id}: {outcome}",
    )
