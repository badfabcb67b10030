"""Follows logs for a person: a message with the newest lines, edited by a timer until its time is over.

Everything is in rows, so that a restart goes on where it was, and a message never says for ever that it follows.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.answers.logs import LogsAnswer
from domain.clock import Clock
from domain.logs.follows import MAX_SHOWN, LogFollow
from domain.logs.lines import LogPage, LogQuery
from domain.people import Person
from domain.rich_text import Text
from runbooks.logs.reading import LogReader
from storage.logs import LogFollowRepository, follow_card, follow_timer, followed_lines
from storage.store import Store, Transaction
from storage.timers import Timer

MayRead = Callable[[Person, str], Awaitable[bool]]
"""Whether a person may still look at an environment. Raises ``TemporaryError`` where nobody can say."""
INTERVAL = timedelta(seconds=4)
_NOT_ALLOWED = "You may not look at this environment any more."
MAX_KEPT = 500
"""Lines that the thread gets in the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFollower:
    """Begins to follow, and reads again whenever a timer is due."""

    store: Store
    clock: Clock
    reader: LogReader
    may_read: MayRead

    async def begin(self, query: LogQuery, person: Person, source: str) -> None:
        """Follow until ``query.until``; what the person followed before ends. ``source`` is the key of the request."""
        follow = LogFollow(
            id=f"log-follow/{source}",
            person=person,
            environment=query.environment,
            service=query.service,
            filter=query.filter,
            since=query.since,
            until=query.until,
            read_at=query.since,
        )
        at = self.clock.now()
        async with self.store.write() as tx:
            before = await tx.of(LogFollowRepository).swap(follow)
            if before is not None and before.id != follow.id:
                await tx.put_message(follow_card(replace(before, is_over=True, was_replaced=True)), at)
            await self._save(tx, follow, at)

    async def work(self, timer: Timer) -> None:
        """Read all lines since the beginning, and edit the message."""
        async with self.store.read() as tx:
            follow = await tx.of(LogFollowRepository).get(timer.subject)
        if follow is None:
            async with self.store.write() as tx:
                await tx.timers.remove(timer.key, timer.due_at)
            return
        at = self.clock.now()
        page: LogPage | None = None
        problem: Text = _NOT_ALLOWED
        if is_allowed := await self.may_read(follow.person, follow.environment):
            page, problem = await self.reader.page(_query(follow, min(at, follow.until)))
        async with self.store.write() as tx:
            current = await tx.of(LogFollowRepository).get_for_update(timer.subject)
            # Meanwhile its person may have begun to follow something else, which has its own timer.
            if current is None or current.id != follow.id:
                return
            read = _read(current, page, problem, at)
            await self._save(tx, read if is_allowed else replace(read, is_over=True), at, page, shown=current)

    async def _save(
        self, tx: Transaction, follow: LogFollow, at: datetime, page: LogPage | None = None, shown: LogFollow | None = None
    ) -> None:
        if shown is None or _visible(shown) != _visible(follow):
            await tx.put_message(follow_card(follow), at)
        person = str(follow.person)
        if not follow.is_over:
            await tx.of(LogFollowRepository).put(follow)
            await tx.timers.set(follow_timer(person, min(at + INTERVAL, max(follow.until, at))), at)
            return
        await tx.of(LogFollowRepository).remove(person)
        await tx.timers.remove(follow_timer(person, at).key)
        if page is not None and page.total > MAX_SHOWN:
            kept = replace(page, lines=page.lines[-MAX_KEPT:])
            await tx.put_message(followed_lines(follow, _answer(follow, kept)), at)


def _query(follow: LogFollow, until: datetime) -> LogQuery:
    return LogQuery(environment=follow.environment, service=follow.service, filter=follow.filter, since=follow.since, until=until)


def _answer(follow: LogFollow, page: LogPage) -> LogsAnswer:
    return LogsAnswer(
        environment=follow.environment,
        service=follow.service,
        words=str(follow.filter),
        since=follow.since,
        until=follow.until,
        page=page,
    )


def _visible(follow: LogFollow) -> object:
    return follow.lines, follow.total, follow.problem, follow.is_over


def _read(follow: LogFollow, page: LogPage | None, problem: Text, at: datetime) -> LogFollow:
    """With what was read; what could not be read leaves the lines of the time before."""
    is_over = at >= follow.until
    if page is None:
        return replace(follow, problem=problem, is_over=is_over)
    return replace(
        follow,
        lines=page.lines[-MAX_SHOWN:],
        total=page.total,
        read_at=min(at, follow.until),
        problem="",
        is_over=is_over,
    )
