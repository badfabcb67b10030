"""Trouble on request, the autoscaler, and the process on its own."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import yaml

from sandbox.cluster import FAST, ClusterFault, StandInCluster
from tests.harness.stand_in_cluster import (
    DEPLOYMENTS_PATH,
    MERGE,
    PRODUCTION,
    ClusterHarness,
    Json,
    condition,
    manifest,
    open_cluster_harness,
)

WEB = f"{DEPLOYMENTS_PATH}/web"
COGNITIVE = f"/apis/apps/v1/namespaces/{PRODUCTION}/deployments/deep-echo-cognitive"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[ClusterHarness]:
    async with open_cluster_harness(tmp_path) as harness:
        yield harness


async def test_a_status_comes_as_often_as_asked_and_where_asked(harness: ClusterHarness) -> None:
    fault = {"status": 503, "times": 2, "path_prefix": "/apis/apps", "retry_after": 3}
    assert (await harness.call("POST", "/_control/faults", fault))[0] == 200
    assert (await harness.call("GET", "/api/v1/namespaces"))[0] == 200
    async with harness.http.get(harness.cluster.url + DEPLOYMENTS_PATH) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "3")
        assert (await answer.json())["reason"] == "ServiceUnavailable"
    assert (await harness.call("GET", DEPLOYMENTS_PATH))[0] == 503
    assert (await harness.call("GET", DEPLOYMENTS_PATH))[0] == 200
    assert (await harness.call("POST", "/_control/faults", {"colour": "red"}))[0] == 400


async def test_a_write_may_be_done_though_its_answer_never_comes(harness: ClusterHarness) -> None:
    await harness.deploy()
    harness.cluster.inject_fault(ClusterFault(kind="fail_after_apply", method="PATCH"))
    with pytest.raises(aiohttp.ClientError):
        await harness.call("PATCH", WEB, {"spec": {"replicas": 2}}, MERGE)
    assert (await harness.get(WEB))["spec"]["replicas"] == 2
    (seen,) = [each for each in harness.cluster.control.writes(WEB) if each.method == "PATCH"]
    assert seen.status == 0


async def test_a_dropped_write_is_not_done(harness: ClusterHarness) -> None:
    await harness.deploy()
    harness.cluster.inject_fault(ClusterFault(kind="drop", method="PATCH"))
    with pytest.raises(aiohttp.ClientError):
        await harness.call("PATCH", WEB, {"spec": {"replicas": 2}}, MERGE)
    assert (await harness.get(WEB))["spec"]["replicas"] == 3


async def test_delays_and_hangs(harness: ClusterHarness) -> None:
    loop = asyncio.get_running_loop()
    harness.cluster.inject_fault(ClusterFault(kind="delay", seconds=0.2))
    began = loop.time()
    await harness.get(DEPLOYMENTS_PATH)
    assert loop.time() - began >= 0.2
    harness.cluster.inject_fault(ClusterFault(kind="hang"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await harness.get(DEPLOYMENTS_PATH)
    harness.cluster.inject_fault(ClusterFault(kind="hang"))
    # No GET here: the client library quietly repeats one whose connection was cut.
    hanging = asyncio.create_task(harness.call("POST", DEPLOYMENTS_PATH, manifest()))
    await asyncio.sleep(0.1)
    await harness.call("DELETE", "/_control/faults")
    with pytest.raises(aiohttp.ClientError):
        await hanging


async def test_what_was_asked_is_remembered(harness: ClusterHarness) -> None:
    await harness.deploy()
    async with harness.http.get(f"{harness.cluster.url}/_control/requests?writes=true") as answer:
        writes = await answer.json()
    assert [(each["method"], each["path"], each["status"], each["user"]) for each in writes] == [
        ("POST", DEPLOYMENTS_PATH, 201, "admin")
    ]


async def test_the_autoscaler_moves_when_told_and_within_its_bounds(tmp_path: Path) -> None:
    async with open_cluster_harness(tmp_path, seeded=True) as harness:
        before = await harness.get(COGNITIVE)
        wish: Json = {"namespace": PRODUCTION, "name": "deep-echo-cognitive", "replicas": 9}
        status, answer = await harness.call("POST", "/_control/hpa", wish)
        assert (status, answer["status"]["desiredReplicas"]) == (200, 9)
        after = await harness.wait_rolled_out(COGNITIVE)
        assert after["spec"]["replicas"] == 9
        assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1
        assert (await harness.call("POST", "/_control/hpa", {**wish, "replicas": 21}))[0] == 422
        found = await harness.get(f"/api/v1/namespaces/{PRODUCTION}/events?fieldSelector=reason=SuccessfulRescale")
        assert found["items"][0]["message"].startswith("New size: 9; reason:")


@pytest.mark.parametrize(("asked", "settles_at"), [(1, 3), (25, 20), (5, 5), (0, 0)])
async def test_the_autoscaler_puts_back_what_lies_outside_its_bounds(tmp_path: Path, asked: int, settles_at: int) -> None:
    async with open_cluster_harness(tmp_path, seeded=True) as harness:
        await harness.call("PATCH", f"{COGNITIVE}/scale", {"spec": {"replicas": asked}}, MERGE)

        async def settled() -> bool:
            hpa = await harness.get(
                COGNITIVE.replace("apps/v1", "autoscaling/v2").replace("deployments", "horizontalpodautoscalers")
            )
            return bool(hpa["status"]["currentReplicas"] == settles_at)

        await harness.wait_until(settled, f"{settles_at} pods")
        assert (await harness.wait_rolled_out(COGNITIVE))["spec"]["replicas"] == settles_at


async def test_autoscalers_can_be_read_in_their_first_version(tmp_path: Path) -> None:
    async with open_cluster_harness(tmp_path, seeded=True) as harness:
        path = f"/apis/autoscaling/v1/namespaces/{PRODUCTION}/horizontalpodautoscalers/deep-echo-cognitive"
        hpa = await harness.get(path)
        assert hpa["apiVersion"] == "autoscaling/v1"
        assert hpa["spec"]["targetCPUUtilizationPercentage"] == 70


async def test_two_clusters_at_once_know_nothing_of_each_other(tmp_path: Path) -> None:
    async with StandInCluster(pace=FAST) as one, StandInCluster(pace=FAST) as other:
        one.create(manifest())
        assert one.url != other.url
        async with aiohttp.ClientSession() as http, http.get(other.url + WEB) as answer:
            assert answer.status == 404


async def test_it_runs_as_a_program_and_stops_when_asked(tmp_path: Path) -> None:
    config = tmp_path / "kubeconfig"
    words = ("-m", "sandbox.cluster", "--kubeconfig", str(config), "--speed", "20")
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            line = (await process.stdout.readline()).decode()
        url = line.removeprefix("cluster ready: ").strip()
        contexts = yaml.safe_load(config.read_text())
        assert contexts["clusters"][0]["cluster"]["server"] == url
        assert [each["name"] for each in contexts["contexts"]] == ["development", "staging", "production"]
        async with aiohttp.ClientSession() as http, http.get(f"{url}/readyz") as answer:
            assert await answer.text() == "ok"
    finally:
        process.terminate()
        async with asyncio.timeout(5):
            code = await process.wait()
    assert code == 0


async def test_seeding_in_mid_flight_starts_what_is_not_yet_running(harness: ClusterHarness) -> None:
    harness.cluster.create(manifest("main-7"))
    deployment = await harness.wait_rolled_out(WEB)
    assert condition(deployment, "Available")["status"] == "True"
