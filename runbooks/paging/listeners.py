"""What other families do when a page is acknowledged, and with what happens to it: in the same transaction."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from domain.paging.pages import Acknowledgement, Page, PageHold, PageNote
from storage.store import Transaction

PageAcknowledged = Callable[[Transaction, Page, Acknowledgement], Awaitable[None]]
"""Called once for each page, in the transaction that records its acknowledgement."""
PageNoted = Callable[[Transaction, Page, PageNote], Awaitable[None]]
"""Called for each attempt and each change of a page; not for what a subject's own ``stop`` returned."""
LockPageSubject = Callable[[Transaction, str], Awaitable[object]]
"""Locks the row of a page's subject, if it is one of the family's. Called before the page is locked: a subject's own transaction
locks itself first and its pages then, and two that lock the other way round could deadlock.
"""


HoldPage = Callable[[Transaction, Page, datetime], Awaitable[PageHold | None]]
"""Asked before each call whether it is to be made now. It locks nothing."""


@dataclass(frozen=True, slots=True)
class PageListeners:
    """The listeners of all families. Filled before the first page."""

    on_acknowledged: list[PageAcknowledged] = field(default_factory=list)
    on_note: list[PageNoted] = field(default_factory=list)
    lock_subject: list[LockPageSubject] = field(default_factory=list)

    hold: list[HoldPage] = field(default_factory=list)

    async def held(self, tx: Transaction, page: Page, at: datetime) -> PageHold | None:
        """What holds the call of a page back that is due; None where it is to be made."""
        found = [await ask(tx, page, at) for ask in self.hold]
        return next(filter(None, found), None)

    async def lock(self, tx: Transaction, subject: str) -> None:
        """Lock the subject of a page."""
        for lock in self.lock_subject:
            await lock(tx, subject)

    async def acknowledged(self, tx: Transaction, page: Page, by: Acknowledgement) -> None:
        """Tell all that somebody takes care of the page."""
        for listener in self.on_acknowledged:
            await listener(tx, page, by)

    async def noted(self, tx: Transaction, page: Page, notes: Iterable[PageNote]) -> None:
        """Tell all what happened to the page."""
        for note in notes:
            for listener in self.on_note:
                await listener(tx, page, note)
