"""Finds dashboards and panels: what the catalogue names is known at once, Grafana is asked within a time limit."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from domain.answers.dashboards import DashboardLink, DashboardsAnswer
from domain.catalogue.catalogue import Catalogue
from domain.dashboards.dashboards import Dashboard, FoundDashboard
from domain.dashboards.links import TimeRange, dashboard_url, search_url
from domain.dashboards.variables import usual_values, values_of
from domain.errors import DeepechoError, NotFound, TemporaryError
from domain.rich_text import Text, sentence
from runbooks.dashboards.scope import Scope, words_of

MAX_SHOWN = 8
"""Dashboards in one answer: what a phone shows. Each is one more request."""
SEARCH_LIMIT = 50
ANSWER_SECONDS = 4.5
"""For everything that Grafana is asked, because somebody waits."""
MIN_DETAILS_SECONDS = 0.5
_KNOWN_ONLY = "Only what the catalogue names is here."


class GrafanaReader(Protocol):
    """What is asked of a Grafana."""

    async def search(self, words: str, limit: int) -> tuple[FoundDashboard, ...]: ...

    async def dashboard(self, uid: str) -> Dashboard: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardQuery:
    """What a person looks for. ``scope`` is what the links are about; without an environment, those that are searched."""

    words: str
    panel: str
    scope: Scope
    shown: TimeRange


@dataclass(frozen=True, slots=True)
class _Place:
    """One Grafana, and the first of the environments that share it."""

    address: str
    environment: str


@dataclass(frozen=True, slots=True)
class _Result:
    """What one step has found out, and what it could not."""

    links: tuple[DashboardLink, ...] = ()
    problems: tuple[Text, ...] = ()
    count: int = 0


class DashboardSearch:
    """``grafana`` gives the client of an environment, and None where the catalogue names no address."""

    def __init__(
        self,
        catalogue: Callable[[], Catalogue],
        grafana: Callable[[str], GrafanaReader | None],
        *,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._catalogue, self._grafana, self._answer_seconds = catalogue, grafana, answer_seconds

    async def find(self, environments: Sequence[str], query: DashboardQuery) -> DashboardsAnswer:
        """Look in the Grafana of each environment, once where they share it."""
        by_address: dict[str, list[str]] = {}
        for name in environments:
            if address := self._catalogue().environments[name].grafana:
                by_address.setdefault(address, []).append(name)
        found = await asyncio.gather(
            *(self._in_one(_Place(address, names[0]), names, query) for address, names in by_address.items())
        )
        links = tuple(link for each in found for link in each.links)
        return DashboardsAnswer(
            title=_title(query),
            shown=query.shown,
            links=links[:MAX_SHOWN],
            problems=tuple(dict.fromkeys(problem for each in found for problem in each.problems)),
            more=max(sum(each.count for each in found), len(links)) - len(links[:MAX_SHOWN]),
            all_url=search_url(next(iter(by_address)), query.words) if len(by_address) == 1 else "",
        )

    async def _in_one(self, place: _Place, environments: Sequence[str], query: DashboardQuery) -> _Result:
        # Several environments in one Grafana, and none was named: the dashboard's own choice stays.
        own = query.scope.environment or (environments[0] if len(environments) == 1 else "")
        query = replace(query, scope=replace(query.scope, environment=own))
        known = tuple(self._known(query))
        reader = self._grafana(place.environment)
        if reader is None:
            return self._unread(place, known, query, ())
        deadline = asyncio.get_running_loop().time() + self._answer_seconds
        try:
            async with asyncio.timeout_at(deadline):
                found = await self._search(reader, query)
        except TimeoutError:
            late = f"Grafana did not answer within {self._answer_seconds:g} s. {_KNOWN_ONLY}"
            return self._unread(place, known, query, (late,))
        except DeepechoError as error:
            return self._unread(place, known, query, (sentence(error.sentence, f" {_KNOWN_ONLY}"),))
        merged = tuple({each.uid: each for each in (*known, *found)}.values())
        details = await self._read_all(reader, merged[:MAX_SHOWN], deadline)
        return self._with_details(place, merged, details, query)

    async def _search(self, reader: GrafanaReader, query: DashboardQuery) -> tuple[FoundDashboard, ...]:
        """By the words without the service's name; if nothing fits, by all of them: it may be part of the title."""
        service_words = self._words_of(query.scope.service)
        rest = " ".join(word for word in query.words.split() if word.lower() not in service_words)
        found = await reader.search(rest, SEARCH_LIMIT) if rest or not query.words else ()
        return found or (await reader.search(query.words, SEARCH_LIMIT) if rest != query.words else ())

    def _known(self, query: DashboardQuery) -> Iterable[FoundDashboard]:
        """The dashboards that the catalogue names: of the service, or of all where nothing is looked for."""
        for name, service in self._catalogue().services.items():
            if service.dashboard and (name == query.scope.service or not query.words):
                yield FoundDashboard(service.dashboard, name)

    def _words_of(self, service: str) -> set[str]:
        return {service, *self._catalogue().services[service].aliases} if service else set()

    def _unread(
        self, place: _Place, known: Sequence[FoundDashboard], query: DashboardQuery, problems: tuple[Text, ...]
    ) -> _Result:
        return _Result(tuple(self._link(place, each, None, query) for each in known), problems, len(known))

    async def _read_all(
        self, reader: GrafanaReader, found: Sequence[FoundDashboard], deadline: float
    ) -> "tuple[Dashboard | DeepechoError, ...]":
        """Each dashboard, or why it is not known. At least half a second is theirs, however long the search took."""
        end = max(deadline, asyncio.get_running_loop().time() + MIN_DETAILS_SECONDS)
        return tuple(await asyncio.gather(*(_read(reader, each, end) for each in found)))

    def _with_details(
        self,
        place: _Place,
        found: Sequence[FoundDashboard],
        read: "Sequence[Dashboard | DeepechoError]",
        query: DashboardQuery,
    ) -> _Result:
        links: list[DashboardLink] = []
        for each, details in zip(found, read, strict=False):  # only the first ones were read
            if not isinstance(details, NotFound):
                links += self._links(place, each, details if isinstance(details, Dashboard) else None, query)
        problems = dict.fromkeys(each.sentence for each in read if isinstance(each, DeepechoError))
        unread = len(found) - len(read)
        if query.panel and unread:
            problems[f"Panels were looked for in the first {len(read)} of {len(found)} dashboards: more words find fewer."] = None
        return _Result(tuple(links), tuple(problems), len(links) + (0 if query.panel else unread))

    def _links(
        self, place: _Place, found: FoundDashboard, details: Dashboard | None, query: DashboardQuery
    ) -> Iterable[DashboardLink]:
        if details is None or not query.panel:
            # Without details a panel cannot be named: the dashboard is the next best.
            return [self._link(place, found, details, query)]
        panels = details.panels_named(query.panel)
        return [self._link(place, found, details, query, panel.id, panel.title) for panel in panels]

    def _link(
        self,
        place: _Place,
        found: FoundDashboard,
        details: Dashboard | None,
        query: DashboardQuery,
        panel_id: int | None = None,
        panel: str = "",
    ) -> DashboardLink:
        catalogue = self._catalogue()
        owner = next((name for name, service in catalogue.services.items() if service.dashboard == found.uid), "")
        scope = replace(query.scope, service=query.scope.service or owner)
        words = words_of(scope, catalogue)
        values = usual_values(words) if details is None else values_of(words, details.variables)
        return DashboardLink(
            title=details.title if details else found.title,
            folder=(details.folder if details else "") or found.folder,
            url=dashboard_url(place.address, found.uid, query.shown, values, panel_id),
            environment=place.environment,
            uid=found.uid,
            panel=panel,
            panel_id=panel_id or 0,
            variables=tuple(values.items()),
        )


async def _read(reader: GrafanaReader, found: FoundDashboard, deadline: float) -> Dashboard | DeepechoError:
    try:
        async with asyncio.timeout_at(deadline):
            return await reader.dashboard(found.uid)
    except TimeoutError:
        return TemporaryError("Grafana did not say in time which variables and panels they have.")
    except NotFound:
        return NotFound(f"Grafana has no dashboard {found.uid}, which the catalogue names for {found.title}.")
    except DeepechoError as error:
        return error


def _title(query: DashboardQuery) -> str:
    what = f" with “{query.words}”" if query.words else ""
    panel = f", panels with “{query.panel}”" if query.panel else ""
    where = f" for {query.scope.environment}" if query.scope.environment else ""
    return f"Dashboards{what}{where}{panel}"
