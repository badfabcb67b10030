"""The demo services: their metrics are those of the versions that are ready to answer in the cluster."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.cluster import CONTEXTS, FAST, HUMAN, ClusterFault, Pace
from sandbox.cluster.resources import DEPLOYMENTS
from sandbox.demo import running_demo
from tests.harness.fakes.clock import StoppedClock
from tests.harness.monitoring import Samples, deploy_tag, scale_component, scrape, wait_until
from tests.harness.stand_in_cluster import ClusterHarness, open_cluster_harness

REQUESTS = "flask_http_request_total"
BUCKETS = "flask_http_request_duration_seconds_bucket"
SPAN = timedelta(seconds=100)


@dataclass(slots=True)
class DemoHarness:
    """The demo services of a running cluster, at a time that goes on when it is told to."""

    cluster_harness: ClusterHarness
    url: str
    clock: StoppedClock

    async def metrics(self, job: str, environment: str = "production") -> Samples:
        found = await scrape(self.cluster_harness.http, self.url, job, environment)
        assert found is not None, f"{job} is down"
        return found

    async def wait_versions(self, job: str, versions: dict[str, int], environment: str = "production") -> None:
        """Until it is served by just so many pods of these versions."""

        async def look() -> bool:
            found = await scrape(self.cluster_harness.http, self.url, job, environment)
            return found is not None and versions_of(found) == versions

        await wait_until(look, f"{job} runs {versions}")

    async def wait_down(self, job: str) -> None:
        async def look() -> bool:
            return await scrape(self.cluster_harness.http, self.url, job) is None

        await wait_until(look, f"{job} is down")

    async def error_rate_and_p95(self, job: str, environment: str = "production") -> tuple[float, float]:
        """Per cent of errors and seconds of p95 over the next hundred seconds."""
        before = await self.metrics(job, environment)
        self.clock.advance(SPAN)
        after = await self.metrics(job, environment)
        assert all(after[name] >= value for name, value in before.items() if name[0] in (REQUESTS, BUCKETS))
        gained = {name: after[name] - before.get(name, 0) for name in after}
        return error_rate(gained), p95(gained)


def versions_of(samples: Samples) -> dict[str, int]:
    return {dict(labels)["version"]: int(value) for (name, labels), value in samples.items() if name == "deep_echo_ready_pods"}


def error_rate(gained: Samples) -> float:
    by_status = {dict(labels)["status"]: value for (name, labels), value in gained.items() if name == REQUESTS}
    return 100 * sum(value for status, value in by_status.items() if status[0] == "5") / sum(by_status.values())


def p95(gained: Samples) -> float:
    """The lowest bound that 95 of 100 requests stay below."""
    by_bound = {float(dict(labels)["le"]): value for (name, labels), value in gained.items() if name == BUCKETS}
    return min(bound for bound, value in by_bound.items() if value >= 0.95 * by_bound[float("inf")])


def single_value(samples: Samples, name: str) -> float:
    return next(value for (each, _), value in samples.items() if each == name)


@pytest.fixture
async def demo_harness(tmp_path: Path) -> AsyncIterator[DemoHarness]:
    async with open_demo_harness(tmp_path, FAST) as opened:
        yield opened


@asynccontextmanager
async def open_demo_harness(folder: Path, pace: Pace) -> AsyncIterator[DemoHarness]:
    clock = StoppedClock()
    async with open_cluster_harness(folder, seeded=True, pace=pace) as harness:
        kubeconfig = harness.cluster.kubeconfig(folder / "kubeconfig", context="production")
        async with running_demo(kubeconfig, clock=clock) as demo:
            yield DemoHarness(harness, demo.url, clock)


async def test_a_bad_version_raises_errors_and_latency_of_its_service_until_it_is_rolled_back(demo_harness: DemoHarness) -> None:
    await demo_harness.wait_versions("deep-echo-main", {"main-9f00d12": 3})
    errors, slowness = await demo_harness.error_rate_and_p95("deep-echo-main")
    assert errors == pytest.approx(0.3, abs=0.05)
    assert slowness in (0.3, 0.4)

    await deploy_tag(demo_harness.cluster_harness, "main-bad5eed")
    await demo_harness.wait_versions("deep-echo-main", {"main-bad5eed": 3})
    errors, slowness = await demo_harness.error_rate_and_p95("deep-echo-main")
    assert errors == pytest.approx(14, abs=0.2)
    assert slowness in (2.0, 2.5)
    assert (await demo_harness.error_rate_and_p95("deep-echo-cognitive"))[0] < 1
    assert (await demo_harness.error_rate_and_p95("deep-echo-main", "staging"))[0] < 1

    await deploy_tag(demo_harness.cluster_harness, "main-9f00d12")
    await demo_harness.wait_versions("deep-echo-main", {"main-9f00d12": 3})
    assert (await demo_harness.error_rate_and_p95("deep-echo-main"))[0] < 1


async def test_in_the_middle_of_a_rollout_each_version_serves_its_share(tmp_path: Path) -> None:
    async with open_demo_harness(tmp_path, HUMAN.scaled(0.25)) as demo_harness:
        await deploy_tag(demo_harness.cluster_harness, "main-bad5eed")

        async def measured() -> tuple[float, float] | None:
            """The bad version's share of the pods, and per cent of errors, if both were seen at both ends."""
            before = versions_of(await demo_harness.metrics("deep-echo-main"))
            errors, _ = await demo_harness.error_rate_and_p95("deep-echo-main")
            steady = versions_of(await demo_harness.metrics("deep-echo-main")) == before and len(before) == 2
            return (before["main-bad5eed"] / sum(before.values()), errors) if steady else None

        share, errors = await wait_until(measured, "two versions answer")
        assert 0 < share < 1
        assert errors == pytest.approx(14 * share + 0.3 * (1 - share), abs=0.5)


async def test_a_bad_version_that_does_not_come_up_serves_nobody(demo_harness: DemoHarness) -> None:
    await deploy_tag(demo_harness.cluster_harness, "crash-bad5eed")

    async def crashed() -> bool:
        pods = await demo_harness.cluster_harness.pods("deep-echo-main", CONTEXTS["production"])
        return any(status["restartCount"] for each in pods for status in each["status"].get("containerStatuses", []))

    await wait_until(crashed, "a pod crashes")
    await demo_harness.wait_versions("deep-echo-main", {"main-9f00d12": 3})
    assert (await demo_harness.error_rate_and_p95("deep-echo-main"))[0] < 1


async def test_a_service_without_ready_pods_is_down_and_others_feel_it(demo_harness: DemoHarness) -> None:
    assert single_value(await demo_harness.metrics("deep-echo-load-balancer"), "healthy_backends") == 3
    assert single_value(await demo_harness.metrics("redis"), "redis_up") == 1
    await scale_component(demo_harness.cluster_harness, 0, "main")
    await scale_component(demo_harness.cluster_harness, 0, "cache")
    await demo_harness.wait_down("deep-echo-main")
    await demo_harness.wait_down("deep-echo-cache")
    assert single_value(await demo_harness.metrics("deep-echo-load-balancer"), "healthy_backends") == 0
    assert single_value(await demo_harness.metrics("redis"), "redis_up") == 0
    assert single_value(await demo_harness.metrics("redis", "staging"), "redis_up") == 1


async def test_what_was_seen_last_stands_while_the_cluster_does_not_answer(demo_harness: DemoHarness) -> None:
    demo_harness.cluster_harness.cluster.inject_fault(
        ClusterFault(kind="status", status=500, times=100_000, path_prefix="/apis/")
    )
    await change_while_unreachable(demo_harness)
    assert (await demo_harness.error_rate_and_p95("deep-echo-main"))[0] < 1
    demo_harness.cluster_harness.cluster.control.clear_faults()
    await demo_harness.wait_down("deep-echo-main")


async def change_while_unreachable(demo_harness: DemoHarness) -> None:
    """The cluster changes, and was asked about it in vain."""
    key = (CONTEXTS["production"], "deep-echo-main")
    demo_harness.cluster_harness.cluster.store.modify(DEPLOYMENTS, key, lambda each: each["spec"].update(replicas=0))

    async def asked_in_vain() -> bool:
        return sum(each.status == 500 for each in demo_harness.cluster_harness.cluster.control.requests) > 10

    await wait_until(asked_in_vain, "the demo services asked and got no answer")


async def test_cognition_and_cache_count_what_their_alert_rules_look_at(demo_harness: DemoHarness) -> None:
    cache = await demo_harness.error_rate_and_p95("deep-echo-cache")
    shown = await demo_harness.metrics("deep-echo-cache")
    assert cache[0] < 1
    assert (
        60
        < 100
        * single_value(shown, "cache_hits_total")
        / (single_value(shown, "cache_hits_total") + single_value(shown, "cache_misses_total"))
        < 66
    )
    calm = single_value(await demo_harness.metrics("deep-echo-cognitive"), "cognitive_active_sessions")
    await deploy_tag(demo_harness.cluster_harness, "main-bad5eed", "cognitive")
    await demo_harness.wait_versions("deep-echo-cognitive", {"main-bad5eed": 6})
    assert single_value(await demo_harness.metrics("deep-echo-cognitive"), "cognitive_active_sessions") > 150 > calm


async def test_there_is_nothing_where_the_platform_has_no_service(demo_harness: DemoHarness) -> None:
    for path in ("production/deep-echo-proxy", "development/deep-echo-docs", "nowhere/deep-echo-main"):
        async with demo_harness.cluster_harness.http.get(f"{demo_harness.url}/{path}/metrics") as answer:
            assert answer.status == 404
