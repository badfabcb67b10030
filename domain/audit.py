"""Entries of the audit log, and the hash chain that reveals a change of any of them."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from domain.canonical_json import canonical
from domain.people import Person
from domain.text import clip

MAX_SUBJECT_LENGTH = 200
MAX_TEXT_LENGTH = 2000
"""Maximum characters of ``why`` and of ``outcome``: the entry of a reload names every change of the catalogue."""

GENESIS = "0" * 64
"""The ``previous`` digest of the first record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what, where and why, with which approval, and how it ended. ``key`` identifies the event and is unique."""

    key: str
    at: datetime
    who: Person
    what: str
    where: str
    why: str = ""
    approval: str = ""
    outcome: str = ""
    operation: str = ""


def new_entry(
    *,
    key: str,
    at: datetime,
    who: Person,
    what: str,
    environment: str = "",
    services: Sequence[str] = (),
    subject: str = "",
    why: str = "",
    approval: str = "",
    outcome: str = "",
    operation: str = "",
) -> AuditEntry:
    """Build an entry, with long texts cut. ``where`` is ``environment/service,service/subject``, without its empty parts.

    ``subject`` completes the place: an alert's title, the arguments of a command.
    """
    # Only the subject is cut: a search for a service has to find every entry that names it.
    where = "/".join(part for part in (environment, ",".join(services), clip(subject, MAX_SUBJECT_LENGTH)) if part)
    return AuditEntry(
        key=key,
        at=at,
        who=who,
        what=what,
        where=where,
        why=clip(why, MAX_TEXT_LENGTH),
        approval=approval,
        outcome=clip(outcome, MAX_TEXT_LENGTH),
        operation=operation,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """An entry with its number and its links in the chain."""

    number: int
    entry: AuditEntry
    previous: str
    digest: str


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """The first record that does not follow from the one before it."""

    number: int
    problem: str


def chain_digest(previous: str, number: int, entry: AuditEntry) -> str:
    """The digest of a record: 64 hex digits over the previous digest, the number, and every field of the entry."""
    fields = asdict(entry) | {"at": entry.at.isoformat(timespec="microseconds")}
    return hashlib.sha256(canonical([previous, number, fields]).encode()).hexdigest()


def find_broken_link(records: Iterable[AuditRecord], head: tuple[int, str]) -> BrokenLink | None:
    """Verify the chain from its first record to ``head``, which is the last number and its digest. None if it is intact."""
    number, digest = 0, GENESIS
    for record in records:
        if record.number != number + 1:
            return BrokenLink(number + 1, "the record is missing")
        if record.previous != digest:
            return BrokenLink(record.number, "it does not continue the record before it")
        if record.digest != chain_digest(record.previous, record.number, record.entry):
            return BrokenLink(record.number, "its contents were changed")
        number, digest = record.number, record.digest
    if (number, digest) != head:
        return BrokenLink(min(number, head[0]) + 1, f"the chain ends at {number}, its head says {head[0]}")
    return None
