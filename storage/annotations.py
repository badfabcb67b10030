"""Requests for annotations: each is a timer, set in the transaction that makes the annotation true."""

from datetime import datetime

from storage.store import Transaction
from storage.timers import Timer

ANNOTATE = "annotate"
"""The kind of the timers. Their ``subject`` is the id of an operation, an incident, or another thing that happened."""


def annotation_timer(subject: str, at: datetime) -> Timer:
    """Due when what happened is to be written, as it stands then. It begins anew with each change."""
    return Timer(f"{ANNOTATE}/{subject}", ANNOTATE, subject, at)


async def request_annotation(tx: Transaction, subject: str, at: datetime) -> None:
    """Have the annotation of this written or changed soon; nothing waits for it. Several requests become one."""
    await tx.timers.set(annotation_timer(subject, at), at)
