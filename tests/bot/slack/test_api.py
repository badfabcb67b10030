"""What Slack's answers and broken connections become, and what goes over the wire."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from bot.slack.api import FileState, MessageTag, SlackApi, open_session
from bot.slack.errors import DEFAULT_RETRY_AFTER_SECONDS, RateLimited, SlackRefused
from domain.errors import DeepechoError, PermanentError, TemporaryError, UnknownOutcome
from tests.harness.fakes.scripted_web import ScriptedResponse, ScriptedWeb, patience, scripted_web

MARK = MessageTag(7, "op-a/card")
THEN = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedWeb]:
    async with scripted_web() as running:
        yield running


@asynccontextmanager
async def open_api(server: ScriptedWeb, seconds: float) -> AsyncIterator[SlackApi]:
    async with open_session(server.url, seconds=seconds) as session:
        yield SlackApi("xoxb-of-the-test", session, base_url=f"{server.url}/api")


@pytest.fixture
async def api(server: ScriptedWeb) -> AsyncIterator[SlackApi]:
    async with open_api(server, seconds=10) as opened:
        yield opened


async def write(api: SlackApi) -> str:
    return (await api.post("C1", "words")).ts


async def read(api: SlackApi) -> object:
    return await api.member("U1")


async def press(api: SlackApi, server: ScriptedWeb) -> None:
    await api.respond(f"{server.url}/response/1", "words")


Call = Callable[[SlackApi], Awaitable[object]]

BROKEN = [
    pytest.param(ScriptedResponse("upstream connect error", status=500), id="500 as text"),
    pytest.param(ScriptedResponse("<html>", status=503, content_type="text/html"), id="503 as HTML"),
    pytest.param(ScriptedResponse({"ok": False, "error": "internal_error"}), id="internal_error"),
    pytest.param(ScriptedResponse({"ok": False, "error": "fatal_error"}), id="fatal_error"),
    pytest.param(ScriptedResponse({"ok": False, "error": "service_unavailable"}), id="service_unavailable"),
    pytest.param(ScriptedResponse({"ok": False, "error": "request_timeout"}), id="request_timeout"),
    pytest.param(ScriptedResponse({"ok": False}, status=500), id="500 as JSON"),
    pytest.param(ScriptedResponse("{", content_type="application/json"), id="half an answer"),
    pytest.param(ScriptedResponse("Welcome to the hotel", content_type="text/plain"), id="somebody else's 200"),
    pytest.param(ScriptedResponse("<html>", content_type="text/html"), id="somebody else's page"),
    pytest.param(ScriptedResponse(cut_connection=True), id="cut off"),
    pytest.param(ScriptedResponse(hang=True), id="silence"),
]


@pytest.mark.parametrize("answer", BROKEN)
async def test_without_a_usable_answer_a_write_is_unknown_and_a_read_may_be_repeated(
    server: ScriptedWeb, answer: ScriptedResponse
) -> None:
    server.responses.append(answer)
    async with open_api(server, patience(answer)) as api:
        with pytest.raises(UnknownOutcome, match=r"chat\.postMessage"):
            await write(api)
        with pytest.raises(TemporaryError, match=r"users\.info") as raised:
            await read(api)
    assert not isinstance(raised.value, UnknownOutcome)


async def test_nothing_is_sent_twice(server: ScriptedWeb, api: SlackApi) -> None:
    server.responses.append(ScriptedResponse(cut_connection=True))
    with pytest.raises(UnknownOutcome):
        await write(api)
    assert len(server.requests) == 1


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/api", "http://no-such-host.invalid/api"])
@pytest.mark.parametrize("call", [write, read])
async def test_where_no_connection_was_made_nothing_was_sent(call: Call, address: str) -> None:
    async with open_session(address, seconds=5) as session:
        with pytest.raises(TemporaryError) as raised:
            await call(SlackApi("xoxb-of-the-test", session, base_url=address))
    assert not isinstance(raised.value, UnknownOutcome)


@pytest.mark.parametrize(
    ("header", "delay"),
    [("30", 30.0), ("1", 1.0), (None, DEFAULT_RETRY_AFTER_SECONDS), ("soon", DEFAULT_RETRY_AFTER_SECONDS), ("99999999", 3600.0)],
)
@pytest.mark.parametrize("call", [write, read])
async def test_slack_asks_to_wait(server: ScriptedWeb, api: SlackApi, call: Call, header: str | None, delay: float) -> None:
    headers = {"Retry-After": header} if header else {}
    server.responses.append(ScriptedResponse({"ok": False, "error": "ratelimited"}, status=429, headers=headers))
    with pytest.raises(RateLimited) as raised:
        await call(api)
    assert raised.value.delay == delay


@pytest.mark.parametrize(
    ("error", "more", "sentence"),
    [
        (
            "not_in_channel",
            {},
            "Slack did not do chat.postMessage: the bot is not in the channel (not_in_channel).",
        ),
        (
            "missing_scope",
            {"needed": "chat:write"},
            "Slack did not do chat.postMessage: the bot's account lacks a permission (missing_scope: needs chat:write).",
        ),
        (
            "invalid_blocks",
            {"response_metadata": {"messages": ["[ERROR] too many"]}},
            "Slack did not do chat.postMessage: Slack does not accept the message's layout (invalid_blocks: [ERROR] too many).",
        ),
        (
            "something_new",
            {},
            "Slack did not do chat.postMessage: it refused (something_new).",
        ),
    ],
)
async def test_a_refusal_keeps_slacks_word_and_says_it_in_ours(
    server: ScriptedWeb, api: SlackApi, error: str, more: dict[str, object], sentence: str
) -> None:
    server.respond_error(error, **more)
    with pytest.raises(SlackRefused) as raised:
        await write(api)
    assert isinstance(raised.value, PermanentError)
    assert (raised.value.code, str(raised.value)) == (error, sentence)


async def test_no_error_repeats_the_token(server: ScriptedWeb, api: SlackApi) -> None:
    server.respond_error("invalid_auth")
    with pytest.raises(DeepechoError) as raised:
        await write(api)
    assert "xoxb" not in f"{raised.value}{raised.value.__cause__}"


async def test_a_post_carries_its_mark_and_unfurls_nothing(server: ScriptedWeb, api: SlackApi) -> None:
    server.respond_ok(ts="1.2")
    block = {"type": "divider"}
    assert await api.post("C1", "words", (block,), thread_ts="1.1", tag=MARK) == ("C1", "1.2")
    [asked] = server.requests
    assert (asked.name, asked.headers["Authorization"]) == ("chat.postMessage", "Bearer xoxb-of-the-test")
    assert asked.body == {
        "channel": "C1",
        "text": "words",
        "blocks": [block],
        "thread_ts": "1.1",
        "unfurl_links": False,
        "unfurl_media": False,
        "metadata": {"event_type": "deepecho", "event_payload": {"outbox": 7, "key": "op-a/card"}},
    }


async def test_an_edit_without_blocks_takes_the_old_ones_away(server: ScriptedWeb, api: SlackApi) -> None:
    server.respond_ok()
    await api.edit("C1", "1.2", "words")
    assert server.requests[0].body == {"channel": "C1", "ts": "1.2", "text": "words", "blocks": []}


def message(ts: str, outbox: int, key: str = "op-a/card") -> dict[str, object]:
    return {"ts": ts, "metadata": {"event_type": "deepecho", "event_payload": {"outbox": outbox, "key": key}}}


async def test_a_message_is_found_by_its_mark_on_a_later_page(server: ScriptedWeb, api: SlackApi) -> None:
    """Another database's row of the same number is not it, nor is a message without metadata."""
    server.respond_ok(messages=[{"ts": "1.9"}, message("1.8", 7, "op-b/card")], response_metadata={"next_cursor": "more"})
    server.respond_ok(messages=[message("1.7", 8), message("1.6", 7)], response_metadata={"next_cursor": ""})
    assert await api.find(MARK, "C1", oldest=THEN) == "1.6"
    first, second = server.requests
    assert first.name == "conversations.history"
    assert first.query == {"channel": "C1", "oldest": "1795442520.000000", "limit": "200", "include_all_metadata": "1"}
    assert second.query == first.query | {"cursor": "more"}


async def test_in_a_thread_its_replies_are_looked_through(server: ScriptedWeb, api: SlackApi) -> None:
    server.respond_ok(messages=[message("1.1", 1)])
    assert await api.find(MARK, "C1", thread_ts="1.1", oldest=THEN) is None
    assert (server.requests[0].name, server.requests[0].query["ts"]) == ("conversations.replies", "1.1")


@pytest.mark.parametrize(
    ("file", "state"),
    [
        ({"id": "F1", "shares": {"public": {"C1": []}}}, FileState.SHARED),
        ({"id": "F1", "channels": ["C1"]}, FileState.SHARED),
        ({"id": "F1", "channels": [], "shares": {}}, FileState.UNSHARED),
    ],
)
async def test_how_far_a_file_came(server: ScriptedWeb, api: SlackApi, file: dict[str, object], state: FileState) -> None:
    server.respond_ok(file=file)
    assert await api.file_state("F1") is state


async def test_a_file_that_slack_does_not_know_is_missing(server: ScriptedWeb, api: SlackApi) -> None:
    server.respond_error("file_not_found")
    assert await api.file_state("F1") is FileState.MISSING


async def test_a_file_goes_up_in_three_stages(server: ScriptedWeb, api: SlackApi) -> None:
    server.respond_ok(file_id="F1", upload_url=f"{server.url}/upload/1")
    server.responses.append(ScriptedResponse("OK - 3"))
    server.respond_ok(files=[{"id": "F1"}])
    upload = await api.new_upload("log.txt", 3)
    await api.send_bytes(upload, b"abc")
    await api.finish_upload("F1", "t" * 300, "C1", thread_ts="1.1")
    address, content, finish = server.requests
    assert address.query == {"filename": "log.txt", "length": "3"}
    assert content.body == "abc"
    assert finish.body == {"files": [{"id": "F1", "title": "t" * 250}], "channel_id": "C1", "thread_ts": "1.1"}


async def test_an_answer_to_a_command_goes_to_its_address(server: ScriptedWeb, api: SlackApi) -> None:
    server.responses.append(ScriptedResponse("ok"))
    await press(api, server)
    assert server.requests[0].body == {"text": "words", "response_type": "ephemeral", "replace_original": False}
    assert "Authorization" not in server.requests[0].headers


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (ScriptedResponse({"ok": False, "error": "used_url"}, status=404), SlackRefused),
        (ScriptedResponse({"ok": False, "error": "expired_url"}), SlackRefused),
        (ScriptedResponse("no_service", status=404), SlackRefused),
        (ScriptedResponse("busy", status=503), UnknownOutcome),
        (ScriptedResponse("slowly", status=429), RateLimited),
        (ScriptedResponse(cut_connection=True), UnknownOutcome),
        (ScriptedResponse(hang=True), UnknownOutcome),
    ],
)
async def test_an_address_that_does_not_take_the_answer(
    server: ScriptedWeb, answer: ScriptedResponse, expected: type[DeepechoError]
) -> None:
    server.responses.append(answer)
    async with open_api(server, patience(answer)) as api:
        with pytest.raises(expected):
            await press(api, server)


async def test_a_form_is_opened_and_filled_only_while_it_is_the_same(server: ScriptedWeb, api: SlackApi) -> None:
    server.respond_ok(view={"id": "V1", "hash": "h1"})
    assert await api.open_view("trigger", {"type": "modal"}) == ("V1", "h1")
    await api.update_view("V1", {"type": "modal"}, hash="h1")
    await api.publish_home("U1", {"type": "home"})
    assert [asked.body for asked in server.requests] == [
        {"trigger_id": "trigger", "view": {"type": "modal"}},
        {"view_id": "V1", "view": {"type": "modal"}, "hash": "h1"},
        {"user_id": "U1", "view": {"type": "home"}},
    ]


async def test_who_the_bot_is(server: ScriptedWeb, api: SlackApi) -> None:
    server.respond_ok(user_id="U9", bot_id="B9", team_id="T1", team="Deep Echo", url="https://deep-echo.slack.com/")
    identity = await api.identity()
    assert (identity.user_id, identity.team_id, identity.enterprise_id) == ("U9", "T1", "")


async def test_the_groups_and_who_is_in_them(server: ScriptedWeb, api: SlackApi) -> None:
    server.respond_ok(usergroups=[{"id": "S1", "users": ["U1", "U2"]}, {"id": "S2"}])
    assert await api.groups() == {"S1": {"U1", "U2"}, "S2": frozenset()}
    assert server.requests[0].query == {"include_users": "1"}


async def test_a_proxy_of_the_environment_is_used_but_not_for_its_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted_web() as proxy, scripted_web() as direct:
        proxy.respond_ok(ts="through the proxy")
        direct.respond_ok(ts="directly")
        monkeypatch.setenv("http_proxy", proxy.url)
        for excepted, ts in (("", "through the proxy"), ("127.0.0.1", "directly")):
            monkeypatch.setenv("no_proxy", excepted)
            async with open_session(direct.url) as session:
                assert await write(SlackApi("xoxb-of-the-test", session, base_url=direct.url)) == ts
