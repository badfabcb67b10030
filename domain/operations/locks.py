"""Locks: a person locks an environment, an operation locks the services that it changes."""

from dataclasses import dataclass
from datetime import datetime

from domain.errors import Denied, Refused
from domain.people import Person, Role
from domain.refusals import NOTHING_CHANGED, role_refusal
from domain.rich_text import CommandMention, Text, sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRecord:
    """A lock. ``service`` and ``operation`` are empty in a person's lock; ``until`` is None if it does not expire.

    ``window`` is the id of the maintenance window that freezes the environment, ``by`` then who answers for it.
    """

    environment: str
    service: str
    operation: str
    by: Person
    reason: str
    since: datetime
    until: datetime | None
    window: str = ""


def describe_lock(lock: LockRecord) -> Text:
    """``production is locked by @kim, until 23 Nov 16:02 UTC: database move.``, for a person's lock."""
    until = f", until {lock.until:%d %b %H:%M} UTC" if lock.until else ""
    what = f"is frozen for maintenance {lock.window}" if lock.window else "is locked"
    return sentence(f"{lock.environment} {what} by ", lock.by, f"{until}: {lock.reason}.")


def freeze_warning(lock: LockRecord) -> Text:
    """For the second person who decides on a change that passes a freeze."""
    return sentence(describe_lock(lock), " This change passes it, with a second person.")


def lock_refusal(lock: LockRecord) -> Refused:
    """For whatever a person's lock forbids."""
    return Refused(sentence(describe_lock(lock), " ", _unlock_hint(lock)))


def override_refusal(lock: LockRecord, role: Role) -> Denied:
    """For a rollback, which passes a person's lock only with this role."""
    needed = role_refusal("A rollback that passes it", role, lock.environment, _unlock_hint(lock))
    return Denied(sentence(describe_lock(lock), " ", needed.sentence))


def _unlock_hint(lock: LockRecord) -> Text:
    if lock.window:
        end = sentence("When the work is done: ", CommandMention(f"maintenance end {lock.window}"), ".")
        return sentence(end, f" Whoever may override locks passes it with a second person. {NOTHING_CHANGED}")
    return sentence("When it may go on: ", CommandMention(f"unlock {lock.environment}"), f". {NOTHING_CHANGED}")
