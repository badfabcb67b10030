"""Which containers move with a service, what their nodes report, and what is said where no pod runs it."""

import asyncio
from collections.abc import Iterable
from typing import Any

import aiohttp
import pytest

from domain.errors import Refused
from domain.operations.operation import State
from domain.operations.plans import Plan
from domain.workloads.containers import containers_of
from sandbox.cluster import ClusterFault, image_id, node
from sandbox.cluster.resources import NODES
from tests.harness.operations import OperationsHarness
from tests.harness.samples.team import REGISTRY

MAIN, COGNITIVE = "deep-echo-main", "deep-echo-cognitive"
PATH = "/apis/apps/v1/namespaces/deep-echo-dev/deployments/deep-echo-main"
OLD, NEW = "main-1111111", "main-2222222"
MIGRATE, APP, SIDECAR, OTHER = "migrate", "main-app", "log-shipper", "worker"
SETTLED_WITHIN = 20.0


def container(name: str, image: str, **more: str) -> dict[str, str]:
    return {"name": name, "image": image, **more}


async def patch(harness: OperationsHarness, spec: dict[str, Any]) -> None:
    """Change the Deployment of development by hand, and wait until its pods have followed."""
    headers = {"Content-Type": "application/strategic-merge-patch+json"}
    async with aiohttp.ClientSession(raise_for_status=True, headers=headers) as session:
        await session.patch(f"{harness.stand_in.url}{PATH}", json={"spec": spec})
    target = harness.target(environment="development")
    async with asyncio.timeout(SETTLED_WITHIN):
        while True:
            pods, wanted = await harness.cluster.running_pods(target), (await harness.cluster.workload(target)).replicas
            if pods.ready == pods.total == pods.ready_updated == wanted:
                return
            await asyncio.sleep(0.02)


async def set_containers(harness: OperationsHarness, init: Iterable[dict[str, str]], more: Iterable[dict[str, str]] = ()) -> None:
    main = container(APP, f"{REGISTRY}:{OLD}")
    await patch(harness, {"template": {"spec": {"initContainers": list(init), "containers": [main, *more]}}})


async def images(harness: OperationsHarness) -> dict[str, str]:
    """What the containers of the Deployment are set to: the tag of this repository's, the whole image of others'."""
    template = (await harness.cluster.workload(harness.target(environment="development"))).template
    return {each.name: each.image.removeprefix(f"{REGISTRY}:") for each in containers_of(template)}


async def test_init_containers_sidecars_and_workers_with_the_same_image_move_together(harness: OperationsHarness) -> None:
    image = f"{REGISTRY}:{OLD}"
    init = (container(MIGRATE, image), container(SIDECAR, image, restartPolicy="Always"))
    await set_containers(harness, init, [container(OTHER, image), container("redis", "redis:7.2")])

    plan = await harness.planner.deploy("development", NEW, MAIN)
    assert (plan.changes[0].containers, plan.changes[0].staying) == ((MIGRATE, SIDECAR, APP, OTHER), ())
    ended = await harness.run_plan(plan)

    assert ended.state is State.SUCCEEDED, ended.outcome
    assert str(ended.outcome).endswith(f"run {NEW} in {MIGRATE}, {SIDECAR}, {APP} and {OTHER}.")
    assert await images(harness) == {MIGRATE: NEW, SIDECAR: NEW, APP: NEW, OTHER: NEW, "redis": "redis:7.2"}

    back = await harness.run_plan(await harness.planner.rollback("development", OLD, MAIN))
    assert (back.state, str(back.outcome).split(" run ")[1]) == (
        State.SUCCEEDED,
        f"{OLD} in {MIGRATE}, {SIDECAR}, {APP} and {OTHER}.",
    )


async def test_a_container_that_stays_is_told_before_and_the_end_does_not_say_all(harness: OperationsHarness) -> None:
    mirrored = f"mirror.example:5000/{REGISTRY.partition('/')[2]}:{OLD}"
    await set_containers(harness, [container(MIGRATE, mirrored)])

    plan = await harness.planner.deploy("development", NEW, MAIN)
    told = f"Not every container of {MAIN} runs {NEW}: {MIGRATE} runs {mirrored}."
    assert told in plan.warnings
    ended = await harness.run_plan(plan)

    assert (ended.state, await images(harness)) == (State.SUCCEEDED, {MIGRATE: mirrored, APP: NEW})
    assert str(ended.outcome).endswith(f" {told}")
    assert " all " not in str(ended.outcome)


async def test_a_rollback_puts_back_the_two_versions_that_ran_together_and_says_so(harness: OperationsHarness) -> None:
    await set_containers(harness, [container(MIGRATE, f"{REGISTRY}:main-0000000")])
    await harness.run_plan(await harness.planner.deploy("development", NEW, MAIN))

    plan = await harness.planner.rollback("development", OLD, MAIN)
    told = f"Not every container of {MAIN} runs {OLD}: {MIGRATE} runs {REGISTRY}:main-0000000."
    assert told in plan.warnings
    ended = await harness.run_plan(plan)

    assert (ended.state, await images(harness)) == (State.SUCCEEDED, {MIGRATE: "main-0000000", APP: OLD})
    assert str(ended.outcome).endswith(f" {told}")


def add_node(harness: OperationsHarness, name: str, *names: str, **info: str) -> None:
    """A node that names the new version's image in its own way."""
    harness.stand_in.create(node(name, ({"names": [*names, f"{REGISTRY}:{NEW}"]},), **info))


async def deploy_on_several_nodes(harness: OperationsHarness) -> tuple[State, str]:
    await patch(harness, {"replicas": 4})
    ended = await harness.run_plan(await harness.planner.deploy("development", NEW, MAIN))
    return ended.state, str(ended.outcome)


async def test_nodes_of_two_architectures_are_no_failure_and_not_called_the_same(harness: OperationsHarness) -> None:
    add_node(harness, "arm-1", f"{REGISTRY}@sha256:{'c' * 64}", architecture="arm64")
    state, outcome = await deploy_on_several_nodes(harness)
    assert state is State.SUCCEEDED
    assert outcome.startswith(f"Verified: all 4 pods run {NEW}. Whether all of them run the same content cannot be told: ")
    assert "…cccccccccccc" in outcome


async def test_two_contents_under_one_tag_are_no_success(harness: OperationsHarness) -> None:
    add_node(harness, "stand-in-2", f"{REGISTRY}@sha256:{'c' * 64}")
    state, outcome = await deploy_on_several_nodes(harness)
    assert state is State.FAILED
    assert "The pods run 2 different images under one name: " in outcome


LIST, MANIFEST = f"{REGISTRY}@sha256:{'a' * 64}", f"{REGISTRY}@sha256:{'b' * 64}"


async def deploy_beside(harness: OperationsHarness, *names: str) -> tuple[State, str]:
    """Deploy on a node that names the list of manifests first, and on one that names its platform's manifest first."""
    harness.stand_in.store.modify(NODES, ("", "stand-in-1"), lambda each: each["status"].update(images=[listed(LIST)]))
    add_node(harness, "stand-in-2", MANIFEST, *names)
    return await deploy_on_several_nodes(harness)


def listed(*names: str) -> dict[str, Any]:
    return {"names": [*names, f"{REGISTRY}:{NEW}"]}


async def test_a_list_and_its_platforms_manifest_are_one_content_where_a_node_knows_both(harness: OperationsHarness) -> None:
    assert await deploy_beside(harness, LIST) == (State.SUCCEEDED, f"Verified: all 4 pods run {NEW}.")


async def test_a_third_digest_links_two_that_no_node_lists_together(harness: OperationsHarness) -> None:
    third = f"mirror.example/shop@sha256:{'d' * 64}"
    harness.stand_in.create(node("stand-in-3", (listed(LIST, third),)))
    assert await deploy_beside(harness, third) == (State.SUCCEEDED, f"Verified: all 4 pods run {NEW}.")


async def test_digests_that_no_node_lists_together_are_not_called_the_same(harness: OperationsHarness) -> None:
    state, outcome = await deploy_beside(harness)
    assert state is State.FAILED
    assert "The pods run 2 different images under one name: …aaaaaaaaaaaa, …bbbbbbbbbbbb." in outcome


async def test_without_the_right_to_read_nodes_it_cannot_be_told(harness: OperationsHarness) -> None:
    harness.stand_in.inject_fault(ClusterFault(kind="status", status=403, times=1_000, path_prefix="/api/v1/nodes"))
    state, outcome = await deploy_beside(harness, LIST)
    assert state is State.SUCCEEDED
    assert "Whether all of them run the same content cannot be told: nodes name it …aaaaaaaaaaaa and …bbbbbbbbbbbb." in outcome


async def test_a_mirrors_name_with_the_same_digest_is_the_same(harness: OperationsHarness) -> None:
    digest = image_id(f"{REGISTRY}:{NEW}").rpartition("@")[2]
    add_node(harness, "arm-1", f"docker-pullable://mirror.example:5000/shop@{digest}", architecture="arm64")
    assert await deploy_on_several_nodes(harness) == (State.SUCCEEDED, f"Verified: all 4 pods run {NEW}.")


async def idle(harness: OperationsHarness) -> None:
    await patch(harness, {"replicas": 0})


async def plan_of(harness: OperationsHarness, verb: str) -> Plan:
    match verb:
        case "deploy":
            return await harness.planner.deploy("development", NEW, MAIN)
        case "rollback":
            return await harness.planner.rollback("development", "last", MAIN)
        case _:
            return await harness.planner.restart("development", MAIN)


@pytest.mark.parametrize("verb", ["deploy", "rollback", "restart"])
async def test_what_no_pod_runs_is_set_and_not_called_verified(harness: OperationsHarness, verb: str) -> None:
    await idle(harness)
    plan = await plan_of(harness, verb)
    assert any(f"{MAIN} has 0 pods: " in str(each) for each in plan.warnings)

    ended = await harness.run_plan(plan)

    what = "The restart" if verb == "restart" else plan.changes[0].after.version
    assert (ended.state, ended.outcome) == (State.SUCCEEDED, f"{what} is set, and nothing runs it: {MAIN} has 0 pods.")


async def test_to_zero_and_from_zero(harness: OperationsHarness) -> None:
    await patch(harness, {"replicas": 2})
    down = await harness.run_plan(await harness.planner.scale("development", MAIN, 0))
    assert (down.state, down.outcome) == (
        State.SUCCEEDED,
        f"Verified: no pod of {MAIN} is left (there were 2), and nothing runs it.",
    )
    up = await harness.run_plan(await harness.planner.scale("development", MAIN, 1))
    assert (up.state, up.outcome) == (State.SUCCEEDED, "Verified: 1 pod is ready (there were 0).")


@pytest.mark.parametrize("number", ["", "#"])
async def test_a_deploy_of_the_version_that_runs_moves_the_container_that_was_left_behind(
    harness: OperationsHarness, number: str
) -> None:
    await set_containers(harness, [container(MIGRATE, f"{REGISTRY}:main-0000000")])
    revision = (await harness.cluster.workload(harness.target(environment="development"))).revision

    plan = await harness.planner.deploy("development", f"#{revision}" if number else OLD, MAIN)
    ended = await harness.run_plan(plan)

    assert (ended.state, await images(harness)) == (State.SUCCEEDED, {MIGRATE: OLD, APP: OLD})
    assert str(ended.outcome).endswith(f"run {OLD} in {MIGRATE} and {APP}.")
    with pytest.raises(Refused, match=f"already runs? {OLD}"):
        await harness.planner.deploy("development", f"#{revision + 1}" if number else OLD, MAIN)
