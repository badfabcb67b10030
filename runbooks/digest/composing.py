"""Composes a digest: what is measured, how it compares, what happened since the one before, what the night left."""

import asyncio
from dataclasses import dataclass
from datetime import date, datetime

from domain.digest.digest import AVERAGED_PERIODS, DAY, Digest, begin_of, compare, nightfall
from domain.digest.happened import Happened, describe
from domain.digest.trends import trend_rows
from domain.health import CHECK_TIMEOUT, UNHURRIED_TIMEOUT, HealthLevel
from domain.rich_text import Text
from runbooks.digest.checks import ON_CALL
from runbooks.digest.measuring import HealthReader, attempt
from runbooks.digest.today import TodayReader
from storage.digest import DigestRepository
from storage.incidents import IncidentRepository
from storage.maintenance import MaintenanceRepository
from storage.store import Store

MAX_INCIDENTS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestComposer:
    """Reads everything that a digest says. What cannot be read is said, and does not sink the rest."""

    store: Store
    reader: HealthReader
    today: TodayReader

    async def compose(self, environment: str, period: date, at: datetime, audience: str = "") -> Digest:
        """The digest of an environment, as it is at ``at``. Raises ``TemporaryError`` where the database does not answer.

        It tells what happened since the one before: the audience's own, or, without an audience, any of the environment. Without
        an audience somebody waits for it.
        """
        async with self.store.read() as tx:
            previous = await tx.of(DigestRepository).previous(environment, period, audience)
            earlier = await tx.of(DigestRepository).earlier(environment, period, AVERAGED_PERIODS)
        begin = begin_of(previous.due_at if previous else None, at)
        # A person's yesterday may be this morning where the last digest was made.
        begin = begin if audience else min(begin, at - DAY)
        limit = UNHURRIED_TIMEOUT if audience else CHECK_TIMEOUT
        lines, night, (happened, unknown), (today, unknown_today) = await asyncio.gather(
            self.reader.measure(environment, unhurried=bool(audience)),
            self.reader.left_by_night(environment, nightfall(begin, at), at, unhurried=bool(audience)),
            attempt("since yesterday", self._happened(environment, begin, at), limit),
            attempt("today", self.today.read(environment, at), limit),
        )
        # Who is on call is part of today, unless nobody is.
        lines = tuple(each for each in lines if each.system != ON_CALL or each.level is not HealthLevel.GREEN)
        return Digest(
            trends=trend_rows(lines, period, earlier),
            environment=environment,
            period=period,
            made_at=at,
            since=max(previous.period, begin.date()) if previous else None,
            lines=lines,
            comparisons=compare(lines, period, earlier),
            since_yesterday=(unknown,) if unknown else happened,
            today=(unknown_today,) if unknown_today else today,
            left=night.left,
            problems=night.problems,
        )

    async def _happened(self, environment: str, since: datetime, at: datetime) -> tuple[Text, ...]:
        async with self.store.read() as tx:
            happened = Happened(
                operations=await tx.operations.ended_since(since, environment=environment),
                incidents=await tx.of(IncidentRepository).latest(MAX_INCIDENTS, since=since, environment=environment),
                alerts=await tx.alerts.titles_since(environment, since),
                windows=await tx.of(MaintenanceRepository).over_since(environment, since),
            )
        return describe(happened, at)
