"""What a rollback leaves, compared with what ``kubectl rollout undo`` leaves, and how long the two take."""

import asyncio
import json
import statistics
import sys
import time

import pytest

from domain.operations.operation import Decision, State
from tests.harness.cluster_namespace import ROLLOUT_TIMEOUT, ClusterNamespace, Json
from tests.harness.operations import OperationsHarness
from tests.harness.samples.team import ANA, LEE

pytestmark = pytest.mark.cluster

FIRST, SECOND, THIRD = "main-aaaaaaa", "main-bbbbbbb", "main-ccccccc"
RESTARTED = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-23T14:02:00Z"}}}}}
"""What ``kubectl rollout restart`` sets, with one time for both twins: a second's difference would be in their templates."""
OWN_ANNOTATIONS = {"deepecho/operation", "kubernetes.io/change-cause"}


async def with_history(namespace: ClusterNamespace) -> None:
    """Three versions, a restart, and annotations that came, went and changed."""
    await namespace.deploy(FIRST, annotations={"team": "blue", "kubernetes.io/change-cause": "first"}, labels={"tier": "front"})
    await namespace.kubectl("annotate", "deployment", "web", "kubectl.kubernetes.io/last-applied-configuration={}")
    await namespace.set_version(SECOND, cause="second", annotations={"team": "red", "only": "now"})
    await namespace.kubectl("patch", "deployment", "web", "--patch", json.dumps(RESTARTED))
    await wait_rolled_out(namespace)
    await namespace.set_version(THIRD, cause="third")


async def wait_rolled_out(namespace: ClusterNamespace) -> None:
    await namespace.kubectl("rollout", "status", "deployment/web", f"--timeout={ROLLOUT_TIMEOUT:.0f}s")


def without_own_annotations(obj: Json) -> dict[str, str]:
    return {key: value for key, value in obj["metadata"]["annotations"].items() if key not in OWN_ANNOTATIONS}


async def revisions_kept(namespace: ClusterNamespace) -> list[tuple[str, int, dict[str, str]]]:
    """The versions that the Deployment keeps: template, replicas, annotations."""
    found = await namespace.api.call("GET", f"/apis/apps/v1/namespaces/{namespace.name}/replicasets")
    return sorted(
        (json.dumps(each["spec"]["template"]), each["spec"]["replicas"], without_own_annotations(each)) for each in found["items"]
    )


@pytest.mark.parametrize(("version", "number"), [(FIRST, 1), (SECOND, 3)])
async def test_the_deployment_equals_what_kubectl_undo_makes_of_it(
    harness: OperationsHarness, namespace: ClusterNamespace, kubectl_namespace: ClusterNamespace, version: str, number: int
) -> None:
    await asyncio.gather(with_history(namespace), with_history(kubectl_namespace))

    ended = await harness.run_plan(await harness.planner.rollback("production", version, "web"))
    await kubectl_namespace.kubectl("rollout", "undo", "deployment/web", f"--to-revision={number}")
    await wait_rolled_out(kubectl_namespace)

    assert ended.state is State.SUCCEEDED
    ours, theirs = await namespace.deployment(), await kubectl_namespace.deployment()
    assert json.dumps(ours["spec"]["template"]) == json.dumps(theirs["spec"]["template"])
    assert json.dumps(ours["spec"]) == json.dumps(theirs["spec"])
    assert without_own_annotations(ours) == without_own_annotations(theirs)
    assert ours["metadata"]["annotations"]["deepecho/operation"] == ended.id
    assert ours["metadata"]["labels"] == theirs["metadata"]["labels"]
    assert ours["metadata"]["generation"] == theirs["metadata"]["generation"]
    assert await revisions_kept(namespace) == await revisions_kept(kubectl_namespace)


RUNS = 5
MAX_TIME_RATIO = 1.2
SLOW = ("slow-aaaaaaa", "slow-bbbbbbb")
"""Tags whose pods are ready after 5 s; three of them are replaced one by one."""


async def test_from_decision_to_settled_it_takes_at_most_a_fifth_longer_than_kubectl(
    harness: OperationsHarness,
    namespace: ClusterNamespace,
    kubectl_namespace: ClusterNamespace,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Five runs of each, interleaved; every run starts from a settled Deployment of three pods and goes to the other version."""
    await asyncio.gather(*(deploy_slow_versions(each) for each in (namespace, kubectl_namespace)))
    measures = {
        "deepecho": lambda: time_own_rollback(harness, namespace),
        "kubectl": lambda: time_kubectl_rollback(kubectl_namespace),
    }
    times: dict[str, list[float]] = {name: [] for name in measures}
    for run in range(RUNS):
        for name in sorted(measures, reverse=run % 2 == 1):
            times[name].append(await measures[name]())
    medians = {name: statistics.median(each) for name, each in times.items()}
    ratio = medians["deepecho"] / medians["kubectl"]
    with capsys.disabled():
        for name, each in times.items():
            sys.stdout.write(f"\n{name}: median {medians[name]:.2f} s of {', '.join(f'{one:.2f}' for one in each)}")
        sys.stdout.write(f"\nratio of medians {ratio:.3f} (limit {MAX_TIME_RATIO}) ")
    assert ratio <= MAX_TIME_RATIO


async def deploy_slow_versions(namespace: ClusterNamespace) -> None:
    await namespace.deploy(SLOW[0], spec={"replicas": 3})
    await namespace.set_version(SLOW[1])


async def other_revision(namespace: ClusterNamespace) -> tuple[int, str]:
    """The revision that does not run, and its version."""
    found = await namespace.api.call("GET", f"/apis/apps/v1/namespaces/{namespace.name}/replicasets")
    (idle,) = [each for each in found["items"] if each["spec"]["replicas"] == 0]
    tag = idle["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]
    return int(idle["metadata"]["annotations"]["deployment.kubernetes.io/revision"]), tag


async def time_own_rollback(harness: OperationsHarness, namespace: ClusterNamespace) -> float:
    """From just before the decision's row is written until the end stands in the database: pods verified, lock freed."""
    number, tag = await other_revision(namespace)
    plan = await harness.planner.rollback("production", tag, "web")
    record = await harness.operations.start(plan, source=f"run {number} {tag}", by=ANA, channel="C1", reason="r")
    began = time.perf_counter()
    await harness.operations.decide(record.id, LEE, Decision.APPROVED)
    ended = await harness.wait_ended(record.id)
    took = time.perf_counter() - began
    assert (ended.state, ended.outcome) == (State.SUCCEEDED, f"Verified: all 3 pods run {tag}.")
    return took


async def time_kubectl_rollback(namespace: ClusterNamespace) -> float:
    number, tag = await other_revision(namespace)
    began = time.perf_counter()
    await namespace.kubectl("rollout", "undo", "deployment/web", f"--to-revision={number}")
    await wait_rolled_out(namespace)
    took = time.perf_counter() - began
    assert (await namespace.deployment())["spec"]["template"]["spec"]["containers"][0]["image"].endswith(f":{tag}")
    return took
