"""The demo services: their metrics are those of the versions that are ready to answer in the cluster."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.cluster import CONTEXTS, FAST, HUMAN, Fault, Pace
from sandbox.cluster.resources import DEPLOYMENTS
from sandbox.demo import running_demo
from tests.harness.fakes.clock import StoppedClock
from tests.harness.monitoring import Samples, deploys, scales, scraped, until
from tests.harness.stand_in_cluster import Bench, running

REQUESTS = "flask_http_request_total"
BUCKETS = "flask_http_request_duration_seconds_bucket"
SPAN = timedelta(seconds=100)


@dataclass(slots=True)
class Town:
    """The demo services of a running cluster, at a time that goes on when it is told to."""

    bench: Bench
    url: str
    clock: StoppedClock

    async def shows(self, job: str, environment: str = "production") -> Samples:
        found = await scraped(self.bench.http, self.url, job, environment)
        assert found is not None, f"{job} is down"
        return found

    async def runs(self, job: str, versions: dict[str, int], environment: str = "production") -> None:
        """Until it is served by just so many pods of these versions."""

        async def look() -> bool:
            found = await scraped(self.bench.http, self.url, job, environment)
            return found is not None and versions_of(found) == versions

        await until(look, f"{job} runs {versions}")

    async def is_down(self, job: str) -> None:
        async def look() -> bool:
            return await scraped(self.bench.http, self.url, job) is None

        await until(look, f"{job} is down")

    async def behaves(self, job: str, environment: str = "production") -> tuple[float, float]:
        """Per cent of errors and seconds of p95 over the next hundred seconds."""
        before = await self.shows(job, environment)
        self.clock.go_on(SPAN)
        after = await self.shows(job, environment)
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


def one(samples: Samples, name: str) -> float:
    return next(value for (each, _), value in samples.items() if each == name)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with open_town(tmp_path, FAST) as opened:
        yield opened


@asynccontextmanager
async def open_town(folder: Path, pace: Pace) -> AsyncIterator[Town]:
    clock = StoppedClock()
    async with running(folder, seeded=True, pace=pace) as bench:
        kubeconfig = bench.cluster.kubeconfig(folder / "kubeconfig", context="production")
        async with running_demo(kubeconfig, clock=clock) as demo:
            yield Town(bench, demo.url, clock)


async def test_a_bad_version_raises_errors_and_latency_of_its_service_until_it_is_rolled_back(town: Town) -> None:
    await town.runs("deep-echo-main", {"main-9f00d12": 3})
    errors, slowness = await town.behaves("deep-echo-main")
    assert errors == pytest.approx(0.3, abs=0.05)
    assert slowness in (0.3, 0.4)

    await deploys(town.bench, "main-bad5eed")
    await town.runs("deep-echo-main", {"main-bad5eed": 3})
    errors, slowness = await town.behaves("deep-echo-main")
    assert errors == pytest.approx(14, abs=0.2)
    assert slowness in (2.0, 2.5)
    assert (await town.behaves("deep-echo-cognitive"))[0] < 1
    assert (await town.behaves("deep-echo-main", "staging"))[0] < 1

    await deploys(town.bench, "main-9f00d12")
    await town.runs("deep-echo-main", {"main-9f00d12": 3})
    assert (await town.behaves("deep-echo-main"))[0] < 1


async def test_in_the_middle_of_a_rollout_each_version_serves_its_share(tmp_path: Path) -> None:
    async with open_town(tmp_path, HUMAN.scaled(0.25)) as town:
        await deploys(town.bench, "main-bad5eed")

        async def measured() -> tuple[float, float] | None:
            """The bad version's share of the pods, and per cent of errors, if both were seen at both ends."""
            before = versions_of(await town.shows("deep-echo-main"))
            errors, _ = await town.behaves("deep-echo-main")
            steady = versions_of(await town.shows("deep-echo-main")) == before and len(before) == 2
            return (before["main-bad5eed"] / sum(before.values()), errors) if steady else None

        share, errors = await until(measured, "two versions answer")
        assert 0 < share < 1
        assert errors == pytest.approx(14 * share + 0.3 * (1 - share), abs=0.5)


async def test_a_bad_version_that_does_not_come_up_serves_nobody(town: Town) -> None:
    await deploys(town.bench, "crash-bad5eed")

    async def crashed() -> bool:
        pods = await town.bench.pods("deep-echo-main", CONTEXTS["production"])
        return any(status["restartCount"] for each in pods for status in each["status"].get("containerStatuses", []))

    await until(crashed, "a pod crashes")
    await town.runs("deep-echo-main", {"main-9f00d12": 3})
    assert (await town.behaves("deep-echo-main"))[0] < 1


async def test_a_service_without_ready_pods_is_down_and_others_feel_it(town: Town) -> None:
    assert one(await town.shows("deep-echo-load-balancer"), "healthy_backends") == 3
    assert one(await town.shows("redis"), "redis_up") == 1
    await scales(town.bench, 0, "main")
    await scales(town.bench, 0, "cache")
    await town.is_down("deep-echo-main")
    await town.is_down("deep-echo-cache")
    assert one(await town.shows("deep-echo-load-balancer"), "healthy_backends") == 0
    assert one(await town.shows("redis"), "redis_up") == 0
    assert one(await town.shows("redis", "staging"), "redis_up") == 1


async def test_what_was_seen_last_stands_while_the_cluster_does_not_answer(town: Town) -> None:
    town.bench.cluster.fail(Fault(kind="status", status=500, times=100_000, path_prefix="/apis/"))
    await it_changes_unseen(town)
    assert (await town.behaves("deep-echo-main"))[0] < 1
    town.bench.cluster.control.clear()
    await town.is_down("deep-echo-main")


async def it_changes_unseen(town: Town) -> None:
    """The cluster changes, and was asked about it in vain."""
    key = (CONTEXTS["production"], "deep-echo-main")
    town.bench.cluster.store.modify(DEPLOYMENTS, key, lambda each: each["spec"].update(replicas=0))

    async def asked_in_vain() -> bool:
        return sum(each.status == 500 for each in town.bench.cluster.control.seen) > 10

    await until(asked_in_vain, "the demo services asked and got no answer")


async def test_cognition_and_cache_count_what_their_alert_rules_look_at(town: Town) -> None:
    cache = await town.behaves("deep-echo-cache")
    shown = await town.shows("deep-echo-cache")
    assert cache[0] < 1
    assert 60 < 100 * one(shown, "cache_hits_total") / (one(shown, "cache_hits_total") + one(shown, "cache_misses_total")) < 66
    calm = one(await town.shows("deep-echo-cognitive"), "cognitive_active_sessions")
    await deploys(town.bench, "main-bad5eed", "cognitive")
    await town.runs("deep-echo-cognitive", {"main-bad5eed": 6})
    assert one(await town.shows("deep-echo-cognitive"), "cognitive_active_sessions") > 150 > calm


async def test_there_is_nothing_where_the_platform_has_no_service(town: Town) -> None:
    for path in ("production/deep-echo-proxy", "development/deep-echo-docs", "nowhere/deep-echo-main"):
        async with town.bench.http.get(f"{town.url}/{path}/metrics") as answer:
            assert answer.status == 404
