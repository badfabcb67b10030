"""Reads traces for people, within a time limit, and says what could not be read."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Protocol

from domain.answers.traces import TraceAnswer, TraceComparison, TraceRow, TracesAnswer
from domain.errors import DeepechoError, NotFound
from domain.rich_text import CommandMention, Text, sentence
from domain.traces.critical_path import critical_path
from domain.traces.findings import findings_of
from domain.traces.listing import TraceLine, TraceOrder
from domain.traces.spans import ReadSpans, Trace, traces_of
from domain.traces.tree import SpanTree, tree_of
from runbooks.traces.search import TraceSearch, TraceWindow

READ_SECONDS = 9.0
MAX_ROWS = 25
MAX_SHARES = 8
MAX_EVIDENCE = 2


class TraceById(Protocol):
    """What is asked of a Jaeger."""

    base_url: str

    async def trace(self, text: str) -> ReadSpans: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceReader:
    """``jaeger`` gives the client of an environment, and None where the catalogue names no address."""

    search: TraceSearch
    jaeger: Callable[[str], TraceById | None]
    read_seconds: float = READ_SECONDS

    async def list(self, window: TraceWindow) -> TracesAnswer:
        """Traces of a service, slow or failing ones first."""
        blank = TracesAnswer(
            environment=window.environment,
            service=window.service,
            jaeger_service=window.service,
            order=window.order,
            since=window.since,
            until=window.until,
        )
        try:
            async with asyncio.timeout(self.read_seconds):
                found = await self.search.find(window)
        except TimeoutError:
            return replace(blank, problem=self._late)
        except DeepechoError as error:
            return replace(blank, problem=error.sentence)
        if found is None:
            return replace(blank, problem=_no_jaeger(window.environment))
        return replace(blank, jaeger_service=found.jaeger_service, lines=found.lines, cut_at=found.cut_at)

    async def evidence(self, environment: str, services: Sequence[str], since: datetime, until: datetime) -> tuple[Text, ...]:
        """Traces of these services in which something failed, else the slowest: a line each, with what to type to see it.

        None where Jaeger does not answer: nothing waits for it.
        """
        lines: list[Text] = []
        for service in services:
            for order in (TraceOrder.ERRORS, TraceOrder.SLOW):
                window = TraceWindow(environment=environment, service=service, since=since, until=until, order=order)
                if found := (await self.list(window)).lines:
                    lines += [_evidence(each, environment) for each in found[:MAX_EVIDENCE]]
                    break
        return tuple(lines[: 2 * MAX_EVIDENCE])

    async def show(self, environment: str, text: str) -> tuple[TraceAnswer, Trace | None]:
        """One trace with its waterfall and critical path in words, and all of it that was read; None where it was not."""
        trace, problem = await self._trace(environment, text)
        if trace is None:
            return TraceAnswer(environment=environment, id=text, problem=problem), None
        source, tree = self.jaeger(environment), tree_of(trace)
        root = tree.longest_root or trace.spans[0]
        answer = TraceAnswer(
            environment=environment,
            id=trace.id,
            trace=replace(trace, spans=trace.spans[:MAX_ROWS]),
            duration=root.duration,
            spans=len(trace.spans),
            rows=rows_of(trace, tree),
            path=critical_path(tree)[:MAX_SHARES],
            findings=findings_of(trace, tree),
            url=f"{source.base_url}/trace/{trace.id}" if source else "",
        )
        return answer, trace

    async def compare(self, environment: str, first: str, second: str) -> TraceComparison:
        """What the ends of two traces waited for."""
        (one, problem), (other, other_problem) = await asyncio.gather(
            self._trace(environment, first), self._trace(environment, second)
        )
        if one is None or other is None:
            return TraceComparison(environment=environment, first=first, second=second, problem=problem or other_problem)
        before, after = _shares(one), _shares(other)
        shares = [(name, before.get(name, 0), after.get(name, 0)) for name in before | after]
        shares.sort(key=lambda each: -abs(each[2] - each[1]))
        return TraceComparison(
            environment=environment,
            first=one.id,
            second=other.id,
            durations=(one.duration, other.duration),
            shares=tuple(shares[:MAX_SHARES]),
        )

    async def _trace(self, environment: str, text: str) -> tuple[Trace | None, Text]:
        source = self.jaeger(environment)
        if source is None:
            return None, _no_jaeger(environment)
        try:
            async with asyncio.timeout(self.read_seconds):
                traces = traces_of(await source.trace(text))
        except TimeoutError:
            return None, self._late
        except DeepechoError as error:
            return None, error.sentence
        if not traces or not traces[0].spans:
            return None, NotFound(f"Jaeger knows no trace {text[:40]}.").sentence
        return traces[0], ""

    @property
    def _late(self) -> str:
        return f"Jaeger did not answer within {self.read_seconds:g} s."


def _evidence(each: TraceLine, environment: str) -> Text:
    failed = f" · {each.failed.service} {each.failed.operation} failed" if each.failed is not None else ""
    milliseconds = each.duration.total_seconds() * 1000
    return sentence(f"{milliseconds:,.0f} ms {each.first.operation}{failed} · ", CommandMention(f"trace {each.id} {environment}"))


def _no_jaeger(environment: str) -> str:
    return f"The catalogue names no Jaeger for {environment}. Its address goes under environments, as jaeger."


def rows_of(trace: Trace, tree: SpanTree) -> tuple[TraceRow, ...]:
    """The first rows of the waterfall, parents before their children."""
    start, whole = trace.start, max(trace.duration, 1)
    walked = islice(tree.walk(), MAX_ROWS)
    return tuple(
        TraceRow(
            depth=depth,
            service=span.service,
            operation=span.operation,
            begin=(span.start - start) / whole,
            end=(span.end - start) / whole,
            duration=span.duration,
            is_error=span.is_error,
        )
        for depth, span in walked
    )


def _shares(trace: Trace) -> dict[str, int]:
    return {f"{each.service} {each.operation}": each.duration for each in critical_path(tree_of(trace))}
