"""Questions about metrics on a real Prometheus: what stays inside an environment, and how much is read of very many series."""

import tracemalloc
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from domain.errors import PermanentError, UsageError
from domain.metrics.promql_scope import scoped
from domain.metrics.samples import Sample
from domain.people import Person
from integrations.prometheus import Prometheus, open_prometheus
from runbooks.metrics.questions import MAX_LINES, MetricReader, Question
from storage.store import Store
from tests.harness.monitoring_servers import running_prometheus
from tests.harness.wait import wait_until

SERIES, MAX_MIB = 100_000, 60
FOREIGN = [
    "up",
    "up{}",
    '{__name__=~".+"}',
    '{__name__=~".+",job=~".*"}',
    'up{job="prometheus"}',
    "up{job=~`.*`}",
    "up{job!='x'}",
    'up{job="a\\"} or up or up{job=\\"b"}',
    'up{job="x"} or up',
    "up) or (up",
    "sum by (job) (up)",
    "max_over_time(up[1m])",
    "max_over_time({job=~'.+'}[5m:1s])",
    'label_replace(up, "environment", "staging", "", "")',
    'count_values("environment", up)',
    "up offset 1s",
    "up @ end()",
    "by",
    "on",
    "up{environment='staging'} or on() up",
    "up\nor\nup",
    "sum(up) or max(up) by (job)",
    "group_left",
    "topk(5, {job!=''})",
    'up{"job"=~".+"}',
    "-up",
    "(((up)))",
    "info(up)",
]
"""Expressions that would read series of another environment, or try to get out of the one that they are in."""


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_prometheus(tmp_path_factory.mktemp("prometheus")) as address:
        yield address


@pytest.mark.parametrize("expression", FOREIGN)
async def test_nothing_outside_the_environment_is_read(prometheus: str, expression: str) -> None:
    async with open_prometheus(prometheus) as client:

        async def is_scraped() -> bool:
            return bool(await client.query("up"))

        await wait_until(is_scraped, within=30)
        assert await _found(client, expression) == ()


async def _found(client: Prometheus, expression: str) -> tuple[Sample, ...]:
    """What is read; nothing where we or Prometheus refuse the expression."""
    try:
        return await client.query(scoped(expression, "environment", "staging"))
    except (UsageError, PermanentError):
        return ()


async def test_what_is_inside_is_read(prometheus: str) -> None:
    async with open_prometheus(prometheus) as client:

        async def is_read() -> bool:
            found = await client.query(scoped("sum by (job) (max_over_time(up[1m]))", "job", "prometheus"))
            return [sample.value for sample in found] == [1.0]

        await wait_until(is_read, within=30)


@pytest.fixture
async def exporter() -> AsyncIterator[str]:
    """Very many series, each with its number."""
    text = "".join(f'many{{number="{number}"}} {number}\n' for number in range(SERIES))

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(text=text, content_type="text/plain")

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_of_very_many_series_the_highest_are_read(tmp_path: Path, exporter: str, store: Store) -> None:
    with running_prometheus(tmp_path, exporter=exporter) as address:
        async with open_prometheus(address) as client:

            async def is_scraped() -> bool:
                found = await client.query("count(many)")
                return [sample.value for sample in found] == [SERIES]

            await wait_until(is_scraped, within=60)
            now = datetime.now(UTC)
            question = Question(
                person=Person("U0VIEWER", "T0HOME"),
                source="envelope-1",
                title="many",
                environment="staging",
                expression="many",
                unit="",
                since=now - timedelta(hours=1),
                until=now,
            )
            tracemalloc.start()
            try:
                answer = await MetricReader(store=store, prometheus=lambda _: client).answer(question)
                peak = tracemalloc.get_traced_memory()[1] / 2**20
            finally:
                tracemalloc.stop()
    assert (answer.problem, answer.total) == ("", SERIES)
    assert answer.note == "More than 200 series are not drawn; these have the highest values now."
    assert [each.value for each in answer.lines] == [float(SERIES - 1 - each) for each in range(MAX_LINES)]
    assert peak < MAX_MIB
