"""What a person reads of traces, from the strict stand-in: slow ones, failing ones, one in detail, two compared, and trouble."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from domain.answers.answers import ErrorAnswer
from domain.answers.traces import TraceAnswer, TraceRow
from domain.catalogue.catalogue import Catalogue
from domain.rich_text import plain_text
from domain.traces.spans import Trace
from integrations.jaeger import open_jaeger
from runbooks.traces.pictures import TraceViewer
from runbooks.traces.reading import TraceReader
from runbooks.traces.search import TraceSearch
from sandbox.jaeger import StandInJaeger, StoredSpan, Trouble
from storage.tables.core import outbox
from storage.trace_messages import TRACE_PICTURE
from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.families import render_text
from tests.harness.samples.team import STAN, VIV, catalogue_data

SLOW, FAILED, PLAIN = "a" * 32, "b" * 32, "c" * 32


def catalogue(url: str) -> Catalogue:
    data = catalogue_data()
    data["environments"]["production"]["jaeger"] = url
    data["services"]["deep-echo-main"]["jaeger_service"] = "echo.main"
    return Catalogue.model_validate(data)


@dataclass
class TracesHarness:
    commands: CommandHarness
    jaeger: StandInJaeger

    async def read(self, text: str) -> str:
        answer = await self.commands.run_command(VIV, text)
        if isinstance(answer, ErrorAnswer):
            return f"{plain_text(answer.sentence)} {plain_text(answer.hint)}"
        return render_text(answer)

    async def pictures(self) -> list[tuple[str, str]]:
        """Channels and facts."""
        async with self.commands.services.store.engines.read.connect() as connection:
            rows = await connection.execute(select(outbox.c.channel, outbox.c.fact).where(outbox.c.kind == TRACE_PICTURE.name))
            return [(channel, fact) for channel, fact in rows]


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[TracesHarness]:
    async with StandInJaeger() as jaeger, open_jaeger(jaeger.url, timeout_seconds=10) as client:
        known = catalogue(jaeger.url)
        async with open_command_harness(tmp_path, known) as commands:
            now = int(commands.clock.now().timestamp()) * 10**9
            root = StoredSpan(
                trace_id=SLOW, span_id="1" * 16, service="echo.main", name="GET /", start=now - 60 * 10**9, duration=2 * 10**9
            )
            child = replace(
                root, span_id="2" * 16, parent_id="1" * 16, service="echo.cognitive", name="think", duration=19 * 10**8
            )
            failed = replace(root, trace_id=FAILED, duration=10**8, is_error=True, message="boom")
            jaeger.state.spans += [root, child, failed, replace(root, trace_id=PLAIN, duration=5 * 10**7)]

            def client_of(environment: str) -> object:
                return client if environment == "production" else None

            search = TraceSearch(catalogue=lambda: known, jaeger=client_of)  # type: ignore[arg-type]
            reader = TraceReader(search=search, jaeger=client_of, read_seconds=2)  # type: ignore[arg-type]
            viewer = TraceViewer(reader=reader, store=commands.services.store, clock=commands.clock, notify_outbox=lambda: None)
            services = {**commands.services.family_services, TraceReader: reader, TraceViewer: viewer}
            yield TracesHarness(replace(commands, services=replace(commands.services, family_services=services)), jaeger)


async def test_the_slowest_first_with_what_to_type(harness: TracesHarness) -> None:
    text = await harness.read("traces main slow")
    assert "slowest traces of deep-echo-main in production" in text
    assert text.index("2 s GET / · 2 spans") < text.index("100 ms GET /") < text.index("50 ms GET /")
    assert f"trace {SLOW} production" in text
    assert "in Jaeger it is echo.main" in text


async def test_only_those_that_failed(harness: TracesHarness) -> None:
    text = await harness.read("traces main errors production --last 1h")
    assert "🔴 100 ms GET / · 1 span · 1 error" in text
    assert "echo.main GET /: boom" in text
    assert SLOW not in text


async def test_one_trace_and_what_its_end_waited_for(harness: TracesHarness) -> None:
    text = await harness.read(f"trace {SLOW}")
    assert "Trace aaaaaaaa in production: 2 s" in text
    assert text.index("echo.cognitive think 1.9 s") < text.index("echo.main GET / 100 ms")
    assert "██████████     2 s main GET /" in text


async def test_a_picture_follows_once_and_nothing_waits_for_it(harness: TracesHarness) -> None:
    assert "a picture follows in a direct message" in await harness.read(f"trace {SLOW}")
    ((channel, text),) = await harness.pictures()
    fact = TRACE_PICTURE.load(text)
    assert channel == VIV.person.user_id
    assert [(bar.name, bar.value, bar.depth) for bar in fact.chart.bars] == [
        ("echo.main GET /", "2 s", 0),
        ("echo.cognitive think", "1.9 s", 1),
    ]


async def test_a_trace_that_was_not_read_has_no_picture(harness: TracesHarness) -> None:
    harness.jaeger.state.trouble = Trouble(status=503)
    assert "picture" not in await harness.read(f"trace {SLOW}")
    assert await harness.pictures() == []


@pytest.mark.parametrize(
    ("services", "shown"),
    [
        (("echo-main", "echo-cache"), ("main GET", "cache GET")),
        (("main", "cache"), ("main GET", "cache GET")),
        (("shop/web", "shop/api"), ("web GET", "api GET")),
        (("", "/x"), (" GET", "/x GET")),
        (("same", "same"), ("same GET", "same GET")),
    ],
)
def test_what_all_services_share_takes_no_room(services: tuple[str, str], shown: tuple[str, str]) -> None:
    rows = tuple(
        TraceRow(depth=0, service=each, operation="GET", begin=0, end=1, duration=2 * 10**9, is_error=False) for each in services
    )
    trace = Trace(id=SLOW, spans=())
    text = render_text(TraceAnswer(environment="production", id=SLOW, trace=trace, rows=rows, spans=2))
    assert all(f"2 s {each}" in text for each in shown)


async def test_two_traces_compared(harness: TracesHarness) -> None:
    text = await harness.read(f"trace compare {SLOW} {PLAIN}")
    assert "all in all 2 s → 50 ms" in text
    assert "echo.cognitive think 1.9 s → 0 ns" in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("traces main slow staging", "names no Jaeger for staging"),
        ("traces mian", "mian"),
        ("traces main slow errors", "either slow or errors"),
        (f"trace {'d' * 32}", "no"),
        ("trace nonsense", "nonsense"),
        ("traces main --last soon", "soon"),
    ],
)
async def test_what_cannot_be_answered_is_said(harness: TracesHarness, text: str, said: str) -> None:
    assert said in await harness.read(text)


@pytest.mark.parametrize(
    "trouble", [Trouble(status=503), Trouble(body=b"<html>"), Trouble(delay_seconds=30)], ids=["down", "rubbish", "slow"]
)
@pytest.mark.parametrize("text", ["traces main", f"trace {SLOW}", f"trace compare {SLOW} {PLAIN}"])
async def test_a_jaeger_in_trouble_is_said(harness: TracesHarness, trouble: Trouble, text: str) -> None:
    harness.jaeger.state.trouble = trouble
    answer = await harness.read(text)
    assert "❔" in answer
    assert "Jaeger" in answer


async def test_what_failed_is_evidence_and_else_what_was_slow(harness: TracesHarness) -> None:
    reader, now = harness.commands.services.of(TraceReader), harness.commands.clock.now()
    times = (now - timedelta(hours=1), now)
    (failed,) = await reader.evidence("production", ["deep-echo-main"], *times)
    assert plain_text(failed).startswith("100 ms GET / · echo.main GET / failed · ")
    harness.jaeger.state.spans = [span for span in harness.jaeger.state.spans if not span.is_error]
    slow, plain = await reader.evidence("production", ["deep-echo-main"], *times)
    assert (plain_text(slow)[:13], plain_text(plain)[:11]) == ("2,000 ms GET ", "50 ms GET /")
    assert await reader.evidence("staging", ["deep-echo-main"], *times) == ()


async def test_strangers_read_no_traces(harness: TracesHarness) -> None:
    assert isinstance(await harness.commands.run_command(STAN, "traces main"), ErrorAnswer)
