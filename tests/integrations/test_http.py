"""The one way of an HTTP call: what people read when it fails, and what it may take."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from domain.errors import AnswerTooLarge, DeepechoError, Forbidden, NotFound, PermanentError, TemporaryError, UnknownOutcome
from integrations.http import MAX_RESPONSE_BYTES, HttpClient, host_of, open_session, proxy_for
from tests.harness.fakes.scripted_web import ScriptedResponse, ScriptedWeb, patience, scripted_web


@pytest.fixture
async def web() -> AsyncIterator[ScriptedWeb]:
    async with scripted_web() as server:
        yield server


@asynccontextmanager
async def open_client(web: ScriptedWeb, seconds: float) -> AsyncIterator[HttpClient]:
    async with open_session(web.url) as session:
        yield HttpClient("Grafana", web.url.replace("//", "//bot:geheim@"), session, timeout_seconds=seconds)


@pytest.fixture
async def grafana(web: ScriptedWeb) -> AsyncIterator[HttpClient]:
    async with open_client(web, seconds=10) as opened:
        yield opened


@pytest.mark.parametrize(
    ("response", "error", "sentence"),
    [
        (ScriptedResponse("", status=403), Forbidden, "does not let the bot list the dashboards (HTTP 403)."),
        (ScriptedResponse("", status=404), NotFound, "could not list the dashboards: there is no such thing."),
        (ScriptedResponse("", status=429), TemporaryError, "asks to come back later."),
        (ScriptedResponse("", status=302), PermanentError, "answered HTTP 302, which its API never does: correct its address."),
        (ScriptedResponse({"message": "bad tag"}, status=400), PermanentError, "refused to list the dashboards: bad tag"),
        (ScriptedResponse("", status=503), TemporaryError, "failed with HTTP 503 when asked to list the dashboards."),
        (ScriptedResponse(hang=True), TemporaryError, "did not answer within 0.3 s when asked to list the dashboards."),
        (ScriptedResponse(cut_connection=True), TemporaryError, "broke the connection when asked to list the dashboards."),
        (ScriptedResponse("no"), TemporaryError, "gave an answer that cannot be read when asked to list the dashboards."),
        (ScriptedResponse(" " * (MAX_RESPONSE_BYTES + 1)), AnswerTooLarge, "is larger than 16 MiB."),
    ],
)
async def test_a_read_that_fails(web: ScriptedWeb, response: ScriptedResponse, error: type[DeepechoError], sentence: str) -> None:
    web.responses = [response]

    async with open_client(web, patience(response)) as grafana:
        with pytest.raises(DeepechoError) as caught:
            await grafana.request("GET", "/api/search", "list the dashboards", int)
    assert type(caught.value) is error
    assert str(caught.value).endswith(sentence)
    assert f"Grafana at {host_of(web.url)} " in str(caught.value)


@pytest.mark.parametrize(
    "lost", [ScriptedResponse("", status=502), ScriptedResponse(cut_connection=True), ScriptedResponse("no")]
)
async def test_a_write_whose_answer_is_lost_may_have_been_done(
    web: ScriptedWeb, grafana: HttpClient, lost: ScriptedResponse
) -> None:
    web.responses = [lost]

    with pytest.raises(UnknownOutcome, match=r"when asked to add the note: it may or may not have been done\.$"):
        await grafana.request("POST", "/api/annotations", "add the note", int, body={"text": "deploy"})


async def test_a_post_that_only_asks_is_no_write(web: ScriptedWeb, grafana: HttpClient) -> None:
    web.responses = [ScriptedResponse("", status=502)]

    with pytest.raises(TemporaryError) as caught:
        await grafana.request("POST", "/api/ds/query", "answer the query", int, body={}, is_write=False)
    assert not isinstance(caught.value, UnknownOutcome)


async def test_what_a_proxy_echoes_of_an_address_is_masked(web: ScriptedWeb, grafana: HttpClient) -> None:
    web.responses = [ScriptedResponse("cannot reach http://bot:geheim@grafana/api", status=502)]

    with pytest.raises(TemporaryError, match="cannot reach http://bot:•••@grafana/api") as caught:
        await grafana.request("GET", "/api/search", "list the dashboards", int)
    assert "geheim" not in str(caught.value)


async def test_a_server_that_is_away_was_sent_nothing() -> None:
    async with scripted_web() as web:
        gone = web.url
    async with aiohttp.ClientSession() as session:
        with pytest.raises(TemporaryError, match=r"Grafana at \S+ cannot be reached\. Nothing was sent\.") as caught:
            await HttpClient("Grafana", gone, session).request("POST", "/", "add the note", int)
    assert not isinstance(caught.value, UnknownOutcome)


@pytest.mark.parametrize(
    ("address", "proxy"),
    [
        ("http://alerts.example:9093", "http://proxy.example:3128"),
        ("https://alerts.example", None),
        ("http://prometheus.lab", None),
        ("http://grafana.example:3000", None),
        ("http://bot:geheim@grafana.example:3000/x", None),
        ("http://grafana.example:3001", "http://proxy.example:3128"),
    ],
)
def test_the_proxy_of_an_address(monkeypatch: pytest.MonkeyPatch, address: str, proxy: str | None) -> None:
    for name in ("HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", ".lab,grafana.example:3000")

    assert proxy_for(address) == proxy
