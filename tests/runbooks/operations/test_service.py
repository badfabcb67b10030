"""What people see of operations beside the plain success: stopping, waiting for each other, locks, and many at once."""

import asyncio
from datetime import timedelta

import pytest

from domain.notes import OperationNote
from domain.operations.operation import OperationRecord, Phase, State
from domain.operations.plans import Verb
from domain.people import Member
from domain.workloads.image_ids import ReportedImage
from sandbox.cluster import ClusterFault, image_id
from tests.harness.cluster_namespace import wait_until
from tests.harness.operations import OperationsHarness
from tests.harness.samples.team import ANA, LEE, RAY, REGISTRY, SAM, VIV

MAIN, COGNITIVE = "deep-echo-main", "deep-echo-cognitive"
DEPLOYMENTS = "/apis/apps/v1/namespaces/deep-echo-prod/deployments"
PODS = "/api/v1/namespaces/deep-echo-prod/pods"
PLATFORM = "linux/amd64 containerd"


async def wait_rolling(harness: OperationsHarness, record: OperationRecord, service: str = MAIN) -> OperationRecord:
    return await harness.wait_until(
        record.id, lambda one: one.progress_of(service).phase is Phase.ROLLING and one.progress_of(service).updated > 0
    )


async def test_a_rollout_that_is_stuck_can_be_stopped_and_says_what_stands(harness: OperationsHarness) -> None:
    record = await harness.start_plan(await harness.planner.deploy("production", "bad-0ddba11", MAIN))
    await wait_rolling(harness, record)

    await harness.operations.cancel(record.id, ANA)
    ended = await harness.wait_ended(record.id)

    assert (ended.state, ended.outcome) == (State.CANCELLED, "Stopped while it was rolling out.")
    (stands,) = ended.end_state
    assert str(stands).startswith("deep-echo-main was set to bad-0ddba11; counted now, 1 of 3 pods is new, 0 of them ready")
    assert str(stands).endswith("3 pods of main-9f00d12 (3 ready) still exist.")
    assert await harness.locks() == ()
    said = [str(each.text) for each in await harness.notes(record.id)]
    assert f"@{ANA.person.user_id} asked to stop. It stops at the next safe point." in said
    assert said[-1] == str(ended.outcome)


async def test_stopped_between_two_services_the_second_is_not_touched(harness: OperationsHarness) -> None:
    plan = await harness.planner.rollback("production", "abc1234")
    assert plan.services == (MAIN, COGNITIVE)
    harness.stand_in.inject_fault(ClusterFault(kind="delay", seconds=1, path_prefix=PODS))
    record = await harness.start_plan(plan)
    await wait_until(lambda: not harness.stand_in.control.faults)

    await harness.operations.cancel(record.id, ANA)
    ended = await harness.wait_ended(record.id)

    assert (ended.state, str(ended.outcome)) == (State.CANCELLED, f"Stopped, as @{ANA.person.user_id} asked.")
    assert ended.end_state == (
        "deep-echo-main runs main-abc1234, verified.",
        "deep-echo-cognitive was not touched; it runs main-9f00d12.",
    )
    assert (await harness.image(name=COGNITIVE)).endswith(":main-9f00d12")


async def test_two_services_are_changed_one_after_the_other_in_the_catalogues_order(harness: OperationsHarness) -> None:
    record = await harness.start_plan(await harness.planner.rollback("production", "abc1234"))
    await wait_rolling(harness, record, MAIN)
    assert (await harness.image(name=COGNITIVE)).endswith(":main-9f00d12")

    ended = await harness.wait_ended(record.id)

    assert ended.outcome == "Verified: all 9 pods run main-abc1234."
    assert [(each.service, each.phase) for each in ended.progress] == [(MAIN, Phase.VERIFIED), (COGNITIVE, Phase.VERIFIED)]
    main, cognitive = ended.progress
    assert main.ended_at is not None
    assert cognitive.started_at is not None
    assert main.ended_at <= cognitive.started_at


@pytest.mark.parametrize("verb", [Verb.DEPLOY, Verb.RESTART, Verb.SCALE])
async def test_a_persons_lock_refuses_everything_but_a_rollback(harness: OperationsHarness, verb: Verb) -> None:
    """The lock came after the question was asked; whose role it is does not matter."""
    plan = {
        Verb.DEPLOY: harness.planner.deploy("production", "main-0ddba11", MAIN),
        Verb.RESTART: harness.planner.restart("production", MAIN),
        Verb.SCALE: harness.planner.scale("production", MAIN, 5),
    }
    asked = await plan.pop(verb)
    for other in plan.values():
        other.close()
    await lock(harness, VIV)

    ended = await harness.run_plan(asked, by=SAM)

    assert (ended.state, str(ended.outcome)) == (
        State.FAILED,
        f"production is locked by @{VIV.person.user_id}: release day. When it may go on: `unlock production`.",
    )
    assert ended.end_state == ("Nothing was changed.",)
    assert await harness.revisions() == 6
    assert (await harness.cluster.workload(harness.target())).replicas == 3


@pytest.mark.parametrize(
    ("by", "approver", "state"),
    [(ANA, LEE, State.FAILED), (SAM, LEE, State.SUCCEEDED), (ANA, SAM, State.SUCCEEDED)],
    ids=["nobody with the role", "the requester is sre", "the approver is sre"],
)
async def test_a_rollback_passes_a_persons_lock_with_the_role_for_it(
    harness: OperationsHarness, by: Member, approver: Member, state: State
) -> None:
    await lock(harness, VIV)
    ended = await harness.run_plan(await harness.planner.rollback("production", "abc1234", MAIN), by=by, approver=approver)
    assert ended.state is state
    assert (await harness.image()).endswith(":main-abc1234" if state is State.SUCCEEDED else ":main-9f00d12")


async def lock(harness: OperationsHarness, by: Member) -> None:
    async with harness.store.write() as tx:
        await tx.locks.lock_environment("production", by.person, "release day", harness.clock.now(), None)


async def test_one_operation_waits_until_another_has_freed_the_service(harness: OperationsHarness) -> None:
    harness.stand_in.inject_fault(ClusterFault(kind="delay", seconds=1.5, path_prefix=DEPLOYMENTS, method="PATCH"))
    first = await harness.start_plan(await harness.planner.scale("production", MAIN, 5), by=RAY)
    restart = await harness.planner.restart("production", MAIN)
    await harness.wait_until(first.id, lambda one: one.progress_of(MAIN).phase is Phase.CHANGING)

    second = await harness.start_plan(restart, by=RAY)
    await harness.wait_until(second.id, lambda one: one.progress_of(MAIN).detail == f"waits for {first.id} to finish")
    ends = [await harness.wait_ended(first.id), await harness.wait_ended(second.id)]

    assert [each.outcome for each in ends] == [
        "Verified: 5 pods are ready (there were 3).",
        "Verified: 5 new pods of deep-echo-main are ready.",
    ]
    assert ends[1].progress_of(MAIN).detail == ""
    assert await harness.locks() == ()


async def test_who_waits_for_a_lock_can_be_stopped(harness: OperationsHarness) -> None:
    first = await harness.start_plan(await harness.planner.deploy("production", "bad-0ddba11", MAIN))
    await wait_rolling(harness, first)
    second = await harness.start_plan(await harness.planner.scale("production", MAIN, 5), by=RAY)
    await harness.wait_until(second.id, lambda one: one.progress_of(MAIN).detail != "")

    await harness.operations.cancel(second.id, RAY)

    ended = await harness.wait_ended(second.id)
    assert (ended.state, ended.end_state) == (State.CANCELLED, ("Nothing was changed.",))
    assert {each.operation for each in await harness.locks()} == {first.id}
    await harness.operations.cancel(first.id, ANA)
    await harness.wait_ended(first.id)


async def test_a_lock_that_is_never_freed_is_not_waited_for_for_ever(harness: OperationsHarness) -> None:
    first = await harness.start_plan(await harness.planner.deploy("production", "bad-0ddba11", MAIN))
    await wait_rolling(harness, first)
    second = await harness.start_plan(await harness.planner.scale("production", MAIN, 5), by=RAY)
    await harness.wait_until(second.id, lambda one: one.progress_of(MAIN).detail != "")

    harness.clock.advance(timedelta(minutes=16))

    ended = await harness.wait_ended(second.id)
    assert (ended.state, str(ended.outcome)) == (State.FAILED, f"{first.id} still held the lock after 15 min.")
    assert ended.end_state == ("Nothing was changed.",)
    await harness.operations.cancel(first.id, ANA)
    await harness.wait_ended(first.id)


async def test_operations_on_different_services_run_at_the_same_time(harness: OperationsHarness) -> None:
    first = await harness.start_plan(await harness.planner.deploy("production", "bad-0ddba11", MAIN))
    await wait_rolling(harness, first)

    second = await harness.run_plan(await harness.planner.restart("production", COGNITIVE), by=RAY)

    assert second.outcome == "Verified: 6 new pods of deep-echo-cognitive are ready."
    assert (await harness.operations.find(first.id)).state is State.RUNNING
    await harness.operations.cancel(first.id, ANA)
    await harness.wait_ended(first.id)


async def test_a_version_that_was_never_here_is_deployed_and_its_image_id_remembered(harness: OperationsHarness) -> None:
    plan = await harness.planner.deploy("production", "main-0ddba11", MAIN)
    assert plan.changes[0].never_seen

    ended = await harness.run_plan(plan)

    assert ended.outcome == "Verified: all 3 pods run main-0ddba11."
    async with harness.store.read() as tx:
        (recorded,) = await tx.images.verified_as(f"{REGISTRY}:main-0ddba11")
    assert recorded == ReportedImage(image_id(f"{REGISTRY}:main-0ddba11"), PLATFORM)


async def test_another_image_under_the_same_tag_is_not_called_a_success(harness: OperationsHarness) -> None:
    other = ReportedImage(f"{REGISTRY}@sha256:{'5' * 64}", PLATFORM)
    async with harness.store.write() as tx:
        await tx.images.record(f"{REGISTRY}:main-abc1234", other, harness.clock.now())
    runs = image_id(f"{REGISTRY}:main-abc1234").rpartition(":")[2][:12]

    ended = await harness.run_plan(await harness.planner.rollback("production", "abc1234", MAIN))

    assert ended.state is State.FAILED
    assert ended.outcome == (
        f"deep-echo-main did not become ready: The pods run …{runs}, "
        "but this version was …555555555555 when it was last verified."
    )
    assert tuple(map(str, ended.end_state)) == (
        "deep-echo-main was set to main-abc1234; counted now, 3 of 3 pods are new, 3 of them ready. No earlier pod runs.",
        "To put it back: `rollback production main-9f00d12 deep-echo-main`.",
    )
    async with harness.store.read() as tx:
        assert await tx.images.verified_as(f"{REGISTRY}:main-abc1234") == (other,)


async def test_a_pod_that_cannot_start_is_told_within_seconds_with_its_last_lines_and_no_secrets(
    harness: OperationsHarness,
) -> None:
    record = await harness.start_plan(await harness.planner.deploy("production", "crash-0ddba11", MAIN))

    async def told() -> OperationNote | None:
        return next((each for each in await harness.notes(record.id) if each.key.startswith("pod-failure-")), None)

    async with asyncio.timeout(10):
        while (note := await told()) is None:
            await asyncio.sleep(0.1)

    assert "does not come up: " in str(note.text)
    assert any("KeyError: 'CACHE_TTL_SECONDS'" in line for line in note.log)
    assert "password=•••" in " ".join(note.log)
    assert "hunter2" not in " ".join(note.log)
    assert (await harness.operations.find(record.id)).state is State.RUNNING
    await harness.operations.cancel(record.id, ANA)
    ended = await harness.wait_ended(record.id)
    assert "0 of them ready (CrashLoopBackOff" in str(ended.end_state[0]) or "0 of them ready (Error" in str(ended.end_state[0])
