"""What Prometheus answers becomes series and samples, and its troubles our own errors."""

import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from domain.metrics.charts import Series
from domain.metrics.samples import QueryNotice, QueryResult, Sample
from integrations.prometheus import Prometheus, open_prometheus
from tests.harness.fakes.scripted_web import ScriptedResponse, ScriptedWeb, scripted_web
from tests.harness.prometheus_client import SINCE, UNTIL, matrix, recorded


@pytest.fixture
async def web() -> AsyncIterator[ScriptedWeb]:
    async with scripted_web() as server:
        yield server


@pytest.fixture
async def prometheus(web: ScriptedWeb) -> AsyncIterator[Prometheus]:
    async with open_prometheus(web.url) as opened:
        yield opened


async def test_series_as_they_were_recorded(web: ScriptedWeb, prometheus: Prometheus) -> None:
    web.responses = [ScriptedResponse(recorded("prometheus_query_range"))]

    found = await prometheus.query_range("up", SINCE, UNTIL, points=3)

    points = ((1795403273.0, 1.0), (1795403278.0, 1.0), (1795403283.0, 1.0))
    assert found == (
        Series(name="instance=127.0.0.1:19090, job=prometheus", points=points),
        Series(name="instance=127.0.0.1:19091, job=push", points=points),
        Series(name="instance=127.0.0.1:19100, job=node", points=points),
    )


async def test_samples_as_they_were_recorded(web: ScriptedWeb, prometheus: Prometheus) -> None:
    web.responses = [ScriptedResponse(recorded("prometheus_query"))]

    found = await prometheus.query("up")

    assert [each.labels["job"] for each in found] == ["prometheus", "push", "node"]
    assert found[0] == Sample({"__name__": "up", "instance": "127.0.0.1:19090", "job": "prometheus"}, 1.0)


@pytest.mark.parametrize(
    ("said", "notices"),
    [
        ({}, ()),
        ({"warnings": ["store 1 is not reached"]}, (QueryNotice("store 1 is not reached", is_warning=True),)),
        ({"infos": ["not a counter"], "warnings": None}, (QueryNotice("not a counter", is_warning=False),)),
        ({"warnings": "no list", "infos": [7]}, (QueryNotice("7", is_warning=False),)),
    ],
)
async def test_what_is_said_beside_a_result_is_kept(
    web: ScriptedWeb, prometheus: Prometheus, said: dict[str, object], notices: tuple[QueryNotice, ...]
) -> None:
    listed: list[tuple[object, QueryResult[object]]] = []
    for data, ask in (
        ({"resultType": "vector", "result": []}, lambda: prometheus.query("up")),
        ({"resultType": "matrix", "result": []}, lambda: prometheus.query_range("up", SINCE, UNTIL)),
        ({"activeTargets": []}, prometheus.targets),
        ({"groups": []}, prometheus.rules),
    ):
        web.responses = [ScriptedResponse({"status": "success", "data": data, **said})]
        listed.append((data, await ask()))
    assert [found.notices for _, found in listed] == [notices] * 4


async def test_the_question_is_a_form(web: ScriptedWeb, prometheus: Prometheus) -> None:
    web.responses = [matrix()]

    assert await prometheus.query_range('up{a="b&c"}', SINCE, UNTIL) == ()
    assert await prometheus.query("1 + 1") == ()

    ranged, instant = web.requests
    assert (ranged.name, ranged.query, instant.name, instant.query) == ("query_range", {}, "query", {})
    assert parse_qs(ranged.body) == {
        "query": ['up{a="b&c"}'],
        "start": ["1795403273"],
        "end": ["1795403283"],
        "step": ["1"],
        "timeout": ["10"],
        "limit": ["5000"],
    }
    assert parse_qs(instant.body) == {"query": ["1 + 1"], "timeout": ["10"], "limit": ["5000"]}


@pytest.mark.parametrize(
    ("span", "points", "step"), [(0, 240, 1), (239, 240, 1), (240, 240, 2), (3600, 240, 16), (86400, 240, 362), (10, 1, 10)]
)
async def test_steps(web: ScriptedWeb, prometheus: Prometheus, span: int, points: int, step: int) -> None:
    web.responses = [matrix()]

    await prometheus.query_range("up", UNTIL - timedelta(seconds=span), UNTIL, points=points)

    assert parse_qs(web.requests[0].body)["step"] == [str(step)]
    assert span // step + 1 <= max(points, 2)


async def test_what_is_no_number_has_no_value(web: ScriptedWeb, prometheus: Prometheus) -> None:
    web.responses = [matrix(({}, [(1, "NaN"), (2, "+Inf"), (3, "-Inf"), (4, "1e-3")]))]

    (series,) = await prometheus.query_range("x", SINCE, UNTIL)

    assert series.points == ((1.0, None), (2.0, None), (3.0, None), (4.0, 0.001))


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([{"__name__": "up", "job": "a"}], ["up"]),
        ([{"job": "a", "az": "1"}], ["az=1, job=a"]),
        ([{}], ["value"]),
        ([{"job": "b", "x": "1"}, {"job": "a", "x": "1"}], ["job=a", "job=b"]),
        ([{"job": "a"}, {}], ["job=a", "without job"]),
        ([{"__name__": "up", "job": "a"}, {"__name__": "down", "job": "a"}], ["down", "up"]),
    ],
)
async def test_names(web: ScriptedWeb, prometheus: Prometheus, labels: list[dict[str, str]], names: list[str]) -> None:
    for each in (labels, labels[::-1]):
        web.responses = [matrix(*((one, [(1, "1")]) for one in each))]
        assert [series.name for series in await prometheus.query_range("x", SINCE, UNTIL)] == names


async def test_part_of_the_data_is_data(web: ScriptedWeb, prometheus: Prometheus) -> None:
    web.responses = [matrix(({}, [(1, "1")]), warnings=["store 2 did not answer"], infos=["metric might not be a counter"])]

    assert len(await prometheus.query_range("x", SINCE, UNTIL)) == 1


async def test_histograms_have_no_line(web: ScriptedWeb, prometheus: Prometheus) -> None:
    histogram = {"metric": {"job": "a"}, "histograms": [[1, {"count": "2"}]]}
    web.responses = [ScriptedResponse({"status": "success", "data": {"result": [histogram]}})]

    assert await prometheus.query_range("x", SINCE, UNTIL) == ()
    assert await prometheus.query("x") == (Sample({"job": "a"}, None),)


async def test_series_of_other_alerts_of_the_same_rule_are_left_out(web: ScriptedWeb) -> None:
    mine, other, without = {"service": "main"}, {"service": "cache"}, {"job": "demo"}
    values = [[1795403273, "1"], [1795403278, "2"]]
    found = [{"metric": each, "values": values} for each in (mine, other, without)]
    web.responses = [ScriptedResponse({"status": "success", "data": {"resultType": "matrix", "result": found}})]

    async with open_prometheus(web.url) as prometheus:
        series = await prometheus.query_range("errors", SINCE, UNTIL, only={"service": "main", "team": "payments"})

    assert [each.name for each in series] == ["job=demo", "service=main"]


RELABELLED = [
    {"environment": "prod", "namespace": "shop", "pod": "a"},
    {"environment": "prod", "namespace": "shop", "pod": "b"},
    {"environment": "prod", "namespace": "till", "pod": "a"},
]


@pytest.mark.parametrize(
    ("only", "pods", "differing"),
    [
        ({"environment": "prod", "namespace": "shop"}, ["a", "b"], ()),
        ({"environment": "production", "namespace": "shop"}, ["a", "b"], ("environment",)),
        ({"environment": "production", "namespace": "shop", "pod": "b"}, ["b"], ("environment",)),
        ({"environment": "production", "namespace": "gone", "pod": "b"}, ["b"], ("environment", "namespace")),
    ],
)
async def test_labels_that_relabelling_changed_do_not_hide_what_there_is(
    web: ScriptedWeb, prometheus: Prometheus, only: dict[str, str], pods: list[str], differing: tuple[str, ...]
) -> None:
    lines = [{"metric": each, "values": [[1795403273, "1"]]} for each in RELABELLED]
    vector = [{"metric": each, "value": [1795403273, "1"]} for each in RELABELLED]
    web.responses = [ScriptedResponse({"status": "success", "data": {"result": each}}) for each in (lines, vector)]

    series = await prometheus.query_range("errors", SINCE, UNTIL, only=only)
    samples = await prometheus.query("errors", only=only)

    assert len(series) == len(samples)
    assert {each.differing_labels for each in series} == {each.differing_labels for each in samples} == {differing}
    assert [each.labels["pod"] for each in samples] == pods


async def test_a_slash_at_the_end_of_the_address_is_none_of_the_paths(web: ScriptedWeb) -> None:
    web.responses = [ScriptedResponse({"data": {"version": "2.42.0"}})]

    async with open_prometheus(f"{web.url}/") as prometheus:
        assert await prometheus.ping() == "2.42.0"


PROGRAM = """
import asyncio, sys
from integrations.alertmanager import open_alertmanager
from integrations.prometheus import open_prometheus

async def main():
    async with open_prometheus("http://127.0.0.1:1"), open_alertmanager("http://127.0.0.1:1"):
        pass

asyncio.run(main())
print([name for name in ("prometheus_api_client", "requests", "urllib3", "dateparser", "pandas") if name in sys.modules])
"""


def test_one_that_is_not_asked_has_loaded_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
