"""The cluster misbehaves while an operation runs: it gets there all the same, or says what stands."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import stamina

from domain.operations.operation import OperationRecord, Phase, State
from sandbox.cluster import FAST, Fault
from sandbox.cluster.resources import DEPLOYMENTS
from tests.harness.cluster_namespace import Json, until
from tests.harness.operations import House, open_house
from tests.harness.samples.team import RAY, catalogue_data, team_catalogue

MAIN, COGNITIVE = "deep-echo-main", "deep-echo-cognitive"
NAMESPACE = "deep-echo-prod"
PATH = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
SLOWER = FAST.scaled(10)
"""A pod is ready after half a second."""
OUTAGE = 0.8
"""Seconds; the engine's patience is 120."""


class Points:
    """Makes something happen at one point of one step, once."""

    def __init__(self) -> None:
        self._awaited: dict[tuple[str, str], Callable[[], object]] = {}

    def at(self, step: str, point: str, happens: Callable[[], object]) -> None:
        self._awaited[step, point] = happens

    def __call__(self, _operation: str, step: str, point: str, /) -> None:
        self._awaited.pop((step, point), lambda: None)()


async def rolled_back(house: House, service: str | None = MAIN) -> OperationRecord:
    return await house.carried_out(await house.planner.rollback("production", "abc1234", service))


async def assert_changed_once(house: House, ended: OperationRecord) -> None:
    assert (ended.state, ended.outcome) == (State.SUCCEEDED, "Verified: all 3 pods run main-abc1234.")
    assert (await house.image()).endswith(":main-abc1234")
    assert await house.revisions() == 7
    assert await house.locks() == ()


@pytest.mark.parametrize("step", ["plan again", f"change {MAIN}", f"watch {MAIN}", f"verify {MAIN}"])
async def test_a_cluster_that_is_away_for_a_while_is_waited_for(tmp_path: Path, step: str) -> None:
    points = Points()
    async with open_house(tmp_path, observer=points) as house:

        def away() -> None:
            house.stand_in.fail(Fault(kind="drop", times=1_000_000))
            house.stand_in.drop_watches()
            asyncio.get_running_loop().call_later(OUTAGE, house.stand_in.control.clear)

        points.at(step, "before", away)
        await assert_changed_once(house, await rolled_back(house))


@pytest.mark.parametrize("trouble", ["dropped", "410", "away"])
async def test_a_watch_that_breaks_in_the_middle_loses_nothing(tmp_path: Path, trouble: str) -> None:
    async with open_house(tmp_path, pace=SLOWER) as house:
        record = await house.begin(await house.planner.rollback("production", "abc1234", MAIN))
        await house.reached(record.id, lambda one: one.of(MAIN).phase is Phase.ROLLING and one.of(MAIN).updated > 0)
        if trouble == "410":
            house.stand_in.compact()
            house.stand_in.fail(Fault(kind="status", status=410, times=2, path_prefix=PATH))
        if trouble == "away":
            house.stand_in.fail(Fault(kind="status", status=503, times=3, path_prefix=PATH))
        assert house.stand_in.drop_watches() > 0

        await assert_changed_once(house, await house.ended(record.id))


@pytest.mark.parametrize("kind", ["fail_after_apply", "drop"])
async def test_a_lost_answer_changes_it_once(tmp_path: Path, kind: str) -> None:
    async with open_house(tmp_path) as house:
        fault = Fault(kind="drop" if kind == "drop" else "fail_after_apply", method="PATCH", path_prefix=PATH)
        house.stand_in.fail(fault)
        await assert_changed_once(house, await rolled_back(house))


async def test_a_cluster_that_falls_silent_after_the_change_leaves_it_unknown(house: House) -> None:
    house.stand_in.fail(Fault(kind="fail_after_apply", method="PATCH", path_prefix=PATH))

    async def silent() -> None:
        await until(lambda: not house.stand_in.control.faults)
        house.stand_in.fail(Fault(kind="status", status=503, times=1_000, path_prefix=PATH))

    silence = asyncio.create_task(silent())
    with stamina.set_testing(True, attempts=2):  # as after two minutes
        ended = await rolled_back(house)
    await silence
    house.stand_in.control.clear()

    assert ended.state is State.FAILED
    assert ended.stands == (
        "Whether deep-echo-main was changed is not known; `/deepecho status production deep-echo-main` shows it.",
    )
    assert (await house.image()).endswith(":main-abc1234")


@pytest.mark.parametrize(
    ("step", "verb", "stands"),
    [
        ("plan again", "get", "Nothing was changed."),
        (f"change {MAIN}", "patch", "deep-echo-main was not changed; it ran main-9f00d12 when this was planned."),
        (
            f"watch {MAIN}",
            "list",
            "deep-echo-main was set to main-abc1234; when last seen, 0 of 3 pods were new, 0 of them ready. ",
        ),
    ],
)
async def test_a_missing_permission_ends_it_in_words(tmp_path: Path, step: str, verb: str, stands: str) -> None:
    points = Points()
    async with open_house(tmp_path, observer=points) as house:
        method = "PATCH" if verb == "patch" else "GET"
        fault = Fault(kind="status", status=403, times=1_000, method=method, path_prefix=PATH)
        points.at(step, "before", lambda: house.stand_in.fail(fault))
        points.at("how it stands", "before", house.stand_in.control.clear)

        ended = await rolled_back(house)

        assert ended.state is State.FAILED
        assert ended.outcome.startswith("The bot may not ")
        assert f"its account needs the verb {verb} on deployments.apps" in ended.outcome
        assert ended.stands[0].startswith(stands)
        assert await house.locks() == ()
        assert (await house.notes(ended.id))[-1].text == ended.outcome


async def test_the_second_service_moved_meanwhile_so_it_is_left_alone_and_the_first_stays_changed(tmp_path: Path) -> None:
    points = Points()
    async with open_house(tmp_path, observer=points) as house:

        def shipped(deployment: Json) -> None:
            container = deployment["spec"]["template"]["spec"]["containers"][0]
            container["image"] = container["image"].replace("main-9f00d12", "main-77aa001")

        points.at(
            f"time: {COGNITIVE}",
            "recorded",
            lambda: house.stand_in.store.modify(DEPLOYMENTS, (NAMESPACE, COGNITIVE), shipped),
        )
        ended = await rolled_back(house, None)

        assert ended.state is State.DRIFTED
        assert ended.outcome == (
            "deep-echo-cognitive in production was changed after this was planned: it now runs main-77aa001."
        )
        assert ended.stands == (
            "deep-echo-main runs main-abc1234, verified.",
            "deep-echo-cognitive was not changed; it ran main-9f00d12 when this was planned.",
        )
        assert (await house.image(name=COGNITIVE)).endswith(":main-77aa001")


async def test_a_deployment_that_is_deleted_in_the_middle_is_said(tmp_path: Path) -> None:
    async with open_house(tmp_path, pace=SLOWER) as house:
        record = await house.begin(await house.planner.restart("production", MAIN), by=RAY)
        await house.reached(record.id, lambda one: one.of(MAIN).phase is Phase.ROLLING and one.of(MAIN).updated > 0)
        house.stand_in.store.remove(DEPLOYMENTS, (NAMESPACE, MAIN))

        ended = await house.ended(record.id)

        assert (ended.state, ended.outcome) == (
            State.FAILED,
            "deep-echo-main did not get there: The Deployment was deleted.",
        )


async def test_a_rollout_that_takes_too_long_is_called_failed_with_the_reason_and_the_way_back(tmp_path: Path) -> None:
    environments = catalogue_data()["environments"]
    environments["production"]["rollout_minutes"] = 0.025
    async with open_house(tmp_path, catalogue=team_catalogue(environments=environments)) as house:
        ended = await house.carried_out(await house.planner.deploy("production", "bad-0ddba11", MAIN))

        assert ended.state is State.FAILED
        assert ended.outcome == (
            "deep-echo-main did not get there: "
            "The rollout of deep-echo-main in production has not finished within 1.5 s; it may still do so."
        )
        assert ended.of(MAIN).phase is Phase.FAILED
        assert "0 of them ready (ImagePullBackOff). Pods of main-9f00d12 keep running" in ended.stands[0]
        assert ended.stands[1] == "To put it back: `/deepecho rollback production main-9f00d12 deep-echo-main`."
        assert ended.ended_at is not None
        assert (ended.ended_at - ended.requested_at).total_seconds() < 20

        back = await house.carried_out(await house.planner.rollback("production", "main-9f00d12", MAIN))
        assert back.outcome == "Verified: all 3 pods run main-9f00d12."


async def test_a_failure_sooner_than_the_first_look_at_pods_still_tells_why(house: House) -> None:
    def hasty(deployment: Json) -> None:
        deployment["spec"]["progressDeadlineSeconds"] = 1

    house.stand_in.store.modify(DEPLOYMENTS, (NAMESPACE, MAIN), hasty)
    ended = await house.carried_out(await house.planner.deploy("production", "bad-0ddba11", MAIN))

    assert ended.outcome == "deep-echo-main did not get there: It made no progress for 1 s (Kubernetes' progress deadline)."
    troubles = [each for each in await house.notes(ended.id) if each.key.startswith("trouble-")]
    assert troubles
    assert "PullBackOff" in ended.stands[0] or "ErrImagePull" in ended.stands[0]
