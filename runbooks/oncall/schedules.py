"""Reads who is on call from PagerDuty, for teams that keep their schedules there. The last good answer is kept."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from domain.catalogue.catalogue import Catalogue
from domain.errors import PermanentError, TemporaryError
from domain.oncall.remote import RemoteSchedule, RemoteShift
from domain.paging.remote import OnCallShift
from runbooks.oncall.messages import problem_notice, receivers
from runbooks.oncall.timers import review_timer, schedule_timer
from storage.oncall import OncallRepository
from storage.store import Store, Transaction
from storage.timers import Timer

READ_INTERVAL = timedelta(minutes=5)
"""How late an edit in PagerDuty is seen. `/oncalls` has a limit of its own, lower than 960 a minute."""
READ_AHEAD = timedelta(days=60)
"""PagerDuty tells at most 90 days; gaps are told 30 days ahead."""
READ_BACK = timedelta(days=1)
"""So that a shift that runs has its beginning."""
NOT_SET_UP = "DEEPECHO_PAGERDUTY__API_TOKEN is not set, so the schedules in PagerDuty cannot be read."


class ScheduleSource(Protocol):
    """What is called on PagerDuty. Times are explicit and in UTC. Raises ``TemporaryError`` or ``PermanentError``."""

    async def on_call(self, since: datetime, until: datetime, *, schedules: Sequence[str] = ()) -> tuple[OnCallShift, ...]:
        """Shifts of these schedules, of both kinds, that overlap the time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleReader:
    """Reads a team's schedules every few minutes."""

    store: Store
    catalogue: Callable[[], Catalogue]
    source: Callable[[], ScheduleSource | None]
    notify_outbox: Callable[[], None]

    async def run_due(self, timer: Timer, at: datetime) -> None:
        """Handle the timer of a team. One that has no schedules in PagerDuty any more is let alone."""
        catalogue = self.catalogue()
        config = catalogue.oncall.get(timer.subject)
        if config is None or not config.pagerduty:
            async with self.store.write() as tx:
                await tx.timers.remove(timer.key, timer.due_at)
            return
        read: RemoteSchedule | None = None
        problem, next_at = "", at + READ_INTERVAL
        try:
            read = await self._read(config.pagerduty, catalogue, at)
        except TemporaryError as error:
            next_at = at + timedelta(seconds=error.retry_after) if error.retry_after else next_at
        except PermanentError as error:
            problem = str(error)
        async with self.store.write() as tx:
            await self._record(tx, catalogue, timer.subject, read, problem, at)
            await tx.timers.set(schedule_timer(timer.subject, next_at))
        self.notify_outbox()

    async def _read(self, schedules: Mapping[str, str], catalogue: Catalogue, at: datetime) -> RemoteSchedule:
        source = self.source()
        if source is None:
            raise PermanentError(NOT_SET_UP)
        since, until = at - READ_BACK, at + READ_AHEAD
        found = await source.on_call(since, until, schedules=list(schedules.values()))
        return RemoteSchedule(_shifts(found, schedules, catalogue, since, until), at, until)

    async def _record(
        self, tx: Transaction, catalogue: Catalogue, team: str, read: RemoteSchedule | None, problem: str, at: datetime
    ) -> None:
        """Store what was read; a problem is told once, and again when it is another one."""
        before = await tx.of(OncallRepository).schedule(team) or RemoteSchedule()
        if read is not None:
            await tx.of(OncallRepository).save_schedule(team, read)
            if _to_come(read, at) != _to_come(before, at):
                await tx.timers.bring_forward(review_timer(team, at))
        elif problem and problem != before.problem:
            await tx.of(OncallRepository).save_schedule(team, replace(before, problem=problem))
            for receiver in receivers(catalogue, team):
                await tx.outbox.put(problem_notice(team, f"schedule/{at:%Y%m%dT%H%M%S}", receiver, problem), at=at)


def _shifts(
    found: Iterable[OnCallShift], schedules: Mapping[str, str], catalogue: Catalogue, since: datetime, until: datetime
) -> tuple[RemoteShift, ...]:
    """Each shift once, although every policy that uses a schedule tells it again."""
    layers = {schedule_id: layer for layer, schedule_id in schedules.items()}
    names = {person.pagerduty: name for name, person in catalogue.people.items() if person.pagerduty}
    shifts = {
        RemoteShift(
            layers[each.schedule_id],
            each.start or since,
            each.end or until,
            names.get(each.person.id, ""),
            "" if each.person.id in names else (each.person.name or each.person.id),
        )
        for each in found
        if each.schedule_id in layers
    }
    return tuple(sorted(shifts, key=lambda each: (each.starts, each.layer, each.person, each.known_as)))


def _to_come(schedule: RemoteSchedule, at: datetime) -> set[RemoteShift]:
    return {each for each in schedule.shifts if each.ends > at}
