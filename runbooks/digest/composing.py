"""Composes a digest: what is measured, how it compares, what happened since yesterday, what the night left."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from domain.digest.digest import AVERAGED_PERIODS, Digest, compare
from domain.digest.trends import trend_rows
from domain.rich_text import Text
from runbooks.digest.measuring import HealthReader
from runbooks.digest.today import TodayReader
from storage.digest import DigestRepository
from storage.incidents import IncidentRepository
from storage.store import Store

DAY = timedelta(days=1)
NIGHT = timedelta(hours=14)
"""From 18:00 to a digest at 08:00."""
MAX_INCIDENTS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestComposer:
    """Reads everything that a digest says. What cannot be read is said, and does not sink the rest."""

    store: Store
    reader: HealthReader
    today: TodayReader

    async def compose(self, environment: str, period: date, at: datetime) -> Digest:
        """The digest of an environment, as it is at ``at``. Raises ``TemporaryError`` where the database does not answer."""
        lines, night = await asyncio.gather(
            self.reader.measure(environment), self.reader.left_by_night(environment, at - NIGHT, at)
        )
        async with self.store.read() as tx:
            earlier = await tx.of(DigestRepository).earlier(environment, period, AVERAGED_PERIODS)
        return Digest(
            trends=trend_rows(lines, period, earlier),
            environment=environment,
            period=period,
            made_at=at,
            lines=lines,
            comparisons=compare(lines, period, earlier),
            since_yesterday=await self._since(environment, at - DAY),
            today=await self.today.read(environment, at),
            left=night.left,
            problems=night.problems,
        )

    async def _since(self, environment: str, since: datetime) -> tuple[Text, ...]:
        async with self.store.read() as tx:
            operations = await tx.operations.requested_since(since, environment=environment)
            incidents = await tx.of(IncidentRepository).latest(MAX_INCIDENTS, since=since)
            alerts = Counter(await tx.alerts.titles_since(environment, since))
        counts = Counter(each.verb.value for each in operations if each.requested_at >= since)
        texts: list[Text] = [f"{verb}: {count}" for verb, count in sorted(counts.items())]
        if alerts:
            title, count = alerts.most_common(1)[0]
            texts.append(f"alerts: {alerts.total()}, {count} of them {title}")
        shown = [each for each in incidents if each.environment == environment and not each.security and not each.is_test]
        return (*texts, *(f"incident {each.id} ({each.severity}, {each.title})" for each in shown))
