"""Reads a service's log lines for people: from the log server, and where that has no answer, from the pods."""

import asyncio
from dataclasses import dataclass, replace
from typing import Protocol

from domain.answers.logs import LogPatternsAnswer, LogsAnswer
from domain.errors import DeepechoError
from domain.logs.lines import LogPage, LogQuery, redacted_lines
from domain.logs.patterns import patterns_of
from domain.rich_text import Text, sentence

SERVER_SECONDS, POD_SECONDS = 7.0, 4.0
"""Somebody waits. A search, the check before it, and the deletion after it are within the first."""


class LineSource(Protocol):
    """Where lines are read; None where the catalogue names no such place."""

    async def read(self, query: LogQuery) -> LogPage | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReader:
    """Lines are redacted before anything else is done with them."""

    server: LineSource
    pods: LineSource
    server_seconds: float = SERVER_SECONDS
    pod_seconds: float = POD_SECONDS

    async def lines(self, query: LogQuery) -> LogsAnswer:
        """The newest lines, and the patterns in them."""
        page, problem = await self.page(query)
        return LogsAnswer(
            environment=query.environment,
            service=query.service,
            words=str(query.filter),
            since=query.since,
            until=query.until,
            page=page,
            patterns=patterns_of(page.lines) if page else (),
            problem=problem,
        )

    async def patterns(self, query: LogQuery) -> LogPatternsAnswer:
        """The patterns, with those that as long a time before did not have."""
        span = query.until - query.since
        earlier = replace(query, since=query.since - span, until=query.since)
        (page, problem), (before, _) = await asyncio.gather(self.page(query), self.page(earlier))
        compared = before if before is not None and before.lines and page and before.source == page.source else None
        return LogPatternsAnswer(
            environment=query.environment,
            service=query.service,
            words=str(query.filter),
            since=query.since,
            until=query.until,
            page=page,
            patterns=patterns_of(page.lines, compared.lines if compared else None) if page else (),
            is_compared=compared is not None,
            problem=problem,
        )

    async def page(self, query: LogQuery) -> tuple[LogPage | None, Text]:
        """The lines, or why there are none."""
        page, problem = await _attempt(self.server, query, "The log server", self.server_seconds)
        if page is None:
            page, pod_problem = await _attempt(self.pods, query, "The cluster", self.pod_seconds)
            if page is None:
                return None, sentence(problem, " " if problem else "", pod_problem)
            if problem:
                from_pods: Text = sentence(problem, " These lines are from the pods, which keep only the newest ones.")
                page = replace(page, notes=(from_pods, *page.notes))
        return _masked(page, query), ""


def _masked(page: LogPage, query: LogQuery) -> LogPage:
    """The page without secrets, and without lines that fit by a secret only: their number would tell it letter by letter."""
    lines = redacted_lines(page.lines)
    fitting = tuple(line for line in lines if query.filter.matches(line.text))
    if len(fitting) < len(lines):
        page = replace(page, total=len(fitting), is_at_least=page.is_at_least or page.total > len(lines))
    return replace(page, lines=fitting[-query.limit :])


async def _attempt(source: LineSource, query: LogQuery, name: str, seconds: float) -> tuple[LogPage | None, Text]:
    try:
        async with asyncio.timeout(seconds):
            return await source.read(query), ""
    except TimeoutError:
        return None, f"{name} did not answer within {seconds:g} s."
    except DeepechoError as error:
        return None, error.sentence
