"""A user group that the bot fills is a lease: recorded with what was written, compared with Slack."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.answers.leases import LeasesAnswer
from domain.errors import PermanentError, Refused
from domain.leases.lease import Lease, LeaseKind, Reality
from domain.oncall.groups import GroupState
from domain.people import BOT
from runbooks.leases.service import LeaseService, SilenceList
from runbooks.oncall.groups import GroupKeeper
from runbooks.oncall.timers import GROUP
from storage.leases import LeaseRepository
from storage.oncall import OncallRepository
from storage.timers import TIMER_CLAIM_TIMEOUT
from tests.harness.fakes.user_groups import GROUP_ID, MemoryGroups
from tests.harness.families import render_text
from tests.harness.oncall import LAYER, OncallHarness, account, oncall_catalogue

HANDOFF = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def slack(oncall: OncallHarness) -> MemoryGroups:
    groups = MemoryGroups()
    oncall.catalogue = oncall_catalogue(LAYER, groups=[{"id": GROUP_ID}])
    keeper = GroupKeeper(store=oncall.store, catalogue=lambda: oncall.catalogue, slack=groups, notify_outbox=lambda: None)
    oncall.handlers[GROUP] = keeper.run_due
    return groups


def no_alertmanager(environment: str, source: str = "", /) -> SilenceList:
    raise Refused(f"The catalogue names no Alertmanager of {environment} {source}.")


async def leases(oncall: OncallHarness, slack: MemoryGroups) -> LeasesAnswer:
    service = LeaseService(
        store=oncall.store,
        clock=oncall.clock,
        catalogue=lambda: oncall.catalogue,
        alertmanager=no_alertmanager,
        clusters={},
        user_groups=slack,
    )
    return await service.compare(["production"], shared=True)


async def lease(oncall: OncallHarness) -> Lease:
    async with oncall.store.read() as tx:
        (found,) = await tx.of(LeaseRepository).of_kind(LeaseKind.USER_GROUP, "")
    return found


async def test_a_group_is_a_lease_until_somebody_else_is_on_call(oncall: OncallHarness, slack: MemoryGroups) -> None:
    begun = oncall.clock.now()
    await oncall.tick()
    (reading,) = (await leases(oncall, slack)).readings
    found = reading.lease
    assert reading.reality is Reality.HELD
    assert (found.key, found.owner, found.set_at, found.until) == (GROUP_ID, BOT, begun, HANDOFF)
    assert (found.purpose, found.members) == ("ray is on call for platform", (account("ray").user_id,))
    text = render_text(await leases(oncall, slack))
    assert "user group" in text
    assert "to end it" not in text

    oncall.clock.advance(HANDOFF - oncall.clock.now())
    await oncall.tick()
    await oncall.tick()
    found = await lease(oncall)
    assert (found.purpose, found.set_at) == ("ana is on call for platform", HANDOFF)


async def test_it_keeps_the_time_at_which_the_same_people_came_in(oncall: OncallHarness, slack: MemoryGroups) -> None:
    await oncall.tick()
    begun = (await lease(oncall)).set_at
    await oncall.until(begun + 3 * HOUR)
    assert ((await lease(oncall)).set_at, slack.writes) == (begun, 1)


async def test_without_its_lease_nothing_of_a_group_is_recorded(oncall: OncallHarness, slack: MemoryGroups) -> None:
    async def rename(before: str, after: str) -> None:
        async with oncall.store.engines.write.begin() as connection:
            await connection.exec_driver_sql(f"ALTER TABLE {before} RENAME TO {after}")

    await rename("leases", "leases_away")
    await oncall.tick()
    async with oncall.store.read() as tx:
        assert await tx.of(OncallRepository).group(GROUP_ID) == GroupState(id=GROUP_ID)
    assert slack.writes == 1
    await rename("leases_away", "leases")
    oncall.clock.advance(2 * TIMER_CLAIM_TIMEOUT)
    await oncall.tick()
    async with oncall.store.read() as tx:
        assert (await tx.of(OncallRepository).group(GROUP_ID)).members == (await lease(oncall)).members
    assert slack.writes == 1


async def test_a_refusal_leaves_the_lease_of_what_was_written_before(oncall: OncallHarness, slack: MemoryGroups) -> None:
    await oncall.tick()
    slack.failures = [PermanentError("Slack did not do it: permission.")]
    oncall.clock.advance(HANDOFF - oncall.clock.now())
    await oncall.tick()
    await oncall.tick()
    async with oncall.store.read() as tx:
        state = await tx.of(OncallRepository).group(GROUP_ID)
    assert state.problem
    (reading,) = (await leases(oncall, slack)).readings
    assert (reading.reality, reading.lease.purpose) == (Reality.OVERDUE, "ray is on call for platform")
    assert "it does not hold the next people yet" in render_text(await leases(oncall, slack))


@pytest.mark.parametrize(
    ("users", "is_enabled", "said"),
    [
        (["ray", "viv"], True, "Its members are others: 1 added."),
        (["viv", "lee"], True, "Its members are others: 2 added and 1 removed."),
        (["ray"], False, "It is disabled there."),
    ],
)
async def test_what_somebody_has_changed_in_slack_is_said(
    oncall: OncallHarness, slack: MemoryGroups, users: list[str], said: str, *, is_enabled: bool
) -> None:
    await oncall.tick()
    slack.users, slack.is_enabled = frozenset(account(name).user_id for name in users), is_enabled
    answer = await leases(oncall, slack)
    assert [each.reality for each in answer.readings] == [Reality.CHANGED]
    assert f"Somebody has changed it. {said} That is put right within the hour." in render_text(answer)


async def test_while_nobody_is_on_call_the_disabled_group_is_the_lease(oncall: OncallHarness, slack: MemoryGroups) -> None:
    restricted = {**LAYER, "restrictions": [{"days": ["mon"], "start": "09:00", "end": "16:00"}]}
    oncall.catalogue = oncall_catalogue(restricted, groups=[{"id": GROUP_ID}])
    await oncall.until(oncall.clock.now() + 2 * HOUR)
    await oncall.tick()
    (reading,) = (await leases(oncall, slack)).readings
    assert (reading.reality, reading.lease.until) == (Reality.HELD, HANDOFF)
    assert reading.lease.purpose == "nobody is on call for platform, so it is disabled"


async def test_a_group_that_left_the_catalogue_is_an_orphan_until_others_are_in_it(
    oncall: OncallHarness, slack: MemoryGroups
) -> None:
    await oncall.tick()
    oncall.catalogue = oncall_catalogue(LAYER)
    oncall.clock.advance(HOUR)
    await oncall.tick()
    answer = await leases(oncall, slack)
    assert (answer.readings, [each.key for each in answer.orphans]) == ((), [GROUP_ID])
    text = render_text(answer)
    assert "user group that nobody fills any more" in text
    assert "No team of the catalogue fills it any more." in text
    assert "to end it: in Slack itself" in text
    slack.users = frozenset({"U0BYHAND"})
    assert (await leases(oncall, slack)).orphans == ()

    oncall.catalogue = oncall_catalogue(LAYER, groups=[{"id": GROUP_ID}])
    await oncall.tick()
    await oncall.tick()
    assert [each.reality for each in (await leases(oncall, slack)).readings] == [Reality.HELD]


async def test_a_group_that_slack_does_not_have_or_a_slack_that_refuses_is_said(
    oncall: OncallHarness, slack: MemoryGroups
) -> None:
    await oncall.tick()
    slack.is_there = False
    assert [each.reality for each in (await leases(oncall, slack)).readings] == [Reality.GONE]
    slack.read_failure = PermanentError("Slack did not do it: missing_scope.")
    answer = await leases(oncall, slack)
    assert [each.reality for each in answer.readings] == [Reality.UNKNOWN]
    assert "Not compared: User groups: Slack did not do it: missing_scope." in render_text(answer)
