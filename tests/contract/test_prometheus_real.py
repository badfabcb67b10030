"""A real Prometheus that scrapes itself, asked about itself."""

import math
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.errors import PermanentError
from domain.metrics.promql import split_threshold
from domain.metrics.samples import Sample
from integrations.prometheus import Prometheus, open_prometheus
from tests.harness.monitoring_servers import running_prometheus
from tests.harness.wait import wait_until

pytestmark = pytest.mark.alerts


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with running_prometheus(folder) as found:
        yield found


@pytest.fixture
async def prometheus(address: str) -> AsyncIterator[Prometheus]:
    async with open_prometheus(address) as opened:

        async def scraped() -> bool:  # more than once: questions about whole seconds may lie before the first time
            return bool(await opened.query("count_over_time(up[1m]) >= 3"))

        await wait_until(scraped)
        yield opened


async def test_what_is_now(address: str, prometheus: Prometheus) -> None:
    (sample,) = await prometheus.query("up")
    assert sample == Sample({"__name__": "up", "instance": address.removeprefix("http://"), "job": "prometheus"}, 1.0)

    assert await prometheus.query("6 * 7") == (Sample({}, 42.0),)
    assert await prometheus.query('"a text"') == (Sample({}, None),)
    assert await prometheus.query("vector(0) / 0") == (Sample({}, None),)
    assert await prometheus.query("vector(1) / 0") == (Sample({}, None),)
    assert [each.value for each in await prometheus.query("up[1m]")] == [1.0]
    assert await prometheus.query("no_such_metric") == ()


@pytest.mark.parametrize("span", [timedelta(0), timedelta(minutes=1), timedelta(hours=6), timedelta(days=365)])
async def test_what_was_in_no_more_points_than_asked_for(prometheus: Prometheus, span: timedelta) -> None:
    now = datetime.now(UTC)

    (series,) = await prometheus.query_range("vector(3)", now - span, now)

    assert 1 <= len(series.points) <= 240
    assert {value for _, value in series.points} == {3.0}
    assert series.points[0][0] == pytest.approx((now - span).timestamp(), abs=1)


async def test_more_points_than_prometheus_gives_are_not_asked_for(prometheus: Prometheus) -> None:
    now = datetime.now(UTC)

    (series,) = await prometheus.query_range("vector(1)", now - timedelta(days=30), now, points=1_000_000)

    assert 10_000 < len(series.points) <= 11_000


async def test_a_gap_is_a_point_without_a_value(prometheus: Prometheus) -> None:
    since = datetime(2026, 1, 1, tzinfo=UTC)
    begin = since.timestamp()

    found = await prometheus.query_range(
        f"vector(time()) < {begin + 10} or vector(time()) > {begin + 50}", since, since + timedelta(minutes=1)
    )

    (series,) = found
    at = [(when - begin, value is None) for when, value in series.points]
    assert at == [*((float(second), False) for second in range(10)), (10.0, True), *((float(s), False) for s in range(51, 61))]


async def test_lines_are_named_by_what_differs(prometheus: Prometheus) -> None:
    now = datetime.now(UTC)

    found = await prometheus.query_range('{__name__=~"up|scrape_samples_scraped"}', now, now)

    assert [each.name for each in found] == ["scrape_samples_scraped", "up"]


async def test_a_long_expression_is_taken(prometheus: Prometheus) -> None:
    (sample,) = await prometheus.query(f'up{{job!="{"x" * 200_000}"}}')

    assert sample.value == 1.0


async def test_a_wrong_expression_is_refused_in_prometheus_own_words(prometheus: Prometheus) -> None:
    now = datetime.now(UTC)
    with pytest.raises(PermanentError, match=r"does not take the expression: .*parse error: unclosed left parenthesis"):
        await prometheus.query("sum(up")
    with pytest.raises(PermanentError, match="many-to-many matching not allowed"):
        await prometheus.query("prometheus_http_requests_total + on() prometheus_http_requests_total")
    with pytest.raises(PermanentError, match="end timestamp must not be before start time"):
        await prometheus.query_range("up", now, now - timedelta(hours=1))
    for nothing in ("", "\ud800", "\x00"):
        with pytest.raises(PermanentError, match="does not take the expression"):
            await prometheus.query(nothing)


async def test_it_says_its_version(prometheus: Prometheus) -> None:
    assert (await prometheus.ping())[0].isdigit()


@pytest.mark.parametrize(
    "expression",
    [
        "up > 0.5",
        "0.5 < up",
        "(up >= bool 1e0)",
        "((up) != (-(2)))",
        "-Inf < up",
        "up == 01",
        "up < 0x1F # > 5",
        'count by (job) (up{instance!="a>b",job=~`p.*`}) - 1 <= bool +.5e-3',
        "sum(count_over_time(up[1m:1s])) >= 0",
        "010 > up * 7.5",
        "up ^ 2 * 100 % 7 > 1",
    ],
)
async def test_a_split_expression_means_the_same_when_joined(prometheus: Prometheus, expression: str) -> None:
    threshold = split_threshold(expression)
    assert threshold is not None

    whole, joined, (measured,) = (
        await prometheus.query(expression),
        await prometheus.query(threshold.expression),
        await prometheus.query(threshold.left),
    )
    assert [each.labels for each in whole] == [each.labels for each in joined]
    assert len(whole) == 1
    assert measured.value is not None
    assert not math.isnan(threshold.limit)


@pytest.mark.parametrize("at_least", [None, (3, 0)], ids=["of-the-system", "newer"])
async def test_its_targets_its_rules_and_a_store_that_is_away(tmp_path: Path, at_least: tuple[int, int] | None) -> None:
    rules = {
        "Fires": "vector(1)",
        "Silent": "no_such_total > 1",
        "Broken": 'up * on (nothing) group_left () {__name__=~"up|scrape_.+"}',
    }
    with running_prometheus(tmp_path, at_least, rules=rules, store="http://127.0.0.1:9/read") as address:
        async with open_prometheus(address) as prometheus:

            async def evaluated() -> bool:
                found = await prometheus.rules()
                up = [each.health for each in await prometheus.targets()] == ["up"]
                return up and [each.health for each in found] == ["ok", "ok", "err"] and found[0].count("firing") == 1

            await wait_until(evaluated, within=30)
            (target,) = await prometheus.targets()
            broken = (await prometheus.rules())[2]
            partly = await prometheus.query("up")
    assert (target.job, target.instance, target.problem) == ("prometheus", address.removeprefix("http://"), "")
    assert target.labels == {"instance": target.instance, "job": "prometheus"}
    assert "many-to-many" in broken.problem or "found duplicate series" in broken.problem
    assert [sample.value for sample in partly] == [1.0]
    assert [notice.is_warning for notice in partly.notices] == [True]
    assert "127.0.0.1:9" in partly.notices[0].text
