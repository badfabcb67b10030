"""Changes that cannot wait for the end of a window: who passes its freeze, and who has to say yes."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from domain.answers.answers import ErrorAnswer
from domain.answers.maintenance import WindowAnswer
from domain.errors import Refused
from domain.operations.operation import OperationRecord, State
from domain.people import Role
from runbooks.maintenance.service import MaintenanceService
from runbooks.operations.rights import RightsCheck
from runbooks.operations.service import OperationService
from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.families import render_text
from tests.harness.samples.team import ANA, LEE, SAM, alerting_catalogue

PLAN = "maintenance plan staging work --for 1h"
RESTART = "restart staging deep-echo-main --reason outage"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[CommandHarness]:
    async with open_command_harness(tmp_path) as commands:
        service = MaintenanceService(commands.services.store, commands.clock, lambda: None)
        families = {**commands.services.family_services, MaintenanceService: service}
        yield replace(commands, services=replace(commands.services, family_services=families))


async def check_rights(harness: CommandHarness, record: OperationRecord) -> None:
    services = harness.services
    check = RightsCheck(
        store=services.store, clock=harness.clock, directory=harness.directory, catalogue=lambda: services.catalogue
    )

    async def on_wait(_why: str) -> None:
        raise AssertionError("the people are known")

    await check.require(record, on_wait)


async def find(harness: CommandHarness, record: OperationRecord) -> OperationRecord:
    return await harness.services.of(OperationService).find(record.id)


async def test_an_sre_passes_it_with_a_second_person_also_where_none_is_needed_otherwise(harness: CommandHarness) -> None:
    assert (await harness.start_operation(SAM, RESTART)).approval is None
    await harness.run_command(ANA, PLAN)
    asked = await harness.start_operation(SAM, RESTART)
    assert asked.approval is not None
    assert (asked.state, asked.approval.role) == (State.WAITING, Role.APPROVER)
    assert "frozen for maintenance" in render_text(asked)
    with pytest.raises(Refused, match="asks for an approval"):
        await check_rights(harness, asked)
    assert isinstance(await harness.run_command(SAM, f"approve {asked.id}"), ErrorAnswer)
    await harness.run_command(LEE, f"approve {asked.id}")
    await check_rights(harness, await find(harness, asked))


async def test_what_was_asked_for_before_the_freeze_does_not_pass_it(harness: CommandHarness) -> None:
    before = await harness.start_operation(SAM, RESTART)
    await harness.run_command(ANA, PLAN)
    with pytest.raises(Refused, match="Whoever may override locks passes it with a second person"):
        await check_rights(harness, before)


async def test_the_yes_holds_for_one_window_only(harness: CommandHarness) -> None:
    await harness.run_command(ANA, PLAN)
    asked = await harness.start_operation(SAM, RESTART)
    await harness.run_command(LEE, f"approve {asked.id}")
    harness.clock.advance(timedelta(hours=2))
    await harness.run_command(ANA, PLAN)
    with pytest.raises(Refused, match="frozen for maintenance"):
        await check_rights(harness, await find(harness, asked))


async def test_without_the_role_the_preview_and_the_answer_say_that_it_is_refused(harness: CommandHarness) -> None:
    await harness.run_command(ANA, PLAN)
    assert "would be refused until then" in render_text(await harness.run_command(LEE, f"{RESTART} --dry-run"))
    assert "passes it, with a second person" in render_text(await harness.run_command(SAM, f"{RESTART} --dry-run"))
    assert isinstance(await harness.run_command(LEE, RESTART), ErrorAnswer)


async def test_hiding_alerts_for_longer_than_a_silence_needs_the_same_role(tmp_path: Path) -> None:
    async with open_command_harness(tmp_path, alerting_catalogue()) as commands:
        service = MaintenanceService(commands.services.store, commands.clock, lambda: None)
        families = {**commands.services.family_services, MaintenanceService: service}
        harness = replace(commands, services=replace(commands.services, family_services=families))
        refused = await harness.run_command(ANA, "maintenance plan production work --for 5h --silence alertname=RedisDown")
        assert isinstance(refused, ErrorAnswer)
        assert "Hiding alerts for longer than 4 h" in render_text(refused)
        planned = await harness.run_command(ANA, "maintenance plan production work --for 4h --silence alertname=RedisDown")
        assert isinstance(planned, WindowAnswer)
        for member, is_refused in ((ANA, True), (SAM, False)):
            extended = await harness.run_command(member, f"maintenance extend {planned.window.id} 1h")
            assert isinstance(extended, ErrorAnswer) is is_refused
        assert isinstance(await harness.run_command(ANA, "maintenance plan staging work --for 5h"), WindowAnswer)
