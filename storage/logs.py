"""Logs: searches that have to be deleted, and what people follow, with its message."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.answers.logs import LogsAnswer
from domain.logs.follows import LogFollow
from storage.outbox_messages import FactKind, OutboxMessage, Urgency, dump, type_adapter
from storage.tables.logs import log_follows, log_searches
from storage.timers import Timer
from storage.upsert import insert

LOG_FOLLOW = FactKind("log-follow", 1, LogFollow, is_personal=True)
FOLLOWED_LINES = FactKind("followed-lines", 1, LogsAnswer, is_personal=True)
FOLLOW_TIMER = "log-follow"


def follow_timer(person: str, due_at: datetime) -> Timer:
    """Due when the lines are to be read again."""
    return Timer(f"{FOLLOW_TIMER}/{person}", FOLLOW_TIMER, person, due_at)


def follow_card(follow: LogFollow) -> OutboxMessage:
    """The message in which a person follows, edited in place."""
    return OutboxMessage(
        key=follow.id,
        stream=follow.id,
        parent="",
        channel=follow.person.user_id,
        urgency=Urgency.DETAIL,
        kind=LOG_FOLLOW,
        fact=follow,
        card=True,
    )


def followed_lines(follow: LogFollow, answer: LogsAnswer) -> OutboxMessage:
    """All lines of the time, in the thread of that message."""
    return OutboxMessage(
        key=f"{follow.id}/lines",
        stream=follow.id,
        parent=follow.id,
        channel=follow.person.user_id,
        urgency=Urgency.DETAIL,
        kind=FOLLOWED_LINES,
        fact=answer,
        card=False,
    )


class LogSearchRepository:
    """The searches on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, search_id: str, environment: str, at: datetime) -> None:
        """Remember a search that the environment's log server runs."""
        values = {"id": search_id, "environment": environment, "started_at": at}
        await self._connection.execute(insert(self._connection, log_searches).values(**values).on_conflict_do_nothing())

    async def remove(self, search_id: str) -> None:
        """Forget one."""
        await self._connection.execute(delete(log_searches).where(log_searches.c.id == search_id))

    async def started_before(self, before: datetime) -> tuple[tuple[str, str, datetime], ...]:
        """Id, environment and start of those that nobody waits for any more."""
        columns = (log_searches.c.id, log_searches.c.environment, log_searches.c.started_at)
        found = await self._connection.execute(select(*columns).where(log_searches.c.started_at < before))
        return tuple((row.id, row.environment, row.started_at) for row in found)


class LogFollowRepository:
    """What people follow, on one connection: one thing each."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, person: str) -> LogFollow | None:
        """What a person follows."""
        statement = select(log_follows.c.record).where(log_follows.c.person == person)
        text = (await self._connection.execute(statement)).scalar_one_or_none()
        return type_adapter(LogFollow).validate_json(text) if text else None

    async def get_for_update(self, person: str) -> LogFollow | None:
        """Read what a person follows, and lock its row until the transaction ends."""
        statement = select(log_follows.c.record).where(log_follows.c.person == person).with_for_update()
        text = (await self._connection.execute(statement)).scalar_one_or_none()
        return type_adapter(LogFollow).validate_json(text) if text else None

    async def swap(self, follow: LogFollow) -> LogFollow | None:
        """Insert it, or replace what the person follows, which is returned; of two at once, one finds the other."""
        person, record = str(follow.person), {"record": dump(follow)}
        added = insert(self._connection, log_follows).values(person=person, **record).on_conflict_do_nothing()
        if (await self._connection.execute(added)).rowcount == 1:
            return None
        before = await self.get_for_update(person)
        await self.put(follow)
        return before

    async def put(self, follow: LogFollow) -> None:
        """Insert it, or replace what the person follows."""
        record = {"record": dump(follow)}
        statement = insert(self._connection, log_follows).values(person=str(follow.person), **record)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["person"], set_=record))

    async def remove(self, person: str) -> None:
        """Forget what a person follows."""
        await self._connection.execute(delete(log_follows).where(log_follows.c.person == person))
