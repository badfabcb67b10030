"""What Slack can answer about an incident's channel, and what each answer means."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from bot.slack.api import SlackApi, open_session
from bot.slack.channels import SlackChannels
from domain.errors import DeepechoError, Forbidden, PermanentError, TemporaryError, UnknownOutcome
from domain.incidents.channel import Bookmark, IncidentChannel
from domain.people import Person
from runbooks.incidents.channel_api import ChannelArchived, ChannelMissing, ChannelNameTaken
from tests.harness.fakes.scripted_web import ScriptedResponse, ScriptedWeb, scripted_web

NAME = "incident-2026-11-23-14-02"
PUBLIC = IncidentChannel(id="C0NEW", name=NAME)
PRIVATE = IncidentChannel(id="G0NEW", name=NAME, is_private=True)
RUNBOOK = Bookmark("Runbook", "https://example.com/runbook")
IDENTITY = {"ok": True, "user_id": "U0BOT", "url": "https://team.slack.com/"}

Call = Callable[[SlackChannels, IncidentChannel], Awaitable[object]]
CALLS: dict[str, Call] = {
    "conversations.create": lambda channels, channel: channels.create(NAME, is_private=channel.is_private),
    "users.conversations": lambda channels, _channel: channels.find(NAME),
    "conversations.setPurpose": lambda channels, channel: channels.set_purpose(channel, "Incident inc-x4k2."),
    "conversations.setTopic": lambda channels, channel: channels.set_topic(channel, "P1"),
    "conversations.invite": lambda channels, channel: channels.invite(channel, Person("U0ANA", "T0")),
    "pins.add": lambda channels, channel: channels.pin(channel, "1.2"),
    "bookmarks.list": lambda channels, channel: channels.set_bookmark(channel, RUNBOOK),
    "bookmarks.add": lambda channels, channel: channels.set_bookmark(channel, RUNBOOK),
    "conversations.archive": lambda channels, channel: channels.archive(channel),
    "conversations.unarchive": lambda channels, channel: channels.unarchive(channel),
}
ON_A_CHANNEL = [method for method in CALLS if method not in {"conversations.create", "users.conversations"}]


@pytest.fixture
async def server() -> AsyncIterator[ScriptedWeb]:
    async with scripted_web() as running:
        running.by_name["auth.test"] = ScriptedResponse(IDENTITY)
        running.respond_ok(channel={"id": "C0NEW"}, channels=[], bookmarks=[])
        yield running


@pytest.fixture
async def channels(server: ScriptedWeb) -> AsyncIterator[SlackChannels]:
    async with open_session(server.url) as session:
        yield SlackChannels(SlackApi("xoxb-of-the-test", session, base_url=f"{server.url}/api"))


async def refusal(channels: SlackChannels, method: str, channel: IncidentChannel = PUBLIC) -> DeepechoError:
    with pytest.raises(DeepechoError) as raised:
        await CALLS[method](channels, channel)
    return raised.value


def refuse(server: ScriptedWeb, method: str, error: str) -> None:
    server.by_name[method] = ScriptedResponse({"ok": False, "error": error})


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("conversations.invite", "already_in_channel"),
        ("conversations.invite", "cant_invite_self"),
        ("pins.add", "already_pinned"),
        ("conversations.archive", "already_archived"),
        ("conversations.unarchive", "not_archived"),
    ],
)
async def test_what_is_so_already_counts_as_done(server: ScriptedWeb, channels: SlackChannels, method: str, code: str) -> None:
    refuse(server, method, code)
    await CALLS[method](channels, PUBLIC)


@pytest.mark.parametrize(
    ("method", "code", "reason"),
    [
        ("conversations.create", "restricted_action", "the workspace does not let deepecho do that"),
        ("conversations.create", "too_many_convos_for_team", "the workspace has as many channels as Slack allows"),
        ("conversations.invite", "user_not_found", "Slack knows no such person"),
        ("conversations.invite", "user_is_restricted", "they are a guest, whom Slack does not let in"),
        ("conversations.invite", "user_is_ultra_restricted", "they are a guest, whom Slack does not let in"),
        ("conversations.invite", "ura_max_channels", "they are a guest and may be in no more channels"),
        ("conversations.invite", "org_user_not_in_team", "they do not belong to this workspace"),
        ("conversations.invite", "cant_invite", "Slack does not let deepecho invite them"),
        ("pins.add", "too_many_pins", "the channel has as many pins as Slack allows"),
        ("pins.add", "message_not_found", "the card is no longer there"),
        ("pins.add", "not_pinnable", "Slack does not let this message be pinned"),
        ("bookmarks.add", "too_many_bookmarks", "the channel has as many bookmarks as Slack allows"),
        ("bookmarks.add", "invalid_link", "Slack does not accept the link"),
        ("conversations.archive", "restricted_action", "the workspace does not let deepecho do that"),
        ("conversations.unarchive", "not_in_channel", "Slack lets only somebody who was in it bring it back"),
        ("conversations.setTopic", "something_new", "Slack refused it (something_new)"),
    ],
)
async def test_a_refusal_says_why(server: ScriptedWeb, channels: SlackChannels, method: str, code: str, reason: str) -> None:
    refuse(server, method, code)
    error = await refusal(channels, method)
    assert str(error) == reason
    assert isinstance(error, PermanentError)


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize(("channel", "place"), [(PUBLIC, 0), (PRIVATE, 1)])
async def test_a_missing_scope_is_named(
    server: ScriptedWeb, channels: SlackChannels, method: str, channel: IncidentChannel, place: int
) -> None:
    refuse(server, method, "missing_scope")
    scopes = {
        "users.conversations": ("channels:read", "channels:read"),
        "pins.add": ("pins:write", "pins:write"),
        "bookmarks.list": ("bookmarks:read", "bookmarks:read"),
        "bookmarks.add": ("bookmarks:write", "bookmarks:write"),
    }
    error = await refusal(channels, method, channel)
    assert isinstance(error, Forbidden)
    scope = scopes.get(method, ("channels:manage", "groups:write"))[place]
    assert str(error) == f"deepecho lacks the scope {scope}"


@pytest.mark.parametrize("code", ["invalid_auth", "token_revoked", "token_expired", "account_inactive", "not_authed"])
@pytest.mark.parametrize("method", CALLS)
async def test_a_refused_token_may_be_repaired(server: ScriptedWeb, channels: SlackChannels, method: str, code: str) -> None:
    refuse(server, method, code)
    assert isinstance(await refusal(channels, method), TemporaryError)


@pytest.mark.parametrize("method", CALLS)
async def test_slack_asks_to_wait(server: ScriptedWeb, channels: SlackChannels, method: str) -> None:
    server.by_name[method] = ScriptedResponse({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "30"})
    error = await refusal(channels, method)
    assert isinstance(error, TemporaryError)
    assert error.retry_after == 30.0


@pytest.mark.parametrize("method", [method for method in CALLS if method not in {"users.conversations", "bookmarks.list"}])
async def test_a_broken_connection_leaves_the_outcome_unknown(server: ScriptedWeb, channels: SlackChannels, method: str) -> None:
    server.by_name[method] = ScriptedResponse(cut_connection=True)
    assert isinstance(await refusal(channels, method), UnknownOutcome)


@pytest.mark.parametrize("method", ON_A_CHANNEL)
async def test_an_archived_or_deleted_channel_is_an_error_of_its_own(
    server: ScriptedWeb, channels: SlackChannels, method: str
) -> None:
    refuse(server, method, "channel_not_found")
    assert isinstance(await refusal(channels, method), ChannelMissing)
    if method not in {"conversations.archive", "conversations.unarchive"}:
        refuse(server, method, "is_archived")
        assert isinstance(await refusal(channels, method), ChannelArchived)


async def test_a_taken_name_is_an_error_of_its_own(server: ScriptedWeb, channels: SlackChannels) -> None:
    refuse(server, "conversations.create", "name_taken")
    assert isinstance(await refusal(channels, "conversations.create"), ChannelNameTaken)


@pytest.mark.parametrize("wanted", [PUBLIC, PRIVATE])
async def test_a_channel_is_created_and_its_address_returned(
    server: ScriptedWeb, channels: SlackChannels, wanted: IncidentChannel
) -> None:
    is_private = wanted.is_private
    made = {"id": "C0NEW", "is_private": is_private}
    server.by_name["conversations.create"] = ScriptedResponse({"ok": True, "channel": made})
    address = await channels.create(NAME, is_private=is_private)
    assert (address.id, address.permalink, address.is_private) == (
        "C0NEW",
        "https://team.slack.com/archives/C0NEW",
        is_private,
    )
    assert server.requests[-1].body == {"name": NAME, "is_private": is_private}


async def test_a_channel_is_found_by_its_name_with_its_creator_and_purpose(server: ScriptedWeb, channels: SlackChannels) -> None:
    rows = [{"id": "C0OTHER", "name": f"{NAME}-2"}]
    mine = {"id": "C0NEW", "name": NAME, "creator": "U0BOT", "purpose": {"value": "Incident inc-x4k2."}, "is_archived": True}
    server.responses[:] = [
        ScriptedResponse({"ok": True, "channels": rows, "response_metadata": {"next_cursor": "more"}}),
        ScriptedResponse({"ok": True, "channels": [mine]}),
    ]
    found = await channels.find(NAME)
    assert found is not None
    assert (found.address.id, found.is_own, found.purpose) == ("C0NEW", True, "Incident inc-x4k2.")
    mine["creator"] = "U0SOMEBODY"
    found = await channels.find(NAME)
    assert found is not None
    assert not found.is_own
    assert await channels.find("no-such-name") is None


async def test_a_bot_that_was_removed_joins_again_where_it_may(server: ScriptedWeb, channels: SlackChannels) -> None:
    answers = [{"ok": False, "error": "not_in_channel"}, {"ok": True}, {"ok": True}]
    server.responses[:] = [ScriptedResponse(answer) for answer in answers]
    await channels.set_topic(PUBLIC, "P1")
    assert [request.name for request in server.requests] == [
        "conversations.setTopic",
        "conversations.join",
        "conversations.setTopic",
    ]
    refuse(server, "conversations.setTopic", "not_in_channel")
    assert isinstance(await refusal(channels, "conversations.setTopic", PRIVATE), ChannelMissing)
    assert server.requests[-1].name == "conversations.setTopic"
    refuse(server, "conversations.join", "missing_scope")
    assert str(await refusal(channels, "conversations.setTopic")) == "deepecho lacks the scope channels:join"


async def test_a_bookmark_is_added_once_and_its_link_is_changed(server: ScriptedWeb, channels: SlackChannels) -> None:
    await channels.set_bookmark(PUBLIC, RUNBOOK)
    assert server.requests[-1].name == "bookmarks.add"
    listed = {"ok": True, "bookmarks": [{"id": "Bk1", "title": "Runbook", "link": "https://example.com/old"}]}
    server.by_name["bookmarks.list"] = ScriptedResponse(listed)
    await channels.set_bookmark(PUBLIC, RUNBOOK)
    assert (server.requests[-1].name, server.requests[-1].body["bookmark_id"]) == ("bookmarks.edit", "Bk1")
