"""User groups over the Web API, with Slack's own answers."""

from collections.abc import AsyncIterator

import pytest

from bot.slack.api import SlackApi, open_session
from bot.slack.user_groups import SlackUserGroups
from domain.errors import DeepechoError, NotFound, PermanentError, TemporaryError
from domain.oncall.groups import GroupMembers
from tests.harness.fakes.scripted_web import ScriptedResponse, ScriptedWeb, scripted_web


@pytest.fixture
async def server() -> AsyncIterator[ScriptedWeb]:
    async with scripted_web() as opened:
        yield opened


@pytest.fixture
async def groups(server: ScriptedWeb) -> AsyncIterator[SlackUserGroups]:
    async with open_session(server.url) as session:
        yield SlackUserGroups(SlackApi("xoxb-of-the-test", session, base_url=server.url))


async def test_a_group_is_read_with_its_members_even_while_it_is_disabled(groups: SlackUserGroups, server: ScriptedWeb) -> None:
    listed = [{"id": "S1", "users": ["U1", "U2"], "date_delete": 0}, {"id": "S2", "users": [], "date_delete": 1790000000}]
    server.respond_ok(usergroups=listed)
    assert await groups.read_group("S1") == GroupMembers(frozenset({"U1", "U2"}), is_enabled=True)
    assert await groups.read_group("S2") == GroupMembers(frozenset(), is_enabled=False)
    with pytest.raises(NotFound, match="Slack has no user group S3"):
        await groups.read_group("S3")
    assert server.requests[0].query["include_disabled"] == "1"


async def test_members_are_replaced_as_one_list(groups: SlackUserGroups, server: ScriptedWeb) -> None:
    server.respond_ok(usergroup={})
    await groups.set_group_members("S1", ["U1", "U2"])
    assert (server.requests[0].name, server.requests[0].body) == (
        "usergroups.users.update",
        {"usergroup": "S1", "users": "U1,U2"},
    )


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("permission_denied", "the workspace does not let apps change user groups"),
        ("plan_upgrade_required", "the workspace's plan has no user groups"),
        ("invalid_users", "a guest, a bot or an unknown account cannot be in a user group"),
        ("subteam_max_users_exceeded", "the user group is full"),
        ("missing_scope", "the bot's account lacks a permission"),
        ("something_new", "it refused (something_new)"),
    ],
)
async def test_what_slack_refuses_is_said_in_words(groups: SlackUserGroups, server: ScriptedWeb, code: str, says: str) -> None:
    server.respond_error(code)
    for call in (groups.set_group_members("S1", ["U1"]), groups.set_group_enabled("S1", enabled=True)):
        with pytest.raises(PermanentError, match=r".") as caught:
            await call
        assert says in str(caught.value)


async def test_a_group_that_is_enabled_already_is_no_error(groups: SlackUserGroups, server: ScriptedWeb) -> None:
    server.respond_error("already_enabled")
    await groups.set_group_enabled("S1", enabled=True)


async def test_a_slack_that_asks_to_wait_or_breaks_off_may_be_asked_again(groups: SlackUserGroups, server: ScriptedWeb) -> None:
    server.responses.append(ScriptedResponse({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "7"}))
    server.responses.append(ScriptedResponse(cut_connection=True))
    waits: list[DeepechoError] = []
    for _ in range(2):
        with pytest.raises(TemporaryError) as caught:
            await groups.set_group_members("S1", ["U1"])
        waits.append(caught.value)
    assert [getattr(each, "retry_after", None) for each in waits] == [7, None]
