"""Follows logs for a person: a message with the newest lines, edited by a timer until its time is over.

Everything is in rows, so that a restart goes on where it was, and a message never says for ever that it follows.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.answers.logs import LogsAnswer
from domain.clock import Clock
from domain.logs.follows import MAX_SHOWN, LogFollow
from domain.logs.lines import LogQuery
from domain.people import Person
from runbooks.logs.reading import LogReader
from storage.logs import LogFollowRepository, follow_card, follow_timer, followed_lines
from storage.store import Store, Transaction
from storage.timers import Timer

INTERVAL = timedelta(seconds=4)
MAX_KEPT = 500
"""Lines that the thread gets in the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFollower:
    """Begins to follow, and reads again whenever a timer is due."""

    store: Store
    clock: Clock
    reader: LogReader

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
            before = await tx.of(LogFollowRepository).get_for_update(str(person))
            if before is not None and before.id != follow.id:
                await tx.put_message(follow_card(replace(before, is_over=True, was_replaced=True)), at)
            await self._save(tx, follow, at)

    async def submit(self, timer: Timer, at: datetime) -> None:
        """The handler of the timer: read all lines since the beginning, and edit the message."""
        async with self.store.read() as tx:
            follow = await tx.of(LogFollowRepository).get(timer.subject)
        if follow is None:
            async with self.store.write() as tx:
                await tx.timers.remove(timer.key, timer.due_at)
            return
        answer = await self.reader.lines(_query(follow, min(at, follow.until)))
        async with self.store.write() as tx:
            current = await tx.of(LogFollowRepository).get_for_update(timer.subject)
            # Meanwhile its person may have begun to follow something else, which has its own timer.
            if current is None or current.id != follow.id:
                return
            await self._save(tx, _read(current, answer, at), at, answer)

    async def _save(self, tx: Transaction, follow: LogFollow, at: datetime, answer: LogsAnswer | None = None) -> None:
        await tx.put_message(follow_card(follow), at)
        person = str(follow.person)
        if not follow.is_over:
            await tx.of(LogFollowRepository).put(follow)
            await tx.timers.set(follow_timer(person, min(at + INTERVAL, max(follow.until, at))), at)
            return
        await tx.of(LogFollowRepository).remove(person)
        await tx.timers.remove(follow_timer(person, at).key)
        if answer is not None and answer.page is not None and answer.page.total > MAX_SHOWN:
            page = replace(answer.page, lines=answer.page.lines[-MAX_KEPT:])
            await tx.put_message(followed_lines(follow, replace(answer, page=page)), at)


def _query(follow: LogFollow, until: datetime) -> LogQuery:
    return LogQuery(environment=follow.environment, service=follow.service, filter=follow.filter, since=follow.since, until=until)


def _read(follow: LogFollow, answer: LogsAnswer, at: datetime) -> LogFollow:
    """With what was read; what could not be read leaves the lines of the time before."""
    is_over = at >= follow.until
    if answer.page is None:
        return replace(follow, problem=answer.problem, is_over=is_over)
    return replace(
        follow,
        lines=answer.page.lines[-MAX_SHOWN:],
        total=answer.page.total,
        read_at=min(at, follow.until),
        problem="",
        is_over=is_over,
    )
