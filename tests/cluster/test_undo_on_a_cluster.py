"""What a rollback leaves, compared with what ``kubectl rollout undo`` leaves, and how long the two take."""

import asyncio
import json
import statistics
import sys
import time

import pytest

from domain.operations.operation import Decision, State
from tests.harness.cluster_namespace import PATIENCE, Json, Place
from tests.harness.operations import House
from tests.harness.samples.team import ANA, LEE

pytestmark = pytest.mark.cluster

FIRST, SECOND, THIRD = "main-aaaaaaa", "main-bbbbbbb", "main-ccccccc"
RESTARTED = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-23T14:02:00Z"}}}}}
"""What ``kubectl rollout restart`` sets, with one time for both twins: a second's difference would be in their templates."""
OURS_ALONE = {"deepecho/operation", "kubernetes.io/change-cause"}


async def with_history(place: Place) -> None:
    """Three versions, a restart, and annotations that came, went and changed."""
    await place.deploy(FIRST, annotations={"team": "blue", "kubernetes.io/change-cause": "first"}, labels={"tier": "front"})
    await place.kubectl("annotate", "deployment", "web", "kubectl.kubernetes.io/last-applied-configuration={}")
    await place.ship(SECOND, cause="second", notes={"team": "red", "only": "now"})
    await place.kubectl("patch", "deployment", "web", "--patch", json.dumps(RESTARTED))
    await settled(place)
    await place.ship(THIRD, cause="third")


async def settled(place: Place) -> None:
    await place.kubectl("rollout", "status", "deployment/web", f"--timeout={PATIENCE:.0f}s")


def without_ours(obj: Json) -> dict[str, str]:
    return {key: value for key, value in obj["metadata"]["annotations"].items() if key not in OURS_ALONE}


async def sets(place: Place) -> list[tuple[str, int, dict[str, str]]]:
    """The versions that the Deployment keeps: template, replicas, annotations."""
    found = await place.api.call("GET", f"/apis/apps/v1/namespaces/{place.namespace}/replicasets")
    return sorted((json.dumps(each["spec"]["template"]), each["spec"]["replicas"], without_ours(each)) for each in found["items"])


@pytest.mark.parametrize(("version", "number"), [(FIRST, 1), (SECOND, 3)])
async def test_the_deployment_equals_what_kubectl_undo_makes_of_it(
    house: House, place: Place, twin: Place, version: str, number: int
) -> None:
    await asyncio.gather(with_history(place), with_history(twin))

    ended = await house.carried_out(await house.planner.rollback("production", version, "web"))
    await twin.kubectl("rollout", "undo", "deployment/web", f"--to-revision={number}")
    await settled(twin)

    assert ended.state is State.SUCCEEDED
    ours, theirs = await place.deployment(), await twin.deployment()
    assert json.dumps(ours["spec"]["template"]) == json.dumps(theirs["spec"]["template"])
    assert json.dumps(ours["spec"]) == json.dumps(theirs["spec"])
    assert without_ours(ours) == without_ours(theirs)
    assert ours["metadata"]["annotations"]["deepecho/operation"] == ended.id
    assert ours["metadata"]["labels"] == theirs["metadata"]["labels"]
    assert ours["metadata"]["generation"] == theirs["metadata"]["generation"]
    assert await sets(place) == await sets(twin)


RUNS = 5
MOST = 1.2
SLOW = ("slow-aaaaaaa", "slow-bbbbbbb")
"""Tags whose pods are ready after 5 s; three of them are replaced one by one."""


async def test_from_decision_to_settled_it_takes_at_most_a_fifth_longer_than_kubectl(
    house: House, place: Place, twin: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """Five runs of each, interleaved; every run starts from a settled Deployment of three pods and goes to the other version."""
    await asyncio.gather(*(slow_ones(each) for each in (place, twin)))
    measures = {"deepecho": lambda: time_of_ours(house, place), "kubectl": lambda: time_of_kubectl(twin)}
    times: dict[str, list[float]] = {name: [] for name in measures}
    for run in range(RUNS):
        for name in sorted(measures, reverse=run % 2 == 1):
            times[name].append(await measures[name]())
    medians = {name: statistics.median(each) for name, each in times.items()}
    ratio = medians["deepecho"] / medians["kubectl"]
    with capsys.disabled():
        for name, each in times.items():
            sys.stdout.write(f"\n{name}: median {medians[name]:.2f} s of {', '.join(f'{one:.2f}' for one in each)}")
        sys.stdout.write(f"\nratio of medians {ratio:.3f} (limit {MOST}) ")
    assert ratio <= MOST


async def slow_ones(place: Place) -> None:
    await place.deploy(SLOW[0], spec={"replicas": 3})
    await place.ship(SLOW[1])


async def other_revision(place: Place) -> tuple[int, str]:
    """The revision that does not run, and its version."""
    found = await place.api.call("GET", f"/apis/apps/v1/namespaces/{place.namespace}/replicasets")
    (idle,) = [each for each in found["items"] if each["spec"]["replicas"] == 0]
    tag = idle["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]
    return int(idle["metadata"]["annotations"]["deployment.kubernetes.io/revision"]), tag


async def time_of_ours(house: House, place: Place) -> float:
    """From just before the decision's row is written until the end stands in the database: pods verified, lock freed."""
    number, tag = await other_revision(place)
    plan = await house.planner.rollback("production", tag, "web")
    record = await house.operations.start(plan, source=f"run {number} {tag}", by=ANA, channel="C1", reason="r")
    began = time.perf_counter()
    await house.operations.decide(record.id, LEE, Decision.APPROVED)
    ended = await house.ended(record.id)
    took = time.perf_counter() - began
    assert (ended.state, ended.outcome) == (State.SUCCEEDED, f"Verified: all 3 pods run {tag}.")
    return took


async def time_of_kubectl(place: Place) -> float:
    number, tag = await other_revision(place)
    began = time.perf_counter()
    await place.kubectl("rollout", "undo", "deployment/web", f"--to-revision={number}")
    await settled(place)
    took = time.perf_counter() - began
    assert (await place.deployment())["spec"]["template"]["spec"]["containers"][0]["image"].endswith(f":{tag}")
    return took
