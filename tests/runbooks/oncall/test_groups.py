"""User groups that follow the rota."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import PermanentError, TemporaryError
from runbooks.oncall.groups import GroupKeeper
from runbooks.oncall.timers import GROUP
from tests.harness.fakes.user_groups import GROUP_ID, MemoryGroups
from tests.harness.oncall import CHANNEL, LAYER, PEOPLE, OncallHarness, oncall_catalogue

HANDOFF = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
SECONDARY = {**LAYER, "name": "secondary", "people": ["lee", "ray", "ana"]}


def names(groups: MemoryGroups) -> list[str]:
    accounts = {person["slack"]: name for name, person in PEOPLE.items()}
    return sorted(accounts.get(user, user) for user in groups.users)


@pytest.fixture
def slack(oncall: OncallHarness) -> MemoryGroups:
    groups = MemoryGroups()
    oncall.catalogue = oncall_catalogue(LAYER, SECONDARY, groups=[{"id": GROUP_ID, "layers": ["primary"]}])
    keeper = GroupKeeper(store=oncall.store, catalogue=lambda: oncall.catalogue, slack=groups, notify_outbox=lambda: None)
    oncall.handlers[GROUP] = keeper.run_due
    return groups


async def test_the_group_holds_who_is_on_call_and_changes_with_the_handoff(oncall: OncallHarness, slack: MemoryGroups) -> None:
    await oncall.tick()
    assert names(slack) == ["ray"]
    oncall.clock.advance(HANDOFF - oncall.clock.now())
    await oncall.tick()
    await oncall.tick()
    assert names(slack) == ["ana"]


async def test_it_follows_an_override_within_a_tick(oncall: OncallHarness, slack: MemoryGroups) -> None:
    await oncall.tick()
    await oncall.service.take(oncall.request("lee"), "platform", "primary")
    oncall.clock.advance(timedelta(seconds=1))
    await oncall.tick()
    assert names(slack) == ["lee"]


async def test_several_layers_and_teams_can_be_in_one_group(oncall: OncallHarness, slack: MemoryGroups) -> None:
    oncall.catalogue = oncall_catalogue(LAYER, SECONDARY, groups=[{"id": GROUP_ID}])
    other = oncall_catalogue({**LAYER, "people": ["sam"]}, groups=[{"id": GROUP_ID}]).oncall["platform"]
    oncall.catalogue = oncall.catalogue.model_copy(update={"oncall": {**oncall.catalogue.oncall, "network": other}})
    await oncall.tick()
    assert names(slack) == ["lee", "ray", "sam"]


async def test_while_nobody_is_on_call_the_group_is_disabled_and_then_enabled_again(
    oncall: OncallHarness, slack: MemoryGroups
) -> None:
    restricted = {**LAYER, "restrictions": [{"days": ["mon"], "start": "09:00", "end": "16:00"}]}
    oncall.catalogue = oncall_catalogue(restricted, groups=[{"id": GROUP_ID}])
    await oncall.tick()
    assert (names(slack), slack.is_enabled) == (["ray"], True)
    oncall.clock.advance(timedelta(hours=2))
    await oncall.tick()
    await oncall.tick()
    assert (names(slack), slack.is_enabled) == (["ray"], False)
    oncall.clock.advance(HANDOFF - oncall.clock.now())
    await oncall.tick()
    await oncall.tick()
    assert (names(slack), slack.is_enabled) == (["ana"], True)


async def test_who_was_added_by_hand_is_out_within_the_hour(oncall: OncallHarness, slack: MemoryGroups) -> None:
    await oncall.tick()
    slack.users |= {"U0BYHAND"}
    oncall.clock.advance(timedelta(hours=1))
    await oncall.tick()
    assert (names(slack), slack.writes) == (["ray"], 2)


async def test_a_refusal_is_told_once_in_words_and_again_when_it_is_another(oncall: OncallHarness, slack: MemoryGroups) -> None:
    denied, full = PermanentError("Slack did not do it: permission."), PermanentError("Slack did not do it: full.")
    slack.failures = [denied, denied, full]
    counts = []
    for _ in range(4):
        await oncall.tick()
        counts.append([each.text for each in await oncall.told() if each.receiver == CHANNEL])
        oncall.clock.advance(timedelta(hours=1))
    assert counts == [
        ["The user group `S0ONCALL` does not follow the rota: Slack did not do it: permission. It is tried each hour."],
        [],
        ["The user group `S0ONCALL` does not follow the rota: Slack did not do it: full. It is tried each hour."],
        [],
    ]
    assert names(slack) == ["ray"]


async def test_a_slack_that_does_not_answer_is_asked_again_and_nobody_is_bothered(
    oncall: OncallHarness, slack: MemoryGroups
) -> None:
    slack.failures = [TemporaryError("wait", 7), TemporaryError("no answer")]
    await oncall.tick()
    oncall.clock.advance(timedelta(seconds=7))
    await oncall.tick()
    assert names(slack) == ["U0BYHAND"]
    oncall.clock.advance(timedelta(minutes=1))
    await oncall.tick()
    assert names(slack) == ["ray"]
    assert [each for each in await oncall.told() if "user group" in each.text] == []


async def test_a_group_that_left_the_catalogue_is_let_alone(oncall: OncallHarness, slack: MemoryGroups) -> None:
    await oncall.tick()
    oncall.catalogue = oncall_catalogue(LAYER, SECONDARY)
    oncall.clock.advance(HANDOFF - oncall.clock.now())
    await oncall.tick()
    await oncall.tick()
    assert names(slack) == ["ray"]
