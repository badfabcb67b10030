"""What changed before an alert: found in our own records and in the cluster, each change once, each source on its own."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import pytest

from domain.audit import AuditEntry
from domain.changes.platform_changes import ChangeKind, PlatformChange
from domain.operations.operation import State
from sandbox.cluster import ADMIN_TOKEN
from tests.harness.cluster_namespace import KubernetesHttpApi
from tests.harness.operations import OperationsHarness
from tests.harness.samples.team import ANA, SAM, catalogue_data, team_catalogue
from tests.harness.suspects import CACHE, COGNITIVE, DOCS, MAIN, ExternalEditor, suspect_finder


async def gather_changes(harness: OperationsHarness, environment: str = "production", **other: Any) -> dict[str, PlatformChange]:
    """Every change by its name; two of one name are an error."""
    found = await suspect_finder(harness, **other).gather(environment, began_at=harness.clock.now())
    assert found.missing == ()
    assert len({each.description for each in found.changes}) == len(found.changes), found.changes
    return {each.description: each for each in found.changes}


@pytest.fixture
async def external_editor(harness: OperationsHarness) -> AsyncIterator[ExternalEditor]:
    async with aiohttp.ClientSession() as session:
        yield ExternalEditor(KubernetesHttpApi(session, harness.stand_in.url, ADMIN_TOKEN), harness)


async def lock(harness: OperationsHarness, at: datetime, what: str = "lock", environment: str = "production") -> None:
    """As the command writes it."""
    async with harness.store.write() as tx:
        if what == "lock":
            await tx.locks.lock_environment(environment, SAM.person, "database move", at, None)
        elif held := await tx.locks.environment_lock(environment, at):
            await tx.locks.unlock_environment(held)
        key = f"{environment}/{what}/{at}"
        entry = AuditEntry(key=key, at=at, who=SAM.person, what=what, where=environment, why="database move")
        await tx.audit.append(entry)


async def test_a_deploy_of_ours_is_told_once_with_who_id_and_the_version_before(harness: OperationsHarness) -> None:
    record = await harness.run_plan(await harness.planner.deploy("production", "main-77aa001", MAIN))

    told = (await gather_changes(harness))["deploy main-77aa001"]

    assert (told.kind, told.services, told.by, told.operation_id) == (ChangeKind.DEPLOY, (MAIN,), ANA.person, record.id)
    assert (told.previous_versions, told.outcome, told.running) == ({MAIN: "main-9f00d12"}, "", False)
    assert (told.at, told.ended_at) == (record.progress_of(MAIN).started_at, record.ended_at)


async def test_a_rollback_and_a_scale_of_ours_are_told_once_each(harness: OperationsHarness) -> None:
    await harness.run_plan(await harness.planner.rollback("production", "main-abc1234", MAIN))
    await harness.run_plan(await harness.planner.scale("production", MAIN, 4))

    found = await gather_changes(harness)

    ours = {name: (each.kind, each.previous_versions) for name, each in found.items() if each.operation_id}
    assert ours == {
        "rollback to main-abc1234": (ChangeKind.ROLLBACK, {MAIN: "main-9f00d12"}),
        f"scale of {MAIN} from 3 to 4 pods": (ChangeKind.SCALE, {}),
    }
    assert [each for each in found.values() if MAIN in each.services and not each.operation_id] == []


async def test_a_restart_of_ours_is_told_once(harness: OperationsHarness) -> None:
    await harness.run_plan(await harness.planner.restart("staging", CACHE))

    found = await gather_changes(harness, "staging")

    assert [name for name, each in found.items() if CACHE in each.services] == [f"restart of {CACHE}"]


async def test_a_scale_of_ours_does_not_hide_the_deploy_before_it(harness: OperationsHarness) -> None:
    await harness.run_plan(await harness.planner.scale("staging", MAIN, 4))

    found = await gather_changes(harness, "staging")

    assert [name for name, each in found.items() if MAIN in each.services] == [
        "deploy main-51d2c44",
        f"scale of {MAIN} from 3 to 4 pods",
    ]


async def test_a_deploy_that_runs_and_one_that_was_cancelled_say_so(harness: OperationsHarness) -> None:
    record = await harness.start_plan(await harness.planner.deploy("production", "bad-0ddba11", MAIN))
    await harness.wait_until(record.id, lambda one: one.progress_of(MAIN).updated > 0)
    running = (await gather_changes(harness))["deploy bad-0ddba11"]
    await harness.operations.cancel(record.id, ANA)
    assert (await harness.wait_ended(record.id)).state is State.CANCELLED

    cancelled = (await gather_changes(harness))["deploy bad-0ddba11"]

    assert (running.running, running.outcome) == (True, "")
    assert (cancelled.running, cancelled.outcome) == (False, "a person cancelled it")


async def test_an_operation_that_was_never_approved_changed_nothing(harness: OperationsHarness) -> None:
    record = await harness.start(ANA)
    await harness.operations.cancel(record.id, ANA)

    assert [each for each in (await gather_changes(harness)).values() if each.operation_id] == []


async def test_what_helm_brought_to_two_services_is_one_change(harness: OperationsHarness) -> None:
    told = (await gather_changes(harness, "staging"))["deploy main-51d2c44"]

    assert set(told.services) == {MAIN, COGNITIVE}
    assert (told.by, told.by_manager, told.operation_id) == (None, "helm", "")
    assert told.previous_versions == {MAIN: "main-9f00d12", COGNITIVE: "main-9f00d12"}


async def test_a_version_that_kubectl_brought_after_a_deploy_of_ours_is_somebody_elses(
    harness: OperationsHarness, external_editor: ExternalEditor
) -> None:
    ours = await harness.run_plan(await harness.planner.deploy("production", "main-77aa001", MAIN))
    await external_editor.image("deep-echo-prod", MAIN, "main-5ca1ab1")

    found = await gather_changes(harness)

    theirs = found["deploy main-5ca1ab1"]
    assert (theirs.by_manager, theirs.operation_id, theirs.previous_versions) == ("kubectl-set", "", {MAIN: "main-77aa001"})
    assert found["deploy main-77aa001"].operation_id == ours.id


async def test_kubectl_undo_is_a_rollback_with_its_own_time(harness: OperationsHarness, external_editor: ExternalEditor) -> None:
    began = harness.clock.now() - timedelta(seconds=1)
    await external_editor.undo(MAIN, "main-abc1234")

    told = (await gather_changes(harness))["rollback to main-abc1234"]

    assert (told.kind, told.by_manager, told.previous_versions) == (
        ChangeKind.ROLLBACK,
        "kubectl-rollout",
        {MAIN: "main-9f00d12"},
    )
    assert began <= told.at <= harness.clock.now()


async def test_a_config_map_is_one_change_of_every_service_that_uses_it(
    harness: OperationsHarness, external_editor: ExternalEditor
) -> None:
    assert "ConfigMap deep-echo-config" not in await gather_changes(harness)
    await external_editor.config("deep-echo-prod", SESSION_LIMIT="5")

    told = (await gather_changes(harness))["ConfigMap deep-echo-config"]

    assert told.kind is ChangeKind.CONFIG
    assert told.services == (MAIN, COGNITIVE, CACHE, DOCS)


async def test_moves_of_autoscalers_are_told_and_replicas_that_a_hand_set(
    harness: OperationsHarness, external_editor: ExternalEditor
) -> None:
    harness.stand_in.scale_by_hpa("deep-echo-prod", COGNITIVE, 9)
    await external_editor.replicas("deep-echo-prod", CACHE, 5)

    found = await gather_changes(harness)

    move = found[f"autoscaler {COGNITIVE} to 9 pods"]
    assert (move.kind, move.services) == (ChangeKind.AUTOSCALER, (COGNITIVE,))
    scale = found[f"scale of {CACHE}"]
    assert (scale.kind, scale.services, scale.by_manager) == (ChangeKind.SCALE, (CACHE,), "kubectl")


async def test_locks_are_maintenance_of_the_whole_environment(harness: OperationsHarness) -> None:
    now = harness.clock.now()
    await lock(harness, now - timedelta(minutes=50))
    await lock(harness, now - timedelta(minutes=40), "unlock")
    await lock(harness, now - timedelta(minutes=10))
    await lock(harness, now - timedelta(minutes=10), environment="staging")

    found = (await suspect_finder(harness).gather("production", began_at=now)).changes

    locks = [(each.at, each.ended_at, each.running) for each in found if each.kind is ChangeKind.MAINTENANCE]
    assert locks == [
        (now - timedelta(minutes=50), now - timedelta(minutes=40), False),
        (now - timedelta(minutes=10), None, True),
    ]
    last = found[-1]
    assert (last.description, last.services, last.by) == ("lock of production: database move", (), SAM.person)


async def test_the_deploy_that_did_it_is_named_with_its_reasons(harness: OperationsHarness) -> None:
    data = catalogue_data()
    data["services"][MAIN]["depends_on"] = [COGNITIVE]
    catalogue = team_catalogue(**data)
    record = await harness.run_plan(await harness.planner.deploy("production", "main-77aa001", COGNITIVE))

    told = await suspect_finder(harness, catalogue=lambda: catalogue).suspects(
        "production", MAIN, began_at=harness.clock.now() + timedelta(minutes=3)
    )

    first = told.suspects[0]
    assert (first.change.operation_id, first.reasons) == (record.id, ("3 min before", f"{MAIN} depends on {COGNITIVE}"))
    assert first.change.previous_versions == {COGNITIVE: "main-9f00d12"}
    assert told.missing == ()
