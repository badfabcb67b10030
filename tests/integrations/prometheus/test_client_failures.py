"""Failures of Prometheus as our own errors: refusals, silence, broken answers, wrong addresses."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator

import pytest

from domain.errors import DeepechoError, Forbidden, NotFound, PermanentError, TemporaryError
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


async def test_the_threads_end_with_it(web: ScriptedWeb) -> None:
    web.responses = [matrix()]
    async with open_prometheus(web.url) as prometheus:
        await prometheus.query("up")
        mine = [each for each in threading.enumerate() if each.name.startswith("prometheus")]
        assert mine

    for each in mine:
        each.join(5)
        assert not each.is_alive()


@pytest.mark.parametrize("asked", ["targets", "rules"])
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ScriptedResponse("<html>"), "gave an answer that cannot be read"),
        (ScriptedResponse({"status": "success"}), "gave an answer that cannot be read"),
        (ScriptedResponse({"data": None}), "gave an answer that cannot be read"),
        (ScriptedResponse({"data": {"activeTargets": None, "groups": None}}), "gave an answer that cannot be read"),
        (ScriptedResponse({"data": {"activeTargets": [7], "groups": [7]}}), "gave an answer that cannot be read"),
        (
            ScriptedResponse(
                {
                    "data": {
                        "activeTargets": [{"labels": 7}],
                        "groups": [{"name": "a", "rules": [{"type": "alerting", "labels": 7}]}],
                    }
                }
            ),
            "gave an answer that cannot be read",
        ),
        (ScriptedResponse("", status=404), "there is no Prometheus"),
        (ScriptedResponse("no", status=500), r"failed with HTTP 500 \(no\)"),
        (ScriptedResponse(cut_connection=True), "broke the connection"),
        (ScriptedResponse(" " * (5 * 2**20)), "larger than 4 MiB: it has too many targets or alerts to list"),
    ],
)
async def test_rubbish_about_targets_and_rules_is_an_error_in_words(
    web: ScriptedWeb, prometheus: Prometheus, asked: str, answer: ScriptedResponse, said: str
) -> None:
    web.responses = [answer]
    with pytest.raises(DeepechoError, match=said):
        await (prometheus.targets() if asked == "targets" else prometheus.rules())
