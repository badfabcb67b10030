"""Lines from an environment's log server. Whatever a search leaves there is deleted, after a crash by the sweep."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from domain.catalogue.catalogue import Catalogue
from domain.catalogue.logs import LogsConfig
from domain.clock import Clock
from domain.errors import AnswerTooLarge, DeepechoError, PermanentError, TemporaryError
from domain.logs.lines import LogPage, LogQuery
from domain.rich_text import Text
from integrations.elasticsearch import FoundLines, LineSearch, SearchState
from runbooks.logs.targets import target_of
from storage.logs import LogSearchRepository
from storage.store import Store

FIRST_WAIT_SECONDS, SEARCH_SECONDS, DELETE_SECONDS = 1.5, 5.0, 1.0
_LOOK_SECONDS = 1.0
SMALLER = (1, 10, 100)
"""By how much less is asked for where the answer is too large, because the lines are long."""
FIELDS_KNOWN_FOR = timedelta(minutes=10)
ABANDONED_AFTER = timedelta(seconds=30)
"""Nobody waits for a search of this age: the process that did has died, or could not reach the server."""
GONE_AFTER = timedelta(minutes=3)
"""The server has deleted a search of this age by itself."""
_EXACT_TYPES = frozenset({"keyword", "constant_keyword", "wildcard"})


class LogServer(Protocol):
    """What is asked of a log server."""

    async def field_types(self, indices: str, names: tuple[str, ...]) -> Mapping[str, frozenset[str]]: ...

    async def start(self, search: LineSearch, wait_seconds: float) -> SearchState: ...

    async def look(self, search: LineSearch, search_id: str, wait_seconds: float) -> SearchState: ...

    async def delete(self, search_id: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLines:
    """``server`` gives the client of an environment, and None where the catalogue names no log server."""

    store: Store
    clock: Clock
    catalogue: Callable[[], Catalogue]
    server: Callable[[str], LogServer | None]
    first_wait_seconds: float = FIRST_WAIT_SECONDS
    """A search that ends within it leaves nothing on the server."""
    search_seconds: float = SEARCH_SECONDS
    _checked: dict[tuple[object, ...], datetime] = field(default_factory=dict)

    async def read(self, query: LogQuery) -> LogPage | None:
        """The newest lines; None where there is no log server. Raises what the client raises."""
        target_of(self.catalogue(), query)
        server, config = self.server(query.environment), self.catalogue().environments[query.environment].logs
        if server is None or config is None:
            return None
        search = self._search(config, query)
        await self._check_fields(server, config, query.environment, search)
        for divisor in SMALLER[:-1]:
            with suppress(AnswerTooLarge):
                return await self._page(server, query, replace(search, limit=search.limit // divisor))
        return await self._page(server, query, replace(search, limit=search.limit // SMALLER[-1]))

    async def sweep(self) -> None:
        """Delete what searches of dead processes left. One that cannot be deleted now is tried again until it is gone."""
        at = self.clock.now()
        async with self.store.read() as tx:
            abandoned = await tx.of(LogSearchRepository).started_before(at - ABANDONED_AFTER)
        for search_id, environment, started_at in abandoned:
            server = self.server(environment)
            if server is not None and started_at > at - GONE_AFTER:
                await self._delete(server, search_id)
            else:
                await self._forget(search_id)

    def _search(self, config: LogsConfig, query: LogQuery) -> LineSearch:
        target = target_of(self.catalogue(), query)
        return LineSearch(
            indices=config.indices(query.since, query.until),
            filters=config.filters_of(target),
            time_field=config.time,
            message_field=config.message,
            pod_field=config.pod,
            words=query.filter,
            since=query.since,
            until=query.until,
            limit=query.limit,
        )

    async def _check_fields(self, server: LogServer, config: LogsConfig, environment: str, search: LineSearch) -> None:
        """Raise what ``check_filters`` raises; what was right a while ago is not asked for again."""
        key, at = (config.address, environment, search.indices, *search.filters.items()), self.clock.now()
        if at - self._checked.get(key, at - FIELDS_KNOWN_FOR) < FIELDS_KNOWN_FOR:
            return
        types = await server.field_types(search.indices, tuple(search.filters))
        check_filters(config, types)
        self._checked[key] = at

    async def _page(self, server: LogServer, query: LogQuery, search: LineSearch) -> LogPage:
        found = await self._found(server, query.environment, search)
        notes: list[Text] = []
        if found.shards_answered < found.shards_asked:
            why = f": {found.problem}" if found.problem else ""
            notes.append(f"Only {found.shards_answered} of {found.shards_asked} parts of the indices answered{why}.")
        if found.timed_out:
            notes.append("The log server stopped searching when its time was over: there may be more.")
        if search.limit < query.limit:
            notes.append(f"The lines are long: only the newest {search.limit} were read.")
        return LogPage(
            source="the log server",
            # A stable sort: lines of one millisecond stay in the order in which they were written.
            lines=tuple(sorted(found.lines, key=lambda each: each.at)),
            total=max(found.total, len(found.lines)),
            is_at_least=found.is_at_least,
            notes=tuple(notes),
        )

    async def _found(self, server: LogServer, environment: str, search: LineSearch) -> FoundLines:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.search_seconds
        state = await server.start(search, self.first_wait_seconds)
        if not state.id:
            return _checked(state.found)
        search_id = state.id
        try:
            # Remembered before anything else, so that another process deletes it if this one dies now.
            await self._remember(search_id, environment)
            while state.is_running and (left := deadline - loop.time()) > 0:
                state = await server.look(search, search_id, min(_LOOK_SECONDS, left))
        finally:
            await self._delete(server, search_id)
        if state.is_running:
            done, asked = state.found.shards_answered, state.found.shards_asked
            raise TemporaryError(
                f"The log server did not finish within {self.search_seconds:g} s: it had searched {done} of {asked} parts."
            )
        return _checked(state.found)

    async def _delete(self, server: LogServer, search_id: str) -> None:
        """Delete a search. One that cannot be deleted now is left to the next sweep, until the server has forgotten it itself."""
        try:
            async with asyncio.timeout(DELETE_SECONDS):
                await server.delete(search_id)
        except (TimeoutError, DeepechoError):
            return
        await self._forget(search_id)

    async def _remember(self, search_id: str, environment: str) -> None:
        async with self.store.write() as tx:
            await tx.of(LogSearchRepository).add(search_id, environment, self.clock.now())

    async def _forget(self, search_id: str) -> None:
        async with self.store.write() as tx:
            await tx.of(LogSearchRepository).remove(search_id)


def _checked(found: FoundLines) -> FoundLines:
    """Raise PermanentError where no part of the indices could be searched: that is not the same as no lines."""
    if found.problem and not found.shards_answered:
        raise PermanentError(f"The log server could not search: {found.problem}")
    return found


def check_filters(config: LogsConfig, types: Mapping[str, frozenset[str]]) -> None:
    """Raise PermanentError for a filter that would let lines of others through: a field of text has words, not a value."""
    for name in config.filters:
        known = types.get(name, frozenset())
        if not known - {"unmapped"}:
            raise PermanentError(f"No index of {config.index} has the field {name}, which the catalogue filters by.")
        if not known <= _EXACT_TYPES | {"unmapped"}:
            raise PermanentError(
                f"The field {name} of {config.index} holds words, not one exact value, so that lines of others would be "
                f"found too. Name another one in the catalogue, often {name}.keyword."
            )
