"""Who somebody is, as the workspace tells it: remembered for five minutes, nobody trusted by silence."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from bot.slack.api import SlackApi, open_session
from bot.slack.directory import SlackDirectory
from domain.errors import TemporaryError
from domain.people import Member, Person
from sandbox.slack.local import LocalSlack
from sandbox.slack.people import PARTNER_TEAM_ID, TEAM_ID
from tests.harness.fakes.clock import StoppedClock
from tests.harness.fakes.scripted_web import ScriptedResponse, ScriptedWeb, patience, scripted_web

ANA = Person("U1", "T1")
IDENTITY = ScriptedResponse({"ok": True, "user_id": "UBOT", "team_id": "T1", "enterprise_id": "E1"})
GROUPS = ScriptedResponse({"ok": True, "usergroups": [{"id": "S1", "users": ["U1"]}, {"id": "S2", "users": ["U2"]}]})


def user(**more: Any) -> ScriptedResponse:
    """What users.info says of ana."""
    return ScriptedResponse({"ok": True, "user": {"id": "U1", "team_id": "T1", "name": "ana", "tz": "Europe/Berlin", **more}})


class FakeSlackWorkspace:
    """A Slack that answers each method as it is told to."""

    def __init__(self, server: ScriptedWeb, api: SlackApi, clock: StoppedClock) -> None:
        self.server, self.clock = server, clock
        self.directory = SlackDirectory(api, clock)

    def set_response(
        self, account: ScriptedResponse, *, groups: ScriptedResponse = GROUPS, identity: ScriptedResponse = IDENTITY
    ) -> None:
        self.server.by_name = {"auth.test": identity, "users.info": account, "usergroups.list": groups}

    def asked(self) -> list[str]:
        return sorted(each.name for each in self.server.requests)


@asynccontextmanager
async def open_workspace(seconds: float) -> AsyncIterator[FakeSlackWorkspace]:
    async with scripted_web() as server, open_session(server.url, seconds=seconds) as session:
        yield FakeSlackWorkspace(server, SlackApi("xoxb-of-the-test", session, base_url=server.url), StoppedClock())


@pytest.fixture
async def workspace() -> AsyncIterator[FakeSlackWorkspace]:
    async with open_workspace(seconds=10) as opened:
        yield opened


async def test_a_full_member_with_their_groups_and_zone(workspace: FakeSlackWorkspace) -> None:
    workspace.set_response(user())
    assert await workspace.directory.member(ANA) == Member(
        person=ANA, name="ana", time_zone="Europe/Berlin", groups=frozenset({"S1"})
    )


@pytest.mark.parametrize("flag", ["is_restricted", "is_ultra_restricted", "is_invited_user"])
async def test_a_guest_is_known_as_one(workspace: FakeSlackWorkspace, flag: str) -> None:
    workspace.set_response(user(**{flag: True}))
    member = await workspace.directory.member(ANA)
    assert (member.guest, member.stranger) == (True, False)


@pytest.mark.parametrize(
    "account",
    [
        pytest.param(user(team_id="T2"), id="of another workspace"),
        pytest.param(user(team_id="T2", enterprise_user={"enterprise_id": "E1", "teams": ["T2"]}), id="of a sister workspace"),
        pytest.param(user(is_stranger=True), id="seen from afar"),
        pytest.param(user(is_bot=True), id="a bot"),
        pytest.param(user(is_workflow_bot=True), id="a workflow"),
        pytest.param(user(deleted=True), id="deactivated"),
        pytest.param(ScriptedResponse({"ok": False, "error": "user_not_found"}), id="unknown"),
        pytest.param(ScriptedResponse({"ok": False, "error": "user_not_visible"}), id="not visible"),
    ],
)
async def test_everybody_else_is_a_stranger_without_groups(workspace: FakeSlackWorkspace, account: ScriptedResponse) -> None:
    workspace.set_response(account)
    member = await workspace.directory.member(ANA)
    assert (member.stranger, member.groups) == (True, frozenset())


async def test_the_same_id_of_another_workspace_is_somebody_else(workspace: FakeSlackWorkspace) -> None:
    workspace.set_response(user())
    assert not (await workspace.directory.member(ANA)).stranger
    assert (await workspace.directory.member(Person("U1", "T2"))).stranger


@pytest.mark.parametrize("team", ["T1", "T2", "E1"])
async def test_in_an_organisation_a_member_here_may_have_come_from_elsewhere(workspace: FakeSlackWorkspace, team: str) -> None:
    workspace.set_response(user(team_id="T2", enterprise_user={"enterprise_id": "E1", "teams": ["T1", "T2"]}))
    assert not (await workspace.directory.member(Person("U1", team))).stranger


async def test_without_an_organisation_no_team_at_all_is_nobodys(workspace: FakeSlackWorkspace) -> None:
    workspace.set_response(user(), identity=ScriptedResponse({"ok": True, "user_id": "UBOT", "team_id": "T1"}))
    assert (await workspace.directory.member(Person("U1", ""))).stranger


async def test_five_minutes_is_how_long_an_answer_lasts(workspace: FakeSlackWorkspace) -> None:
    workspace.set_response(user())
    await workspace.directory.member(ANA)
    workspace.set_response(user(deleted=True), groups=ScriptedResponse({"ok": True, "usergroups": []}))
    workspace.clock.advance(timedelta(minutes=4, seconds=59))
    assert not (await workspace.directory.member(ANA)).stranger
    assert workspace.asked() == ["auth.test", "usergroups.list", "users.info"]
    workspace.clock.advance(timedelta(seconds=1))
    assert (await workspace.directory.member(ANA)).stranger


async def test_the_groups_are_asked_for_once_for_everybody(workspace: FakeSlackWorkspace) -> None:
    workspace.set_response(user())
    await workspace.directory.member(ANA)
    await workspace.directory.member(Person("U2", "T1"))
    assert workspace.asked() == ["auth.test", "usergroups.list", "users.info", "users.info"]


async def test_many_who_ask_at_once_share_one_question(workspace: FakeSlackWorkspace) -> None:
    workspace.set_response(user())
    members = await asyncio.gather(*(workspace.directory.member(ANA) for _ in range(20)))
    assert len(set(members)) == 1
    assert workspace.asked() == ["auth.test", "usergroups.list", "users.info"]


async def test_one_who_gives_up_does_not_spoil_it_for_the_others(workspace: FakeSlackWorkspace) -> None:
    workspace.set_response(user())
    impatient = asyncio.create_task(workspace.directory.member(ANA))
    patient = asyncio.create_task(workspace.directory.member(ANA))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).name == "ana"


@pytest.mark.parametrize(
    "answer",
    [
        ScriptedResponse("gone", status=503),
        ScriptedResponse({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "30"}),
        ScriptedResponse({"ok": False, "error": "missing_scope", "needed": "users:read"}),
        ScriptedResponse({"ok": False, "error": "token_revoked"}),
        ScriptedResponse(cut_connection=True),
        ScriptedResponse(hang=True),
    ],
)
@pytest.mark.parametrize("method", ["auth.test", "users.info", "usergroups.list"])
async def test_where_slack_cannot_be_asked_nobody_is_let_in(method: str, answer: ScriptedResponse) -> None:
    async with open_workspace(patience(answer)) as workspace:
        workspace.set_response(user())
        workspace.server.by_name[method] = answer
        with pytest.raises(TemporaryError):
            await workspace.directory.member(ANA)
        workspace.set_response(user())
        assert (await workspace.directory.member(ANA)).groups == {"S1"}


async def test_an_old_answer_does_not_stand_in_for_none(workspace: FakeSlackWorkspace) -> None:
    workspace.set_response(user())
    await workspace.directory.member(ANA)
    workspace.clock.advance(timedelta(minutes=5))
    workspace.set_response(ScriptedResponse("gone", status=503))
    with pytest.raises(TemporaryError):
        await workspace.directory.member(ANA)


async def test_the_people_of_the_local_slack() -> None:
    async with LocalSlack() as slack, open_session(slack.api_url) as session:
        directory = SlackDirectory(SlackApi(slack.bot_token, session, base_url=slack.api_url), StoppedClock())
        kim = await directory.member(Person(slack.names["kim"], TEAM_ID))
        assert kim.groups == {slack.groups["sre-team"]}
        assert kim.time_zone == "America/Los_Angeles"
        assert (await directory.member(Person(slack.names["zoe"], TEAM_ID))).guest
        assert (await directory.member(Person(slack.names["max"], PARTNER_TEAM_ID))).stranger


async def test_a_decision_is_made_of_what_slack_says_now(workspace: FakeSlackWorkspace) -> None:
    workspace.set_response(user())
    assert (await workspace.directory.fresh_member(ANA)).groups == {"S1"}
    workspace.set_response(user(), groups=ScriptedResponse({"ok": True, "usergroups": [{"id": "S1", "users": []}]}))
    assert (await workspace.directory.member(ANA)).groups == {"S1"}
    assert (await workspace.directory.fresh_member(ANA)).groups == frozenset()
    assert (await workspace.directory.member(ANA)).groups == frozenset()
    workspace.set_response(user(deleted=True))
    assert (await workspace.directory.fresh_member(ANA)).deactivated
    workspace.set_response(ScriptedResponse("gone", status=503))
    with pytest.raises(TemporaryError):
        await workspace.directory.fresh_member(ANA)


async def test_many_decisions_at_once_ask_slack_twice_at_most(workspace: FakeSlackWorkspace) -> None:
    workspace.set_response(user())
    await workspace.directory.member(ANA)
    early = asyncio.create_task(workspace.directory.fresh_member(ANA))
    await asyncio.sleep(0)
    late = [workspace.directory.fresh_member(ANA) for _ in range(20)]
    await asyncio.gather(early, *late)
    assert workspace.asked().count("users.info") == 3


async def test_what_slack_says_has_changed_is_forgotten(workspace: FakeSlackWorkspace) -> None:
    workspace.set_response(user(enterprise_user={"id": "W1", "enterprise_id": "E1", "teams": ["T1"]}))
    await workspace.directory.member(ANA)
    workspace.set_response(user(is_restricted=True), groups=ScriptedResponse({"ok": True, "usergroups": []}))
    workspace.directory.forget_account("U2")
    assert not (await workspace.directory.member(ANA)).guest
    workspace.directory.forget_account("W1")
    assert (await workspace.directory.member(ANA)).guest
    assert (await workspace.directory.member(ANA)).groups == {"S1"}
    workspace.directory.forget_groups()
    assert (await workspace.directory.member(ANA)).groups == frozenset()


async def test_an_answer_that_was_on_its_way_when_slack_said_so_is_not_kept(workspace: FakeSlackWorkspace) -> None:
    workspace.set_response(user())
    under_way = asyncio.create_task(workspace.directory.member(ANA))
    await asyncio.sleep(0.01)
    workspace.directory.forget_account("U1")
    await under_way
    workspace.set_response(user(deleted=True))
    assert (await workspace.directory.member(ANA)).stranger


async def test_one_account_has_every_id_that_slack_names(workspace: FakeSlackWorkspace) -> None:
    in_group = ScriptedResponse({"ok": True, "usergroups": [{"id": "S1", "users": ["W1"]}]})
    workspace.set_response(user(enterprise_user={"id": "W1", "enterprise_id": "E1", "teams": ["T1"]}), groups=in_group)
    assert (await workspace.directory.member(ANA)).user_ids == {"U1", "W1"}
    by_other_id = await workspace.directory.member(Person("W1", "E1"))
    assert by_other_id.user_ids == {"U1", "W1"}
    assert by_other_id.groups == {"S1"}


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set_keeps_no_answer_longer(workspace: FakeSlackWorkspace, hours: int) -> None:
    workspace.set_response(user())
    await workspace.directory.member(ANA)
    workspace.set_response(user(deleted=True))
    workspace.clock.advance(timedelta(hours=hours))
    assert (await workspace.directory.member(ANA)).stranger
