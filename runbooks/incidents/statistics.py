"""Statistics of incidents for whoever asks, with a chart in a direct message."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.incidents.statistics import IncidentStatistics, statistics_of
from domain.people import Member, Role
from storage.incident_messages import statistics_message
from storage.incident_statistics import IncidentStatisticsReader, StatisticsScope
from storage.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsService:
    """Counts incidents that a person may see."""

    store: Store
    clock: Clock
    catalogue: Callable[[], Catalogue]
    notify_outbox: Callable[[], None]

    async def statistics(self, member: Member, span: timedelta, source: str) -> IncidentStatistics:
        """Count the incidents of the last ``span``. The chart of more than none is sent to the person."""
        at, catalogue = self.clock.now(), self.catalogue()
        scope = _scope(member, catalogue)
        async with self.store.read() as tx:
            reader = tx.of(IncidentStatisticsReader)
            figures = await reader.figures(scope, at - span)
            pages = await reader.pages_by_person(scope, at - span) if catalogue.paging is not None else None
        may_see_all = set(scope.security_environments) == set(catalogue.environments)
        fact = statistics_of(figures, at - span, at, pages=pages, without_security=not may_see_all)
        if not fact.total:
            return fact
        async with self.store.write() as tx:
            await tx.put_message(statistics_message(fact, member.person, source), at)
        self.notify_outbox()
        return replace(fact, chart_sent=True)


def _scope(member: Member, catalogue: Catalogue) -> StatisticsScope:
    def environments(role: Role) -> tuple[str, ...]:
        return tuple(each for each in catalogue.environments if catalogue.has_role(member, role, each))

    visible = environments(Role.VIEWER)
    secret = environments(Role.SECURITY)
    return StatisticsScope(environments=tuple(dict.fromkeys((*visible, *secret))), security_environments=secret)
