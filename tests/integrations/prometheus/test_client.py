"""What Prometheus answers becomes series and samples, and its troubles our own errors."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from domain.errors import DeepechoError, Forbidden, NotFound, PermanentError, TemporaryError
from domain.metrics.charts import Series
from domain.metrics.samples import Sample
from integrations.prometheus import Prometheus, open_prometheus
from tests.harness.fakes.scripted_web import ScriptedResponse, ScriptedWeb, scripted_web

RECORDINGS = Path(__file__).parents[2] / "recordings"
UNTIL = datetime(2026, 11, 23, 3, 8, 3, tzinfo=UTC)
SINCE = UNTIL - timedelta(seconds=10)


@pytest.fixture
async def web() -> AsyncIterator[ScriptedWeb]:
    async with scripted_web() as server:
        yield server


@pytest.fixture
async def prometheus(web: ScriptedWeb) -> AsyncIterator[Prometheus]:
    async with open_prometheus(web.url) as opened:
        yield opened


def recorded(name: str) -> Any:
    return json.loads((RECORDINGS / f"{name}.json").read_text())


def matrix(*found: tuple[dict[str, str], Sequence[tuple[float, str]]], **more: Any) -> ScriptedResponse:
    result = [{"metric": labels, "values": values} for labels, values in found]
    return ScriptedResponse({"status": "success", "data": {"resultType": "matrix", "result": result}, **more})


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
    }
    assert parse_qs(instant.body) == {"query": ["1 + 1"], "timeout": ["10"]}


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


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (
            ScriptedResponse(recorded("prometheus_query_error"), status=400),
            PermanentError,
            "does not take the expression: invalid parameter .query.: 1:5: parse error: unclosed left parenthesis",
        ),
        (ScriptedResponse({"status": "error", "error": "many-to-many"}, status=422), PermanentError, "expression: many-to-many"),
        (
            ScriptedResponse({"status": "error", "error": "query timed out"}, status=503),
            TemporaryError,
            "failed with HTTP 503 .query timed out.",
        ),
        (
            ScriptedResponse("<h1>Bad Gateway</h1>\nmore", status=502),
            TemporaryError,
            r"failed with HTTP 502 .<h1>Bad Gateway</h1>.\.$",
        ),
        (ScriptedResponse("", status=401), Forbidden, "does not let the bot in"),
        (ScriptedResponse("", status=404), NotFound, "there is no Prometheus"),
        (ScriptedResponse("", status=302, headers={"Location": "/login"}), PermanentError, "HTTP 302, .* correct its address"),
        (ScriptedResponse(cut_connection=True), TemporaryError, "broke the connection"),
        (ScriptedResponse("<html>"), TemporaryError, "cannot be read"),
        (ScriptedResponse([]), TemporaryError, "cannot be read"),
        (ScriptedResponse({"data": {"result": [{"values": [[1, "1"]]}]}}), TemporaryError, "cannot be read"),
        (ScriptedResponse({"data": {"result": [{"metric": {}, "values": [1]}]}}), TemporaryError, "cannot be read"),
    ],
)
async def test_what_goes_wrong_is_said_and_asked_once(
    web: ScriptedWeb, prometheus: Prometheus, answer: ScriptedResponse, error: type[DeepechoError], said: str
) -> None:
    web.responses = [answer]

    with pytest.raises(DeepechoError, match=said) as caught:
        await prometheus.query_range("sum(up", SINCE, UNTIL)
    assert type(caught.value) is error
    assert len(web.requests) == 1


async def test_its_version_is_asked_once_too(web: ScriptedWeb, prometheus: Prometheus) -> None:
    web.responses = [matrix(), ScriptedResponse("busy", status=503, headers={"Retry-After": "7"})]
    await prometheus.query("up")

    with pytest.raises(TemporaryError, match=r"failed with HTTP 503 \(busy\)\.") as caught:
        await prometheus.ping()
    assert caught.value.retry_after == 7
    assert len(web.requests) == 2


async def test_one_that_is_away_is_said() -> None:
    async with scripted_web() as web:
        gone = web.url
    async with open_prometheus(gone) as prometheus:
        with pytest.raises(TemporaryError, match=r"Prometheus at 127.0.0.1:\d+ cannot be reached"):
            await prometheus.ping()


async def test_one_that_hangs_is_given_up_and_keeps_nobody_waiting(web: ScriptedWeb) -> None:
    web.responses = [ScriptedResponse(hang=True)]
    began = time.monotonic()

    async with open_prometheus(web.url, timeout_seconds=0.3) as prometheus:
        asked = [prometheus.query("up") for _ in range(12)]
        found = await asyncio.gather(*asked, return_exceptions=True)

    assert time.monotonic() - began < 3
    assert {type(each) for each in found} == {TemporaryError}
    assert {str(each) for each in found} == {f"Prometheus at {web.url[7:]} did not answer within 0.3 s."}
    assert len(web.requests) <= 8


async def test_one_that_dribbles_frees_its_thread() -> None:
    """A byte now and then meets every limit of a single read."""
    stop = asyncio.Event()

    async def dribble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        try:
            while not stop.is_set():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            stop.set()
        writer.close()

    server = await asyncio.start_server(dribble, "127.0.0.1", 0)
    async with (
        server,
        open_prometheus(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout_seconds=0.3) as prometheus,
    ):
        with pytest.raises(TemporaryError, match="did not answer within"):
            await prometheus.query("up")
        async with asyncio.timeout(5):
            await stop.wait()


async def test_an_answer_that_is_too_large_is_not_read(web: ScriptedWeb, prometheus: Prometheus) -> None:
    web.responses = [ScriptedResponse(" " * (5 * 2**20))]

    with pytest.raises(PermanentError, match="larger than 4 MiB: the expression finds too many series"):
        await prometheus.query("up")


async def test_a_password_in_the_address_is_sent_and_never_said(web: ScriptedWeb) -> None:
    web.responses = [ScriptedResponse("", status=403)]

    async with open_prometheus(web.url.replace("//", "//bot:geheim@")) as prometheus:
        with pytest.raises(Forbidden) as caught:
            await prometheus.query("up")
    assert "geheim" not in str(caught.value)
    assert web.requests[0].headers["Authorization"].startswith("Basic ")


@pytest.mark.parametrize("address", ["", "nowhere", "ftp://here"])
async def test_an_address_that_is_none_is_said(address: str) -> None:
    async with open_prometheus(address) as prometheus:
        with pytest.raises(PermanentError, match=r"address .* cannot be used"):
            await prometheus.query("up")


async def test_series_of_other_alerts_of_the_same_rule_are_left_out(web: ScriptedWeb) -> None:
    mine, other, without = {"service": "main"}, {"service": "cache"}, {"job": "demo"}
    values = [[1795403273, "1"], [1795403278, "2"]]
    found = [{"metric": each, "values": values} for each in (mine, other, without)]
    web.responses = [ScriptedResponse({"status": "success", "data": {"resultType": "matrix", "result": found}})]

    async with open_prometheus(web.url) as prometheus:
        series = await prometheus.query_range("errors", SINCE, UNTIL, only={"service": "main", "team": "payments"})

    assert [each.name for each in series] == ["job=demo", "service=main"]


async def test_a_slash_at_the_end_of_the_address_is_none_of_the_paths(web: ScriptedWeb) -> None:
    web.responses = [ScriptedResponse({"data": {"version": "2.42.0"}})]

    async with open_prometheus(f"{web.url}/") as prometheus:
        assert await prometheus.ping() == "2.42.0"


async def test_the_threads_end_with_it(web: ScriptedWeb) -> None:
    web.responses = [matrix()]
    async with open_prometheus(web.url) as prometheus:
        await prometheus.query("up")
        mine = [each for each in threading.enumerate() if each.name.startswith("prometheus")]
        assert mine

    for each in mine:
        each.join(5)
        assert not each.is_alive()


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
