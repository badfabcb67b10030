"""What people see of what was set for a time, and of what is not as it was recorded."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.components.leases import LEASES, health_lines, left_by_night
from bot.views.digest import left_command
from bot.views.leases import UNDO
from bot.views.leases import leases as view
from bot.views.markup.document import Actions, Button
from domain.alerts.silences import SilenceState
from domain.answers.answers import ErrorAnswer, TextAnswer
from domain.answers.leases import LeasesAnswer
from domain.health import HealthLevel
from domain.leases.lease import LeaseKind, Reality
from domain.leases.scales import scale_lease
from domain.matchers import Matcher, Operator
from domain.operations.operation import OperationRecord
from domain.people import Member
from runbooks.leases.service import LeaseService
from runbooks.operations.service import OperationService
from sandbox.cluster.resources import DEPLOYMENTS
from storage.leases import LeaseRepository
from storage.maintenance import MaintenanceRepository
from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.families import render_text
from tests.harness.samples.alert_groups import ALL_GROUPS
from tests.harness.samples.maintenance_gallery import PLANNED
from tests.harness.samples.team import ALERTMANAGER, RAY, SAM, SHARED_ALERTMANAGER, VIV, alerting_catalogue


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[CommandHarness]:
    async with open_command_harness(tmp_path, alerting_catalogue()) as opened:
        await opened.save_groups(*ALL_GROUPS)
        yield opened


async def leases(harness: CommandHarness, who: Member = SAM, text: str = "leases production") -> LeasesAnswer:
    answer = await harness.run_command(who, text)
    assert isinstance(answer, LeasesAnswer), answer
    return answer


async def orphaned(harness: CommandHarness, group_id: str = "al-prod", address: str = ALERTMANAGER) -> str:
    """As a process leaves it that dies between Alertmanager's answer and the commit."""
    group = await harness.group(group_id)
    await harness.run_command(SAM, f"silence {group_id} 1h known")
    (silence,) = harness.alertmanagers[address].stored.values()
    await harness.save_groups(group)
    async with harness.services.store.write() as tx:
        assert await tx.of(LeaseRepository).end(LeaseKind.SILENCE, group.environment, silence.id)
    harness.clock.advance(timedelta(minutes=2))
    return silence.id


async def test_a_silence_is_listed_with_owner_purpose_end_and_how_to_undo_it(harness: CommandHarness) -> None:
    await harness.run_command(RAY, "silence al-prod 1h the fix is on its way")
    answer = await leases(harness)
    (reading,) = answer.readings
    assert reading.reality is Reality.HELD
    assert (reading.lease.owner, reading.lease.until - reading.lease.set_at) == (RAY.person, timedelta(hours=1))
    text = render_text(answer)
    assert "the fix is on its way" in text
    assert "unsilence al-prod" in text
    assert health_lines(answer, "production", harness.clock.now()) == ()
    await harness.run_command(RAY, "unsilence al-prod")
    assert (await leases(harness)).readings == ()


async def test_what_ran_out_is_no_longer_listed_and_is_deleted_in_time(harness: CommandHarness) -> None:
    await harness.run_command(RAY, "silence al-prod 1h")
    harness.clock.advance(timedelta(hours=2))
    assert (await leases(harness)).readings == ()
    async with harness.services.store.write() as tx:
        assert await tx.of(LeaseRepository).standing(["production"], harness.clock.now()) == ()
        assert await tx.of(LeaseRepository).prune(harness.clock.now()) == 1


async def test_one_that_was_ended_elsewhere_is_red(harness: CommandHarness) -> None:
    await harness.run_command(RAY, "silence al-prod 1h")
    alertmanager = harness.alertmanagers[ALERTMANAGER]
    (silence,) = alertmanager.stored.values()
    await alertmanager.expire(silence.id)
    answer = await leases(harness)
    assert [each.reality for each in answer.readings] == [Reality.GONE]
    assert "notifies again" in render_text(answer)
    (line,) = health_lines(answer, "production", harness.clock.now())
    assert (line.level, line.text) == (HealthLevel.RED, "silences: 1 ended elsewhere")


async def test_one_that_somebody_lengthened_says_when_it_ends_there(harness: CommandHarness) -> None:
    await harness.run_command(RAY, "silence al-prod 1h")
    stored = harness.alertmanagers[ALERTMANAGER].stored
    ((key, silence),) = stored.items()
    stored[key] = replace(silence, ends_at=silence.ends_at + timedelta(days=9))
    (reading,) = (await leases(harness)).readings
    assert reading.reality is Reality.CHANGED
    assert reading.found_until == silence.ends_at + timedelta(days=9)


async def test_a_silence_of_a_process_that_died_is_an_orphan_and_can_be_ended(harness: CommandHarness) -> None:
    key = await orphaned(harness)
    answer = await leases(harness)
    (orphan,) = answer.orphans
    assert (orphan.key, orphan.undo, answer.readings) == (key, "unsilence al-prod", ())
    assert health_lines(answer, "production", harness.clock.now())[0].level is HealthLevel.RED
    await harness.run_command(SAM, orphan.undo)
    assert (await leases(harness)).orphans == ()
    assert harness.alertmanagers[ALERTMANAGER].stored[key].state is SilenceState.EXPIRED


async def test_an_orphan_is_taken_over_by_saying_it_again(harness: CommandHarness) -> None:
    key = await orphaned(harness)
    await harness.run_command(SAM, "silence al-prod 2h")
    answer = await leases(harness)
    assert [(each.lease.key, each.lease.owner) for each in answer.readings] == [(key, SAM.person)]
    assert answer.orphans == ()


async def test_silences_of_others_are_none_of_it(harness: CommandHarness) -> None:
    now = harness.clock.now()
    for comment in ("by hand", "[al-prod] was here", "[xx-prod]"):
        await harness.alertmanagers[ALERTMANAGER].create_silence(
            (Matcher("alertname", Operator.EQUAL, "X"),),
            starts_at=now - timedelta(hours=1),
            ends_at=now + timedelta(hours=1),
            by="somebody",
            comment=comment,
        )
    answer = await leases(harness)
    assert (answer.readings, answer.orphans) == ((), ())


async def test_a_freeze_is_listed_while_it_holds(harness: CommandHarness) -> None:
    now = harness.clock.now()
    window = replace(PLANNED, starts_at=now - timedelta(minutes=1), ends_at=now + timedelta(hours=1))
    async with harness.services.store.write() as tx:
        await tx.of(MaintenanceRepository).save(window)
    (reading,) = (await leases(harness)).readings
    assert (reading.lease.kind, reading.lease.undo) == (LeaseKind.FREEZE, f"maintenance end {window.id}")
    harness.clock.advance(timedelta(hours=5))
    assert (await leases(harness)).readings == ()


async def test_an_alertmanager_that_does_not_answer_is_said_and_the_record_still_shown(harness: CommandHarness) -> None:
    await harness.run_command(RAY, "silence al-prod 1h")
    harness.alertmanagers[ALERTMANAGER].unreachable = True
    answer = await leases(harness)
    assert [each.reality for each in answer.readings] == [Reality.UNKNOWN]
    assert len(answer.problems) == 1
    assert "Not compared" in render_text(answer)


async def test_an_orphan_of_another_environment_of_a_shared_alertmanager_is_shown_only_there(harness: CommandHarness) -> None:
    key = await orphaned(harness, "al-stag", SHARED_ALERTMANAGER)
    assert (await leases(harness, text="leases development")).orphans == ()
    assert [each.key for each in (await leases(harness, text="leases staging")).orphans] == [key]
    assert [each.key for each in (await leases(harness, text="leases")).orphans] == [key]


@pytest.mark.parametrize(
    ("environment", "listed_by"), [pytest.param("", "leases", id="none"), pytest.param("staging", "leases staging", id="another")]
)
async def test_a_silence_is_compared_where_its_source_has_it_whatever_its_environment(
    tmp_path: Path, environment: str, listed_by: str
) -> None:
    """A source's alerts name another environment than its own, or none."""
    pair = "http://pair.example.com:9093"
    sources = {"pair": {"environment": "production" if environment else "", "alertmanagers": [pair]}}
    catalogue = alerting_catalogue(alerts={"default": {"channel": "C0INFO", "severity": "P3"}, "sources": sources})
    (group,) = (each for each in ALL_GROUPS if each.id == "al-none")
    async with open_command_harness(tmp_path, catalogue) as harness:
        await harness.save_groups(replace(group, environment=environment, source="pair"))
        answer = await harness.run_command(SAM, "silence al-none 1h known")
        assert isinstance(answer, TextAnswer), answer
        (silence,) = harness.alertmanagers[pair].stored.values()
        found = await leases(harness, text=listed_by)
        assert [(each.lease.key, each.reality) for each in found.readings] == [(silence.id, Reality.HELD)]
        assert ("silence in" in render_text(found)) is bool(environment)
        assert (await leases(harness, text="leases production")).readings == ()


async def test_what_is_ones_own_has_a_button_that_does_what_its_command_does(harness: CommandHarness) -> None:
    await harness.run_command(RAY, "silence al-prod 1h")
    operation = await put_scale(harness, RAY)
    own = await leases(harness, RAY)
    assert [(each.text, each.value) for each in buttons(own)] == [
        ("End it now", "unsilence al-prod"),
        ("Scale back now", f"unscale {operation}"),
    ]
    assert buttons(await leases(harness, SAM)) == []
    for each in buttons(own):
        command = LEASES.buttons[each.action](each.value)
        assert command is not None
        await harness.run_command(RAY, command)
    assert [each.lease.kind for each in (await leases(harness)).readings] == [LeaseKind.SCALE]
    started = await newest(harness)
    (change,) = started.plan.changes
    assert (change.before.replicas, change.after.replicas, started.requested_by) == (5, 3, RAY.person)
    assert started.reason == f"ends {operation} early"


async def test_whoever_lost_the_role_is_refused_behind_the_button_too(harness: CommandHarness) -> None:
    await put_scale(harness, VIV)
    (button,) = buttons(await leases(harness, VIV))
    command = LEASES.buttons[button.action](button.value)
    assert command is not None
    answer = await harness.run_command(VIV, command)
    assert isinstance(answer, ErrorAnswer), answer
    assert "may not use" in str(answer.sentence)
    assert len(await harness.services.of(OperationService).recent()) == 1


@pytest.mark.parametrize(
    "value", ["unlock production", "scale production main 3", "unsilence", "unscale op-a op-b", "unsilence al-prod --x", ""]
)
def test_a_forged_button_is_no_command(value: str) -> None:
    assert LEASES.buttons[UNDO](value) is None


async def test_mine_lists_nothing_of_others(harness: CommandHarness) -> None:
    await harness.run_command(RAY, "silence al-prod 1h")
    await put_scale(harness, SAM)
    assert [each.lease.owner for each in (await leases(harness, RAY, "leases --mine")).readings] == [RAY.person]
    assert [each.lease.owner for each in (await leases(harness, SAM, "leases production --mine")).readings] == [SAM.person]
    assert "Nothing of yours is set for a time" in render_text(await leases(harness, VIV, "leases --mine"))


async def test_what_the_night_left_has_one_button_each_that_ends_it(harness: CommandHarness) -> None:
    now = harness.clock.now()
    await harness.run_command(RAY, "silence al-prod 1h the fix is on its way")
    await put_scale(harness, RAY)
    recorded = await harness.services.of(LeaseService).recorded(["production"])
    silence, scale = left_by_night(recorded, now, now)
    assert str(silence.text).startswith(f"silence of @{RAY.person.user_id} ends ")
    assert str(silence.text).endswith("the fix is on its way")
    assert (silence.label, scale.label) == ("End it now", "Scale back now")
    for each in (silence, scale):
        command = left_command(each.command)
        assert command is not None
        await harness.run_command(RAY, command)
    assert [each.in_force for each in await harness.alertmanagers[ALERTMANAGER].silences()] == [False]
    assert (await newest(harness)).plan.changes[0].after.replicas == 3


async def test_what_was_set_long_ago_and_ends_after_the_day_is_no_line_of_the_morning(harness: CommandHarness) -> None:
    await harness.run_command(SAM, "silence al-prod 3d")
    morning = harness.clock.now() + timedelta(days=1)
    recorded = await harness.services.of(LeaseService).recorded(["production"])
    assert left_by_night(recorded, morning - timedelta(hours=12), morning) == ()
    assert len(left_by_night(recorded, morning - timedelta(hours=12), morning + timedelta(hours=41))) == 1


async def test_what_was_not_put_back_stays_in_the_digest(harness: CommandHarness) -> None:
    operation = await put_scale(harness, RAY)
    (lease,) = await harness.services.of(LeaseService).recorded(["production"])
    async with harness.services.store.write() as tx:
        await tx.of(LeaseRepository).put(replace(lease, abandoned="production was locked."))
    harness.clock.advance(timedelta(days=2))
    at = harness.clock.now()
    recorded = await harness.services.of(LeaseService).recorded(["production"])
    (left,) = left_by_night(recorded, at - timedelta(hours=12), at)
    assert str(left.text) == f"scale of @{RAY.person.user_id} was not put back: deep-echo-main has 5 pods instead of 3: the fair"
    assert left.command == f"unscale {operation}"


async def put_scale(harness: CommandHarness, owner: Member) -> str:
    """What a temporary scale from 3 to 5 pods leaves in the cluster and in the database; its id."""
    record = await harness.start_operation(RAY, "scale production deep-echo-main 5 --for 2h --reason the fair")
    harness.stand_in.store.modify(DEPLOYMENTS, ("deep-echo-prod", "deep-echo-main"), lambda each: each["spec"].update(replicas=5))
    lease = replace(scale_lease(record, harness.clock.now() + timedelta(hours=2)), owner=owner.person)
    async with harness.services.store.write() as tx:
        await tx.of(LeaseRepository).put(lease)
    return record.id


async def newest(harness: CommandHarness) -> OperationRecord:
    by_time = sorted(await harness.services.of(OperationService).recent(), key=lambda each: each.source)
    return by_time[-1]


def buttons(answer: LeasesAnswer) -> list[Button]:
    rows = (block.buttons for block in view(answer).blocks if isinstance(block, Actions))
    return [each for row in rows for each in row if isinstance(each, Button)]
