"""The client against a strict stand-in of Elasticsearch and of OpenSearch."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import AnswerTooLarge, DeepechoError, Forbidden, NotFound, PermanentError, TemporaryError
from domain.logs.filters import LogFilter, LogTerm
from integrations.elasticsearch import Elasticsearch, LineSearch, headers_of, open_elasticsearch
from sandbox.elasticsearch import LogIndex, StandInElasticsearch, Trouble
from sandbox.elasticsearch.server import Flavour

AT = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
ACCOUNT = headers_of(api_key="k3y")
SEARCH = LineSearch(
    indices="filebeat-*",
    filters={"kubernetes.namespace": "shop", "kubernetes.deployment.name": "web"},
    time_field="@timestamp",
    message_field="message",
    pod_field="kubernetes.pod.name",
    words=LogFilter(),
    since=AT - timedelta(minutes=15),
    until=AT,
    limit=100,
)
HOSTILE = [
    "*",
    "**",
    "a*",
    '" OR kubernetes.namespace:"secret',
    "secret OR *:*",
    "kubernetes.namespace:secret",
    "host:localhost:8082",
    '{"match_all": {}}',
    '"}}]}},"query":{"match_all":{}},"x":{"y":[{"z":{"a":"',
    "}} , {{",
    "\\",
    '\\" \\',
    "/.*/",
    "(error|.*)",
    "[a TO z]",
    "a\nb",
    "message:(\n*\n)",
    "${jndi:ldap://example.com/a}",
    "doc['message'].value",
    "_exists_:message",
    "%2e%2e/_all/_search",
    "../../_all/_search?q=*",
    "~0.5 ^9 && || !",
    "\u0000",
    "\ud800",
    "\U0001d530ecret",
    "secret",
]


def line(seconds: float, message: str, namespace: str = "shop", deployment: str = "web") -> dict[str, str]:
    return {
        "@timestamp": (AT - timedelta(seconds=seconds)).isoformat(),
        "message": message,
        "kubernetes.namespace": namespace,
        "kubernetes.deployment.name": deployment,
        "kubernetes.pod.name": f"{deployment}-1",
    }


@pytest.fixture(params=["elasticsearch", "opensearch"])
def flavour(request: pytest.FixtureRequest) -> Flavour:
    found: Flavour = request.param
    return found


@pytest.fixture
async def server(flavour: Flavour) -> AsyncIterator[StandInElasticsearch]:
    async with StandInElasticsearch(flavour=flavour, account=ACCOUNT["Authorization"]) as running:
        running.state.indices["filebeat-1"] = LogIndex(
            documents=[
                line(60, "GET /cart 200"),
                line(30, "ERROR no answer from the till"),
                line(10, "till-timeout: gave up"),
                line(5, "the secret of others", namespace="secret"),
                line(5, "of another service", deployment="web-admin"),
                line(3600, "an hour ago"),
                line(-5, "in the future"),
            ]
        )
        yield running


@pytest.fixture
async def client(server: StandInElasticsearch) -> AsyncIterator[Elasticsearch]:
    async with open_elasticsearch(server.url, ACCOUNT, timeout_seconds=10) as opened:
        yield opened


def words(*terms: LogTerm) -> LineSearch:
    return replace(SEARCH, words=LogFilter(terms))


async def texts(client: Elasticsearch, search: LineSearch) -> list[str]:
    state = await client.start(search, 5)
    assert (state.id, state.is_running) == ("", False)
    return [each.text for each in state.found.lines]


async def test_lines_of_a_service_the_newest_first(client: Elasticsearch, server: StandInElasticsearch, flavour: Flavour) -> None:
    state = await client.start(SEARCH, 5)
    assert [(each.at, each.text, each.pod) for each in state.found.lines] == [
        (AT - timedelta(seconds=10), "till-timeout: gave up", "web-1"),
        (AT - timedelta(seconds=30), "ERROR no answer from the till", "web-1"),
        (AT - timedelta(seconds=60), "GET /cart 200", "web-1"),
    ]
    assert (state.found.total, state.found.is_at_least, state.found.timed_out) == (3, False, False)
    assert (await client.product()).name.lower() == flavour
    assert server.state.searches == {}


@pytest.mark.parametrize(
    ("term", "found"),
    [
        (LogTerm("NO ANSWER"), ["ERROR no answer from the till"]),
        (LogTerm("answer no"), []),
        (LogTerm("time", is_prefix=True), ["till-timeout: gave up"]),
        (LogTerm("time"), []),
        (LogTerm("till", is_excluded=True), ["till-timeout: gave up", "ERROR no answer from the till", "GET /cart 200"]),
        (LogTerm("/cart"), ["GET /cart 200"]),
    ],
)
async def test_words(client: Elasticsearch, term: LogTerm, found: list[str]) -> None:
    assert await texts(client, words(term)) == found


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("is_prefix", [False, True])
async def test_whatever_a_person_types_finds_only_lines_of_the_service(
    client: Elasticsearch, server: StandInElasticsearch, text: str, *, is_prefix: bool
) -> None:
    own = {"GET /cart 200", "ERROR no answer from the till", "till-timeout: gave up"}
    for term in (LogTerm(text, is_prefix=is_prefix), LogTerm(text, is_prefix=is_prefix, is_excluded=True)):
        assert set(await texts(client, words(term))) <= own
    (*_, (_, path, body)) = server.state.requests
    assert "secret" not in path
    assert body["query"]["bool"]["filter"][:2] == [
        {"term": {"kubernetes.namespace": {"value": "shop"}}},
        {"term": {"kubernetes.deployment.name": {"value": "web"}}},
    ]


async def test_a_long_search_is_kept_a_minute_at_most_and_deleted_when_asked(
    client: Elasticsearch, server: StandInElasticsearch
) -> None:
    server.state.trouble = Trouble(search_seconds=0.3)
    state = await client.start(SEARCH, 0.05)
    assert state.id
    assert state.is_running
    (kept,) = server.state.searches.values()
    assert kept.expires_at - asyncio.get_running_loop().time() <= 60
    done = await client.look(SEARCH, state.id, 5)
    assert (done.is_running, len(done.found.lines)) == (False, 3)
    await client.delete(state.id)
    assert server.state.searches == {}
    await client.delete(state.id)
    with pytest.raises(NotFound):
        await client.look(SEARCH, state.id, 1)


async def test_types_of_fields(client: Elasticsearch, server: StandInElasticsearch) -> None:
    server.state.indices["filebeat-2"] = LogIndex(
        fields={"kubernetes.namespace": "text", "kubernetes.namespace.keyword": "keyword"}
    )
    names = ("kubernetes.namespace", "kubernetes.namespace.keyword", "absent")
    assert await client.field_types("filebeat-*", names) == {
        "kubernetes.namespace": {"keyword", "text"},
        "kubernetes.namespace.keyword": {"keyword"},
    }
    assert await client.field_types("none-*", names) == {}


async def test_an_index_that_does_not_exist_has_no_lines(client: Elasticsearch) -> None:
    assert await texts(client, replace(SEARCH, indices="logs-2026.11.20,logs-2026.11.21")) == []


async def test_parts_that_failed_are_counted(client: Elasticsearch, server: StandInElasticsearch) -> None:
    server.state.trouble = Trouble(failed_shards=2)
    found = (await client.start(SEARCH, 5)).found
    assert (found.shards_answered, found.shards_asked, found.problem) == (3, 5, "[parent] Data too large")


async def test_more_lines_than_are_counted(client: Elasticsearch, server: StandInElasticsearch) -> None:
    server.state.indices["filebeat-1"].documents = [line(60, "again")] * 10_001
    found = (await client.start(replace(SEARCH, limit=5), 5)).found
    assert (len(found.lines), found.total, found.is_at_least) == (5, 10_000, True)


async def test_an_answer_that_is_too_large_is_not_read(client: Elasticsearch, server: StandInElasticsearch) -> None:
    server.state.indices["filebeat-1"].documents = [line(60, "x" * 2**20)] * 20
    with pytest.raises(AnswerTooLarge):
        await client.start(SEARCH, 5)
    assert [len(each.text) for each in (await client.start(replace(SEARCH, limit=2), 5)).found.lines] == [2_000, 2_000]


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (Trouble(status=503), TemporaryError),
        (Trouble(body=b"<html>"), TemporaryError),
        (Trouble(body=b'{"hits": 7, "response": []}'), TemporaryError),
        (Trouble(body=b"[]"), TemporaryError),
        (Trouble(status=302), PermanentError),
        (Trouble(status=401), Forbidden),
    ],
)
async def test_a_server_in_trouble(
    client: Elasticsearch, server: StandInElasticsearch, trouble: Trouble, kind: type[DeepechoError]
) -> None:
    await client.product()
    server.state.trouble = trouble
    with pytest.raises(kind) as refused:
        await client.start(SEARCH, 1)
    assert "he log server at 127.0.0.1" in str(refused.value)
    assert ACCOUNT["Authorization"] not in str(refused.value)


async def test_a_server_that_hangs_is_left_in_time(server: StandInElasticsearch) -> None:
    server.state.trouble = Trouble(delay_seconds=30)
    async with open_elasticsearch(server.url, ACCOUNT, timeout_seconds=0.2) as client:
        with pytest.raises(TemporaryError, match="did not answer within"):
            await client.start(SEARCH, 0.1)


async def test_a_stranger_is_let_in_nowhere(server: StandInElasticsearch) -> None:
    async with open_elasticsearch(server.url, headers_of(username="me", password="wrong"), timeout_seconds=10) as client:
        with pytest.raises(Forbidden, match="does not let the bot search"):
            await client.start(SEARCH, 1)


def test_accounts() -> None:
    assert headers_of() == {}
    assert headers_of(api_key="abc", username="me", password="x") == {"Authorization": "ApiKey abc"}
    assert headers_of(username="me", password="päss") == {"Authorization": "Basic bWU6cMOkc3M="}
