"""The audit log: append-only, each record chained to the one before it."""

from collections.abc import AsyncIterator
from datetime import datetime

from sqlalchemy import RowMapping, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audit import GENESIS, AuditEntry, AuditRecord, chain_digest
from domain.people import Person
from storage.tables.core import audit, audit_head
from storage.upsert import insert

WALK_PAGE_SIZE = 1000


class AuditLog:
    """The audit log on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def append(self, entry: AuditEntry) -> int:
        """Append an entry to the chain and return its number. An entry whose key is in the log already is not written again."""
        number, digest = await self._lock_head()
        existing = await self._connection.execute(select(audit.c.number).where(audit.c.key == entry.key))
        if (existing_number := existing.scalar_one_or_none()) is not None:
            return int(existing_number)
        new = chain_digest(digest, number + 1, entry)
        await self._connection.execute(
            audit.insert().values(**_columns(AuditRecord(number=number + 1, entry=entry, previous=digest, digest=new)))
        )
        await self._connection.execute(update(audit_head).where(audit_head.c.id == 1).values(number=number + 1, digest=new))
        return number + 1

    async def head(self) -> tuple[int, str]:
        """The last record's number and digest; of an empty log 0 and ``GENESIS``."""
        row = (await self._connection.execute(select(audit_head.c.number, audit_head.c.digest))).one_or_none()
        return (0, GENESIS) if row is None else (row.number, row.digest)

    async def _lock_head(self) -> tuple[int, str]:
        """Read the head and lock its row: concurrent writers wait here, so that the chain cannot fork."""
        seed = insert(self._connection, audit_head).values(id=1, number=0, digest=GENESIS).on_conflict_do_nothing()
        select_locked = select(audit_head.c.number, audit_head.c.digest).where(audit_head.c.id == 1).with_for_update()
        row = (await self._connection.execute(select_locked)).one_or_none()
        if row is None:
            # Of two first writers one inserts the row; the other inserts nothing, and then waits for the row's lock.
            await self._connection.execute(seed)
            row = (await self._connection.execute(select_locked)).one()
        return row.number, row.digest

    async def search(
        self,
        *,
        who: str = "",
        what: str = "",
        where: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        search_text: str = "",
        limit: int = 20,
    ) -> tuple[AuditRecord, ...]:
        """Find records, newest first. ``who`` is a user id; ``where`` is contained in the record's place.

        ``search_text`` is contained in the action, the place, the operation's id, the reason or the outcome.
        """
        statement = select(audit).order_by(audit.c.number.desc()).limit(limit)
        if who:
            statement = statement.where(audit.c.who == who)
        if what:
            statement = statement.where(audit.c.what == what)
        if where:
            statement = statement.where(audit.c.where.contains(where, autoescape=True))
        if since is not None:
            statement = statement.where(audit.c.at >= since)
        if until is not None:
            statement = statement.where(audit.c.at <= until)
        if search_text:
            columns = (audit.c.what, audit.c.where, audit.c.operation, audit.c.why, audit.c.outcome)
            statement = statement.where(or_(*(column.contains(search_text, autoescape=True) for column in columns)))
        return tuple(_read(row) for row in (await self._connection.execute(statement)).mappings())

    async def walk(self, page_size: int = WALK_PAGE_SIZE) -> AsyncIterator[AuditRecord]:
        """Yield every record from the first on, read in pages."""
        last = 0
        while True:
            statement = select(audit).where(audit.c.number > last).order_by(audit.c.number).limit(page_size)
            rows = (await self._connection.execute(statement)).mappings().all()
            for row in rows:
                yield _read(row)
            if len(rows) < page_size:
                return
            last = rows[-1]["number"]


def _columns(record: AuditRecord) -> dict[str, object]:
    entry = record.entry
    return {
        "number": record.number,
        "key": entry.key,
        "at": entry.at,
        "who": entry.who.user_id,
        "team": entry.who.team_id,
        "what": entry.what,
        "where": entry.where,
        "why": entry.why,
        "approval": entry.approval,
        "outcome": entry.outcome,
        "operation": entry.operation,
        "previous": record.previous,
        "digest": record.digest,
    }


def _read(row: RowMapping) -> AuditRecord:
    entry = AuditEntry(
        key=row["key"],
        at=row["at"],
        who=Person(row["who"], row["team"]),
        what=row["what"],
        where=row["where"],
        why=row["why"],
        approval=row["approval"],
        outcome=row["outcome"],
        operation=row["operation"],
    )
    return AuditRecord(number=row["number"], entry=entry, previous=row["previous"], digest=row["digest"])
