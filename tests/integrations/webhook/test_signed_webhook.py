"""Signed requests: what ``docs/paging-webhook.md`` promises to receivers holds, its example included."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from domain.clock import SystemClock
from domain.errors import DeepechoError, PermanentError, TemporaryError, UnknownOutcome
from integrations.webhook import Receiver, SignedWebhooks, open_signed_webhooks
from tests.harness.fakes.scripted_web import ScriptedResponse, patience, scripted_web
from tests.harness.page_messages import page_message, resolved

SECRET = "a-secret-of-both-sides"
DOCUMENT = Path("docs/paging-webhook.md").read_text(encoding="utf-8")


class ReceiverHarness:
    """A receiver that keeps raw bodies and headers."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[tuple[dict[str, str], bytes]] = []

    async def take(self, request: web.Request) -> web.Response:
        self.requests.append((dict(request.headers), await request.read()))
        return web.Response(status=202)


@pytest.fixture
async def receiver() -> AsyncIterator[ReceiverHarness]:
    harness = ReceiverHarness()
    app = web.Application()
    app.router.add_post("/pages", harness.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    harness.url = f"http://127.0.0.1:{runner.addresses[0][1]}/pages"
    yield harness
    await runner.cleanup()


@pytest.fixture
async def way(receiver: ReceiverHarness) -> AsyncIterator[SignedWebhooks]:
    async with open_signed_webhooks({"noc": Receiver(receiver.url, SECRET)}, SystemClock()) as opened:
        yield opened


def documented_check() -> "object":
    """The function that the document shows to receivers, as it stands there."""
    code = DOCUMENT.partition("```python\n")[2].partition("```")[0]
    names: dict[str, object] = {"hmac": hmac, "hashlib": hashlib}
    exec(code, names)  # noqa: S102 -- our own document
    return names["is_from_deepecho"]


async def test_the_check_that_the_document_shows_takes_our_requests_and_no_others(
    receiver: ReceiverHarness, way: SignedWebhooks
) -> None:
    await way.send(page_message(), "noc")
    ((headers, body),) = receiver.requests
    check, now = documented_check(), SystemClock().now().timestamp()
    assert callable(check)
    timestamp, signature = headers["Deepecho-Timestamp"], headers["Deepecho-Signature"]
    assert check(SECRET, timestamp, signature, body, now)
    assert not check(SECRET, timestamp, signature, body + b" ", now)
    assert not check("another secret", timestamp, signature, body, now)
    assert not check(SECRET, timestamp, signature, body, now + 301)
    assert not check(SECRET, str(int(timestamp) + 1), signature, body, now)


async def test_the_body_has_the_fields_of_the_document(receiver: ReceiverHarness, way: SignedWebhooks) -> None:
    await way.send(page_message(), "noc")
    body = json.loads(receiver.requests[0][1])
    example = json.loads(DOCUMENT.partition("```json\n")[2].partition("```")[0])
    assert list(body) == list(example)
    assert body["title"] == "deep-echo-main: many errors in production"
    assert (body["action"], body["severity"], body["test"]) == ("trigger", "P1", False)


async def test_each_attempt_of_a_message_has_one_key_and_each_message_its_own(
    receiver: ReceiverHarness, way: SignedWebhooks
) -> None:
    messages = [
        page_message(),
        page_message(),
        resolved(page_message()),
        page_message(message_id="m1"),
        page_message(message_id="m2"),
    ]
    for message in messages:
        await way.send(message, "noc")
    keys = [headers["Idempotency-Key"] for headers, _ in receiver.requests]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (ScriptedResponse("", status=403), PermanentError),
        (ScriptedResponse("", status=410), PermanentError),
        (ScriptedResponse("", status=302, headers={"Location": "https://elsewhere.example.com"}), PermanentError),
        (ScriptedResponse("", status=429, headers={"Retry-After": "7"}), TemporaryError),
        (ScriptedResponse("", status=503, headers={"Retry-After": "7"}), UnknownOutcome),
        (ScriptedResponse(hang=True), UnknownOutcome),
    ],
)
async def test_each_answer_means_what_the_document_says(response: ScriptedResponse, error: type[DeepechoError]) -> None:
    async with (
        scripted_web() as server,
        open_signed_webhooks(
            {"noc": Receiver(f"{server.url}/pages", SECRET)}, SystemClock(), timeout_seconds=patience(response)
        ) as way,
    ):
        server.responses = [response]
        with pytest.raises(DeepechoError) as caught:
            await way.send(page_message(), "noc")
    assert isinstance(caught.value, error)
    assert isinstance(caught.value, TemporaryError) == issubclass(error, TemporaryError)
    if "Retry-After" in response.headers:
        assert isinstance(caught.value, TemporaryError)
        assert caught.value.retry_after == 7
