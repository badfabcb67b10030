"""What people see of operations beside the plain success: stopping, waiting for each other, locks, and many at once."""

import asyncio
from datetime import timedelta

import pytest

from domain.notes import OperationNote
from domain.operations.operation import OperationRecord, Phase, State
from domain.operations.plans import Verb
from domain.people import Member
from sandbox.cluster import Fault, image_id
from tests.harness.cluster_namespace import until
from tests.harness.operations import House
from tests.harness.samples.team import ANA, LEE, RAY, REGISTRY, SAM, VIV

MAIN, COGNITIVE = "deep-echo-main", "deep-echo-cognitive"
DEPLOYMENTS = "/apis/apps/v1/namespaces/deep-echo-prod/deployments"
PODS = "/api/v1/namespaces/deep-echo-prod/pods"


async def rolling(house: House, record: OperationRecord, service: str = MAIN) -> OperationRecord:
    return await house.reached(record.id, lambda one: one.of(service).phase is Phase.ROLLING and one.of(service).updated > 0)


async def test_a_rollout_that_is_stuck_can_be_stopped_and_says_what_stands(house: House) -> None:
    record = await house.begin(await house.planner.deploy("production", "bad-0ddba11", MAIN))
    await rolling(house, record)

    await house.operations.cancel(record.id, ANA)
    ended = await house.ended(record.id)

    assert (ended.state, ended.outcome) == (State.CANCELLED, "Stopped while it was rolling out.")
    (stands,) = ended.stands
    assert stands.startswith("deep-echo-main was set to bad-0ddba11; when last seen, 1 of 3 pods were new, 0 of them ready")
    assert stands.endswith("Pods of main-9f00d12 keep running until the new ones are ready.")
    assert await house.locks() == ()
    said = [each.text for each in await house.notes(record.id)]
    assert f"<@{ANA.person.user_id}> asked to stop. It stops at the next safe point." in said
    assert said[-1] == ended.outcome


async def test_stopped_between_two_services_the_second_is_not_touched(house: House) -> None:
    plan = await house.planner.rollback("production", "abc1234")
    assert plan.services == (MAIN, COGNITIVE)
    house.stand_in.fail(Fault(kind="delay", seconds=1, path_prefix=PODS))
    record = await house.begin(plan)
    await until(lambda: not house.stand_in.control.faults)

    await house.operations.cancel(record.id, ANA)
    ended = await house.ended(record.id)

    assert (ended.state, ended.outcome) == (State.CANCELLED, f"Stopped, as <@{ANA.person.user_id}> asked.")
    assert ended.stands == (
        "deep-echo-main runs main-abc1234, verified.",
        "deep-echo-cognitive was not touched; it runs main-9f00d12.",
    )
    assert (await house.image(name=COGNITIVE)).endswith(":main-9f00d12")


async def test_two_services_are_changed_one_after_the_other_in_the_catalogues_order(house: House) -> None:
    record = await house.begin(await house.planner.rollback("production", "abc1234"))
    await rolling(house, record, MAIN)
    assert (await house.image(name=COGNITIVE)).endswith(":main-9f00d12")

    ended = await house.ended(record.id)

    assert ended.outcome == "Verified: all 9 pods run main-abc1234."
    assert [(each.service, each.phase) for each in ended.progress] == [(MAIN, Phase.VERIFIED), (COGNITIVE, Phase.VERIFIED)]
    main, cognitive = ended.progress
    assert main.ended_at is not None
    assert cognitive.started_at is not None
    assert main.ended_at <= cognitive.started_at


@pytest.mark.parametrize("verb", [Verb.DEPLOY, Verb.RESTART, Verb.SCALE])
async def test_a_persons_lock_refuses_everything_but_a_rollback(house: House, verb: Verb) -> None:
    """The lock came after the question was asked; whose role it is does not matter."""
    plan = {
        Verb.DEPLOY: house.planner.deploy("production", "main-0ddba11", MAIN),
        Verb.RESTART: house.planner.restart("production", MAIN),
        Verb.SCALE: house.planner.scale("production", MAIN, 5),
    }
    asked = await plan.pop(verb)
    for other in plan.values():
        other.close()
    await lock(house, VIV)

    ended = await house.carried_out(asked, by=SAM)

    assert (ended.state, ended.outcome) == (State.FAILED, f"<@{VIV.person.user_id}> locked production: release day.")
    assert ended.stands == ("Nothing was changed.",)
    assert await house.revisions() == 6
    assert (await house.cluster.workload(house.target())).replicas == 3


@pytest.mark.parametrize(
    ("by", "approver", "state"),
    [(ANA, LEE, State.FAILED), (SAM, LEE, State.SUCCEEDED), (ANA, SAM, State.SUCCEEDED)],
    ids=["nobody with the role", "the requester is sre", "the approver is sre"],
)
async def test_a_rollback_passes_a_persons_lock_with_the_role_for_it(
    house: House, by: Member, approver: Member, state: State
) -> None:
    await lock(house, VIV)
    ended = await house.carried_out(await house.planner.rollback("production", "abc1234", MAIN), by=by, approver=approver)
    assert ended.state is state
    assert (await house.image()).endswith(":main-abc1234" if state is State.SUCCEEDED else ":main-9f00d12")


async def lock(house: House, by: Member) -> None:
    async with house.store.write() as tx:
        await tx.locks.put_person("production", by.person, "release day", house.clock.now(), None)


async def test_one_operation_waits_until_another_has_freed_the_service(house: House) -> None:
    house.stand_in.fail(Fault(kind="delay", seconds=1.5, path_prefix=DEPLOYMENTS, method="PATCH"))
    first = await house.begin(await house.planner.scale("production", MAIN, 5), by=RAY)
    restart = await house.planner.restart("production", MAIN)
    await house.reached(first.id, lambda one: one.of(MAIN).phase is Phase.CHANGING)

    second = await house.begin(restart, by=RAY)
    await house.reached(second.id, lambda one: one.of(MAIN).detail == f"waits for {first.id} to finish")
    ends = [await house.ended(first.id), await house.ended(second.id)]

    assert [each.outcome for each in ends] == [
        "Verified: 5 pods are ready (there were 3).",
        "Verified: 5 new pods of deep-echo-main are ready.",
    ]
    assert ends[1].of(MAIN).detail == ""
    assert await house.locks() == ()


async def test_who_waits_for_a_lock_can_be_stopped(house: House) -> None:
    first = await house.begin(await house.planner.deploy("production", "bad-0ddba11", MAIN))
    await rolling(house, first)
    second = await house.begin(await house.planner.scale("production", MAIN, 5), by=RAY)
    await house.reached(second.id, lambda one: one.of(MAIN).detail != "")

    await house.operations.cancel(second.id, RAY)

    ended = await house.ended(second.id)
    assert (ended.state, ended.stands) == (State.CANCELLED, ("Nothing was changed.",))
    assert {each.operation for each in await house.locks()} == {first.id}
    await house.operations.cancel(first.id, ANA)
    await house.ended(first.id)


async def test_a_lock_that_is_never_freed_is_not_waited_for_for_ever(house: House) -> None:
    first = await house.begin(await house.planner.deploy("production", "bad-0ddba11", MAIN))
    await rolling(house, first)
    second = await house.begin(await house.planner.scale("production", MAIN, 5), by=RAY)
    await house.reached(second.id, lambda one: one.of(MAIN).detail != "")

    house.clock.go_on(timedelta(minutes=16))

    ended = await house.ended(second.id)
    assert (ended.state, ended.outcome) == (State.FAILED, f"{first.id} still held the lock after 15 min.")
    assert ended.stands == ("Nothing was changed.",)
    await house.operations.cancel(first.id, ANA)
    await house.ended(first.id)


async def test_operations_on_different_services_run_at_the_same_time(house: House) -> None:
    first = await house.begin(await house.planner.deploy("production", "bad-0ddba11", MAIN))
    await rolling(house, first)

    second = await house.carried_out(await house.planner.restart("production", COGNITIVE), by=RAY)

    assert second.outcome == "Verified: 6 new pods of deep-echo-cognitive are ready."
    assert (await house.operations.find(first.id)).state is State.RUNNING
    await house.operations.cancel(first.id, ANA)
    await house.ended(first.id)


async def test_a_version_that_was_never_here_is_deployed_and_its_image_id_remembered(house: House) -> None:
    plan = await house.planner.deploy("production", "main-0ddba11", MAIN)
    assert plan.changes[0].never_seen

    ended = await house.carried_out(plan)

    assert ended.outcome == "Verified: all 3 pods run main-0ddba11."
    async with house.store.read() as tx:
        assert await tx.images.recorded(f"{REGISTRY}:main-0ddba11") == image_id(f"{REGISTRY}:main-0ddba11")


async def test_another_image_under_the_same_tag_is_not_called_a_success(house: House) -> None:
    other = f"{REGISTRY}@sha256:{'5' * 64}"
    async with house.store.write() as tx:
        await tx.images.record(f"{REGISTRY}:main-abc1234", other, house.clock.now())
    runs = image_id(f"{REGISTRY}:main-abc1234").rpartition(":")[2][:12]

    ended = await house.carried_out(await house.planner.rollback("production", "abc1234", MAIN))

    assert ended.state is State.FAILED
    assert ended.outcome == (
        f"deep-echo-main did not get there: The pods run …{runs}, but this version was …555555555555 when it was last verified."
    )
    assert ended.stands == (
        "deep-echo-main was set to main-abc1234; when last seen, 3 of 3 pods were new, 3 of them ready.",
        "To put it back: `/deepecho rollback production main-9f00d12 deep-echo-main`.",
    )
    async with house.store.read() as tx:
        assert await tx.images.recorded(f"{REGISTRY}:main-abc1234") == other


async def test_a_pod_that_cannot_start_is_told_within_seconds_with_its_last_lines_and_no_secrets(house: House) -> None:
    record = await house.begin(await house.planner.deploy("production", "crash-0ddba11", MAIN))

    async def told() -> OperationNote | None:
        return next((each for each in await house.notes(record.id) if each.key.startswith("trouble-")), None)

    async with asyncio.timeout(10):
        while (note := await told()) is None:
            await asyncio.sleep(0.1)

    assert "does not come up: " in note.text
    assert any("KeyError: 'CACHE_TTL_SECONDS'" in line for line in note.log)
    assert "password=•••" in " ".join(note.log)
    assert "hunter2" not in " ".join(note.log)
    assert (await house.operations.find(record.id)).state is State.RUNNING
    await house.operations.cancel(record.id, ANA)
    ended = await house.ended(record.id)
    assert "0 of them ready (CrashLoopBackOff" in ended.stands[0] or "0 of them ready (Error" in ended.stands[0]
