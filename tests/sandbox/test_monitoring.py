"""Real Prometheus and Alertmanager with the sandbox's rules: what they accept, and which alerts reach a webhook when."""

import asyncio
import re
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from domain.catalogue.catalogue import Catalogue
from sandbox.alerting_stack import find_monitoring
from sandbox.catalogue import catalogue_data
from sandbox.cluster import CONTEXTS
from sandbox.demo import running_demo, scrape_targets
from sandbox.monitoring import (
    HaPeer,
    ProgramDidNotStart,
    alert_rules,
    alertmanager_config,
    prometheus_config,
    running_alertmanager,
    running_prometheus,
)
from sandbox.tools import MissingTool
from tests.harness.monitoring import (
    TOKEN,
    FakeWebhook,
    deploy_tag,
    fake_webhook,
    query_prometheus,
    require_monitoring,
    scale_component,
    wait_until,
)
from tests.harness.ports import free_ports
from tests.harness.stand_in_cluster import ClusterHarness, open_cluster_harness

pytestmark = pytest.mark.alerts

WINDOW = 3
PLATFORM = {
    *("DeepEchoServiceDown", "HighErrorRate", "HighResponseTime", "HighCPUUsage", "HighMemoryUsage", "LowCacheHitRate"),
    *("RedisDown", "LoadBalancerUnhealthy", "HighCognitiveProcessingTime", "CognitiveServiceOverloaded", "DiskSpaceLow"),
    *("DiskSpaceCritical", "DatabaseConnectionsHigh", "ContainerKilled", "ContainerCPUThrottled"),
}
MAIN = {"environment": "production", "service": "deep-echo-main"}


def test_the_rules_are_the_platforms_and_each_ends_with_its_limit() -> None:
    every = {rule["alert"]: rule for group in yaml.safe_load(alert_rules())["groups"] for rule in group["rules"]}
    watchdog = every.pop("Watchdog")
    assert (watchdog["expr"], watchdog["labels"]) == ("vector(1)", {"severity": "none"})
    assert every.keys() == PLATFORM
    for rule in every.values():
        assert re.search(r" (>|<|==) \d+(\.\d+)?$", rule["expr"]), rule["expr"]
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"].keys() >= {"summary", "description"}
    assert "$" not in re.sub(r"\$(value|labels\.service|labels\.environment)\b", "", alert_rules())


async def test_prometheus_takes_the_rules(tmp_path: Path) -> None:
    require_monitoring()
    (tmp_path / "rules.yaml").write_text(alert_rules())
    checked = await asyncio.create_subprocess_exec(
        *("promtool", "check", "rules", str(tmp_path / "rules.yaml")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await checked.communicate()
    assert checked.returncode == 0, told.decode()
    assert "16 rules found" in told.decode()


async def test_a_bad_deploy_raises_alerts_within_seconds_and_its_rollback_resolves_them(tmp_path: Path) -> None:
    require_monitoring()
    async with AsyncExitStack() as stack:
        harness = await stack.enter_async_context(open_cluster_harness(tmp_path, seeded=True))
        heard = await stack.enter_async_context(fake_webhook())
        prometheus = await open_monitoring_stack(stack, harness, tmp_path, heard)
        await heard.wait_for_alert("firing", alertname="Watchdog")
        await all_is_well(harness.http, prometheus)
        assert len(heard.payloads) == len(heard.alerts("firing", alertname="Watchdog"))

        await deploy_tag(harness, "main-bad5eed")
        await scale_component(harness, 0, "cache", CONTEXTS["staging"])
        alert = await heard.wait_for_alert("firing", alertname="HighErrorRate", severity="critical", **MAIN)
        assert re.fullmatch(r"Error rate 1\d\.\d per cent over 3 s \(limit 10\)", alert["annotations"]["description"])
        assert alert["annotations"]["runbook_url"].startswith("https://")
        assert alert["labels"].keys() == {"alertname", "environment", "service", "severity"}
        assert alert["generatorURL"].startswith(f"{prometheus}/graph")
        await heard.wait_for_alert("firing", alertname="HighResponseTime", severity="warning", **MAIN)
        cache = {"environment": "staging", "service": "deep-echo-cache"}
        await heard.wait_for_alert("firing", alertname="DeepEchoServiceDown", severity="critical", **cache)
        await heard.wait_for_alert("firing", alertname="RedisDown", severity="critical", **cache)

        await deploy_tag(harness, "main-9f00d12")
        ended = await heard.wait_for_alert("resolved", alertname="HighErrorRate", **MAIN)
        assert (ended["fingerprint"], ended["startsAt"]) == (alert["fingerprint"], alert["startsAt"])
        await heard.wait_for_alert("resolved", alertname="HighResponseTime", **MAIN)

        assert heard.authorizations == {f"Bearer {TOKEN}"}
        assert {tuple(sorted(each["groupLabels"])) for each in heard.payloads} == {
            ("alertname",),  # the Watchdog, which is nowhere in particular
            ("alertname", "environment", "service"),
        }
        assert not heard.alerts("resolved", alertname="Watchdog")


async def open_monitoring_stack(stack: AsyncExitStack, harness: ClusterHarness, folder: Path, heard: FakeWebhook) -> str:
    """Demo services, Alertmanager and Prometheus; the address of the last."""
    port = free_ports()
    kubeconfig = harness.cluster.kubeconfig(folder / "kubeconfig", context="production")
    demo = await stack.enter_async_context(running_demo(kubeconfig))
    sends = alertmanager_config(heard.url, TOKEN, group_interval="1s")
    alertmanager = await stack.enter_async_context(running_alertmanager(folder / "alertmanager", port, sends))
    config = prometheus_config(demo.address, scrape_targets(), [alertmanager.address], interval="500ms")
    opening = running_prometheus(folder / "prometheus", port + 1, config, alert_rules(WINDOW))
    return (await stack.enter_async_context(opening)).url


async def all_is_well(http: aiohttp.ClientSession, prometheus: str) -> None:
    """Every service is scraped and answers."""

    async def look() -> bool:
        up = await query_prometheus(http, prometheus, "up == 1")
        return {(each["metric"]["job"], each["metric"]["environment"]) for each in up} == {
            (each.job, each.environment) for each in scrape_targets()
        }

    await wait_until(look, "every service is scraped")


async def test_two_alertmanagers_that_know_of_each_other_send_once(tmp_path: Path) -> None:
    require_monitoring()
    port = free_ports()
    first, second = HaPeer(port=port), HaPeer(port=port + 1, peers=(f"127.0.0.1:{port}",), stagger_seconds=1)
    async with aiohttp.ClientSession() as http, fake_webhook() as heard:
        sends = alertmanager_config(heard.url, TOKEN, group_interval="1s")
        async with (
            running_alertmanager(tmp_path / "a", port + 2, sends, first) as a,
            running_alertmanager(tmp_path / "b", port + 3, sends, second) as b,
        ):
            for each in (a, b):
                await wait_until(partial(knows_both, http, each.url), f"{each.url} knows both")
            for each in (a, b):
                alert = [{"labels": {"alertname": "Made", "environment": "staging"}}]
                async with http.post(f"{each.url}/api/v2/alerts", json=alert) as answer:
                    assert answer.status == 200
            await heard.wait_for_alert("firing", alertname="Made")
            for each in (a, b):
                await wait_until(partial(sent_again, http, each.url), f"{each.url} had its turn")
    assert len(heard.alerts("firing", alertname="Made")) == 1


async def knows_both(http: aiohttp.ClientSession, url: str) -> bool:
    async with http.get(f"{url}/api/v2/status") as answer:
        cluster = (await answer.json())["cluster"]
        return cluster["status"] == "ready" and len(cluster["peers"]) == 2


async def sent_again(http: aiohttp.ClientSession, url: str) -> bool:
    """Whether it asked a second time if somebody has sent it: whatever it wanted to send the first time is sent by then."""
    async with http.get(f"{url}/metrics") as answer:
        found = re.search(r"^alertmanager_nflog_queries_total (\d+)", await answer.text(), re.MULTILINE)
        return found is not None and int(found[1]) >= 2


async def test_what_does_not_start_says_why(tmp_path: Path) -> None:
    require_monitoring()
    config = prometheus_config("127.0.0.1:1", scrape_targets(), [])
    with pytest.raises(ProgramDidNotStart, match=r"prometheus ended with exit code \d+(.|\n)*nonsense"):
        async with running_prometheus(tmp_path, free_ports(), config, "groups: nonsense"):
            pytest.fail("it runs with rules that are none")


def test_without_the_programs_there_are_no_alerts_and_in_ci_that_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    assert find_monitoring(9000, fast=False) is None
    said = capsys.readouterr().out
    assert "Prometheus is not installed. Install it (Debian: apt install prometheus)" in said
    assert "Until then there are no alerts." in said
    monkeypatch.setenv("CI", "true")
    with pytest.raises(MissingTool):
        find_monitoring(9000, fast=False)


def test_the_catalogue_routes_as_the_platform_wants_and_waits_for_no_watchdog_that_nobody_sends() -> None:
    places: dict[str, Any] = {"prometheus": "http://127.0.0.1:1", "alertmanager": "http://127.0.0.1:2"}
    with_alerts = Catalogue.model_validate(catalogue_data("kubeconfig", {name: name for name in CONTEXTS}, **places)).alerts
    without = Catalogue.model_validate(catalogue_data("kubeconfig", {name: name for name in CONTEXTS})).alerts
    assert with_alerts is not None
    assert without is not None
    assert [each.name for each in with_alerts.watchdogs] == ["prometheus"]
    assert not without.watchdogs
    assert without.routes == with_alerts.routes
    production = [each for each in with_alerts.routes if 'environment="production"' in each.match]
    elsewhere = [each for each in with_alerts.routes if each not in production]
    assert production
    assert [each.match for each in production if not each.mentions] == []
    assert elsewhere
    assert [each.match for each in elsewhere if each.mentions] == []
