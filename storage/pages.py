"""Pages: asked for and stopped in the transaction of what they are about, and worked on by ``runbooks.paging``."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.clock import CLOCK_TOLERANCE
from domain.ids import id_candidates
from domain.paging import transitions
from domain.paging.pages import Acknowledgement, Page, PageNote, PageNoteKind, PageRequest, PageState
from domain.paging.transitions import PageChange
from domain.paging.ways import PageAction
from domain.rich_text import Text
from storage.outbox_messages import dump, type_adapter
from storage.page_messages import PageMessageRepository, rank_of
from storage.pruning import PRUNE_BATCH_ROWS, prunable_ids
from storage.tables.paging import page_messages, pages
from storage.upsert import insert

PAGE_ID_PREFIX = "pg"
OVERDUE = timedelta(minutes=5)
"""A page that is due for longer than this is not worked on by anybody."""

_START_LOCK_KEY = 0x0DEE_9EC2
"""Key of PostgreSQL's advisory lock for pages that start. SQLite has one writer anyway."""

Transition = Callable[[Page], PageChange]


class PageRepository:
    """The pages' rows on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._messages = PageMessageRepository(connection)

    async def request(self, request: PageRequest, at: datetime) -> Page:
        """Ask for a page. Within two seconds of the commit it is on its way. The same subject and kind again changes nothing."""
        found = await self._select((pages.c.subject == request.subject) & (pages.c.kind == request.kind))
        if found:
            return found[0]
        page = transitions.new_page(await self._free_id(request), request, at)
        values = _columns(page) | {"recheck": True}
        statement = insert(self._connection, pages).values(**values).on_conflict_do_nothing(index_elements=["subject", "kind"])
        if (await self._connection.execute(statement)).rowcount == 1:
            return page
        # Another transaction was faster; its row is visible now that the insert has waited for it.
        return (await self._select((pages.c.subject == request.subject) & (pages.c.kind == request.kind)))[0]

    async def stop(self, subject: str, at: datetime, reason: Text) -> tuple[PageNote, ...]:
        """End all pages of a subject, because it has ended. After the commit nothing more is sent.

        Pagers that have a state of their own are told so, once. Returns what is to be said of it.
        """
        return await self._stop(subject, at, lambda page: transitions.end(page, reason, at))

    async def acknowledge(self, subject: str, by: Acknowledgement) -> tuple[PageNote, ...]:
        """Acknowledge all pages of a subject, because it was acknowledged itself. The rest is as for ``stop``.

        Where everybody has to confirm, this is the confirmation of one person.
        """
        return await self._stop(subject, by.at, lambda page: transitions.acknowledge(page, by), by.remote_key)

    async def _stop(self, subject: str, at: datetime, transition: Transition, remote_key: str = "") -> tuple[PageNote, ...]:
        notes: list[PageNote] = []
        for page in await self.lock((pages.c.subject == subject) & (pages.c.state != PageState.ENDED)):
            notes += await self.apply(transition(page), page, at, remote_key=remote_key)
        return tuple(notes)

    async def apply(self, change: PageChange, before: Page, at: datetime, *, remote_key: str = "") -> tuple[PageNote, ...]:
        """Write a transition of a locked page, with what it stops. Returns its notes, for the listeners.

        ``remote_key``: the dedup key under which a pager reported it, which is not told so again.
        """
        page = change.record
        if page == before:
            return change.notes
        await self._save(page)
        notes = list(change.notes)
        if change.stops:
            still_sending = await self._messages.stop(page.id, at)
            notes += [_on_its_way(page, still_sending, at)] if still_sending else []
            await self._messages.mirror(page, at, remote_key)
            await self._messages.redraw(page, at)
            await self._messages.put_card(page, at)
            await self._recheck(pages.c.folded_into == page.id)
        return tuple(notes)

    async def get(self, page_id: str) -> Page | None:
        """The page, without locking its row; None if there is none."""
        found = await self._select(pages.c.id == page_id)
        return found[0] if found else None

    async def of_subject(self, subject: str) -> tuple[Page, ...]:
        """All pages about a subject, oldest first."""
        return await self._select(pages.c.subject == subject)

    async def requested_between(self, since: datetime, until: datetime) -> tuple[Page, ...]:
        """Pages that were asked for between two instants, without rehearsals."""
        return await self._select((pages.c.requested_at >= since) & (pages.c.requested_at <= until) & ~pages.c.is_test)

    async def lock(self, where: ColumnElement[bool]) -> tuple[Page, ...]:
        """Pages with their rows locked until the transaction ends, in the order of their ids: otherwise two could deadlock."""
        statement = select(pages.c.record).where(where).order_by(pages.c.id).with_for_update()
        return tuple(_read(record) for record in (await self._connection.execute(statement)).scalars())

    async def lock_free(self, page_id: str) -> Page | None:
        """The page with its row locked; None if there is none, or if another transaction has locked it."""
        statement = select(pages.c.record).where(pages.c.id == page_id).with_for_update(skip_locked=True)
        record = (await self._connection.execute(statement)).scalar_one_or_none()
        return None if record is None else _read(record)

    async def find_by_key(self, dedup_key: str) -> tuple[Page, ...]:
        """The pages behind a page's id, a bundle's id, or what a pager names by its dedup key; without a lock."""
        announced = select(page_messages.c.page_id).where(page_messages.c.dedup_key == dedup_key)
        return await self._select(pages.c.id.in_(announced) | (pages.c.id == dedup_key))

    async def lock_ids(self, ids: Iterable[str]) -> tuple[Page, ...]:
        """These pages, with their rows locked."""
        return await self.lock(pages.c.id.in_(tuple(ids)))

    async def due(self, at: datetime, *, limit: int = 20) -> tuple[str, ...]:
        """Ids of pages to work on: what is due, and whose messages have news. The most severe first."""
        was_set_back = pages.c.due_at.is_not(None) & (pages.c.due_since > at + CLOCK_TOLERANCE)
        is_due = or_(pages.c.recheck, and_(pages.c.settled_at.is_(None), or_(pages.c.due_at <= at, was_set_back)))
        statement = select(pages.c.id).where(is_due).order_by(pages.c.rank, pages.c.due_at).limit(limit)
        return tuple((await self._connection.execute(statement)).scalars())

    async def checked(self, page_id: str) -> None:
        """The news of the page's messages have been worked on."""
        await self._connection.execute(update(pages).where(pages.c.id == page_id).values(recheck=False))

    async def leader(self, page: Page) -> Page | None:
        """The open page about the same cause and team that stands for this one, unless it is less severe.

        Until the transaction ends nobody else may look: of two pages that start at once, one has to see the other.
        """
        if not page.request.cause:
            return None
        if self._connection.dialect.name == "postgresql":
            await self._connection.execute(text(f"SELECT pg_advisory_xact_lock({_START_LOCK_KEY})"))
        same = (pages.c.cause == page.request.cause) & (pages.c.team == page.request.team) & (pages.c.id != page.id)
        is_open = (pages.c.state == PageState.OPEN) & pages.c.settled_at.is_(None)
        where = same & is_open & (pages.c.rank <= rank_of(page, PageAction.TRIGGER)) & (pages.c.requested_at <= page.requested_at)
        found = [each for each in await self._select(where) if each.policy is not None]
        return found[0] if found else None

    async def forgotten(self, at: datetime) -> tuple[str, ...]:
        """Ids of open pages that nobody works on: without a next call, or with one that is long overdue."""
        is_forgotten = or_(pages.c.due_at.is_(None), pages.c.due_at < at - OVERDUE)
        where = pages.c.settled_at.is_(None) & (pages.c.state == PageState.OPEN) & is_forgotten
        return tuple((await self._connection.execute(select(pages.c.id).where(where).limit(100))).scalars())

    async def revive(self, page_id: str, at: datetime) -> None:
        """Make the next call of a forgotten page due now."""
        for page in await self.lock((pages.c.id == page_id) & (pages.c.state == PageState.OPEN)):
            await self._save(replace(page, due_at=at, due_since=at))

    async def count_by_state(self) -> dict[str, int]:
        """The number of pages that are not settled, by state."""
        statement = select(pages.c.state, func.count()).where(pages.c.settled_at.is_(None)).group_by(pages.c.state)
        return {state: number for state, number in await self._connection.execute(statement)}  # noqa: C416 -- rows, not tuples

    async def prune(self, before: datetime) -> int:
        """Delete a batch of pages that were settled before this time, with their messages; returns how many."""
        old = await prunable_ids(self._connection, pages.c.id, pages.c.settled_at < before, PRUNE_BATCH_ROWS)
        await self._connection.execute(delete(page_messages).where(page_messages.c.page_id.in_(old)))
        await self._connection.execute(delete(pages).where(pages.c.id.in_(old)))
        return len(old)

    async def _recheck(self, where: ColumnElement[bool]) -> None:
        await self._connection.execute(update(pages).where(where).values(recheck=True))

    async def _save(self, page: Page) -> None:
        await self._connection.execute(update(pages).where(pages.c.id == page.id).values(**_columns(page)))

    async def _select(self, where: ColumnElement[bool]) -> tuple[Page, ...]:
        statement = select(pages.c.record).where(where).order_by(pages.c.requested_at, pages.c.id)
        return tuple(_read(record) for record in (await self._connection.execute(statement)).scalars())

    async def _free_id(self, request: PageRequest) -> str:
        candidates = id_candidates(PAGE_ID_PREFIX, f"{request.subject}/{request.kind}")
        taken = set((await self._connection.execute(select(pages.c.id).where(pages.c.id.in_(candidates)))).scalars())
        return next(each for each in candidates if each not in taken)


def _on_its_way(page: Page, destinations: Sequence[str], at: datetime) -> PageNote:
    text = f"Already on its way, and may still arrive: {', '.join(destinations)}."
    return transitions.note(page, PageNoteKind.ON_ITS_WAY, at, text, key=f"on-its-way/{page.state.value}")


def _read(record: str) -> Page:
    page: Page = type_adapter(Page).validate_json(record)
    return page


def _columns(page: Page) -> dict[str, Any]:
    request = page.request
    acknowledged_at = page.acknowledgement.at if page.acknowledgement else None
    is_over = page.state not in (PageState.OPEN, PageState.FOLDED)
    return {
        "id": page.id,
        "subject": request.subject,
        "kind": request.kind,
        "cause": request.cause,
        "team": request.team,
        "rank": rank_of(page, PageAction.TRIGGER),
        "is_test": request.is_test,
        "state": page.state,
        "requested_at": page.requested_at,
        "due_at": page.due_at,
        "due_since": page.due_since,
        "folded_into": page.folded_into,
        "settled_at": (page.ended_at or acknowledged_at or page.unanswered_at or page.requested_at) if is_over else None,
        "record": dump(page),
    }
