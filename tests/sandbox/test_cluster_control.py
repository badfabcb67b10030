"""Trouble on request, the autoscaler, and the process on its own."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import yaml

from sandbox.cluster import FAST, Fault, StandInCluster
from tests.harness.stand_in_cluster import APP, MERGE, PRODUCTION, Bench, Json, condition, manifest, running

WEB = f"{APP}/web"
COGNITIVE = f"/apis/apps/v1/namespaces/{PRODUCTION}/deployments/deep-echo-cognitive"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with running(tmp_path) as bench:
        yield bench


async def test_a_status_comes_as_often_as_asked_and_where_asked(bench: Bench) -> None:
    fault = {"status": 503, "times": 2, "path_prefix": "/apis/apps", "retry_after": 3}
    assert (await bench.call("POST", "/_control/faults", fault))[0] == 200
    assert (await bench.call("GET", "/api/v1/namespaces"))[0] == 200
    async with bench.http.get(bench.cluster.url + APP) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "3")
        assert (await answer.json())["reason"] == "ServiceUnavailable"
    assert (await bench.call("GET", APP))[0] == 503
    assert (await bench.call("GET", APP))[0] == 200
    assert (await bench.call("POST", "/_control/faults", {"colour": "red"}))[0] == 400


async def test_a_write_may_be_done_though_its_answer_never_comes(bench: Bench) -> None:
    await bench.deploy()
    bench.cluster.fail(Fault(kind="fail_after_apply", method="PATCH"))
    with pytest.raises(aiohttp.ClientError):
        await bench.call("PATCH", WEB, {"spec": {"replicas": 2}}, MERGE)
    assert (await bench.get(WEB))["spec"]["replicas"] == 2
    (seen,) = [each for each in bench.cluster.control.writes(WEB) if each.method == "PATCH"]
    assert seen.status == 0


async def test_a_dropped_write_is_not_done(bench: Bench) -> None:
    await bench.deploy()
    bench.cluster.fail(Fault(kind="drop", method="PATCH"))
    with pytest.raises(aiohttp.ClientError):
        await bench.call("PATCH", WEB, {"spec": {"replicas": 2}}, MERGE)
    assert (await bench.get(WEB))["spec"]["replicas"] == 3


async def test_delays_and_hangs(bench: Bench) -> None:
    loop = asyncio.get_running_loop()
    bench.cluster.fail(Fault(kind="delay", seconds=0.2))
    began = loop.time()
    await bench.get(APP)
    assert loop.time() - began >= 0.2
    bench.cluster.fail(Fault(kind="hang"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await bench.get(APP)
    bench.cluster.fail(Fault(kind="hang"))
    # No GET here: the client library quietly repeats one whose connection was cut.
    hanging = asyncio.create_task(bench.call("POST", APP, manifest()))
    await asyncio.sleep(0.1)
    await bench.call("DELETE", "/_control/faults")
    with pytest.raises(aiohttp.ClientError):
        await hanging


async def test_what_was_asked_is_remembered(bench: Bench) -> None:
    await bench.deploy()
    async with bench.http.get(f"{bench.cluster.url}/_control/requests?writes=true") as answer:
        writes = await answer.json()
    assert [(each["method"], each["path"], each["status"], each["user"]) for each in writes] == [("POST", APP, 201, "admin")]


async def test_the_autoscaler_moves_when_told_and_within_its_bounds(tmp_path: Path) -> None:
    async with running(tmp_path, seeded=True) as bench:
        before = await bench.get(COGNITIVE)
        wish: Json = {"namespace": PRODUCTION, "name": "deep-echo-cognitive", "replicas": 9}
        status, answer = await bench.call("POST", "/_control/hpa", wish)
        assert (status, answer["status"]["desiredReplicas"]) == (200, 9)
        after = await bench.complete(COGNITIVE)
        assert after["spec"]["replicas"] == 9
        assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1
        assert (await bench.call("POST", "/_control/hpa", {**wish, "replicas": 21}))[0] == 422
        found = await bench.get(f"/api/v1/namespaces/{PRODUCTION}/events?fieldSelector=reason=SuccessfulRescale")
        assert found["items"][0]["message"].startswith("New size: 9; reason:")


@pytest.mark.parametrize(("asked", "settles_at"), [(1, 3), (25, 20), (5, 5), (0, 0)])
async def test_the_autoscaler_puts_back_what_lies_outside_its_bounds(tmp_path: Path, asked: int, settles_at: int) -> None:
    async with running(tmp_path, seeded=True) as bench:
        await bench.call("PATCH", f"{COGNITIVE}/scale", {"spec": {"replicas": asked}}, MERGE)

        async def settled() -> bool:
            hpa = await bench.get(
                COGNITIVE.replace("apps/v1", "autoscaling/v2").replace("deployments", "horizontalpodautoscalers")
            )
            return bool(hpa["status"]["currentReplicas"] == settles_at)

        await bench.until(settled, f"{settles_at} pods")
        assert (await bench.complete(COGNITIVE))["spec"]["replicas"] == settles_at


async def test_autoscalers_can_be_read_in_their_first_version(tmp_path: Path) -> None:
    async with running(tmp_path, seeded=True) as bench:
        path = f"/apis/autoscaling/v1/namespaces/{PRODUCTION}/horizontalpodautoscalers/deep-echo-cognitive"
        hpa = await bench.get(path)
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


async def test_seeding_in_mid_flight_starts_what_is_not_yet_running(bench: Bench) -> None:
    bench.cluster.create(manifest("main-7"))
    deployment = await bench.complete(WEB)
    assert condition(deployment, "Available")["status"] == "True"
