"""What tests with the demo services, Prometheus and Alertmanager share."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from sandbox.tools import MissingTool, alertmanager_program, prometheus_program, promtool_program
from tests.harness.stand_in_cluster import PRODUCTION, STRATEGIC, ClusterHarness

Json = dict[str, Any]
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]
WAIT_TIMEOUT = 30.0
TOKEN = "a-token-for-the-webhook"


def require_monitoring() -> None:
    """Skip where the programs are missing, saying so; in CI that is a failure."""
    try:
        prometheus_program()
        alertmanager_program()
        promtool_program()
    except MissingTool as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


async def deploy_tag(harness: ClusterHarness, tag: str, component: str = "main", namespace: str = PRODUCTION) -> None:
    """As a person with kubectl would, without waiting for it."""
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/deep-echo-{component}"
    containers = (await harness.get(path))["spec"]["template"]["spec"]["containers"]
    image = containers[0]["image"].rpartition(":")[0]
    patch = {"spec": {"template": {"spec": {"containers": [{"name": containers[0]["name"], "image": f"{image}:{tag}"}]}}}}
    status, answer = await harness.call("PATCH", path, patch, STRATEGIC)
    assert status == 200, answer


async def scale_component(harness: ClusterHarness, replicas: int, component: str, namespace: str = PRODUCTION) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/deep-echo-{component}"
    status, answer = await harness.call("PATCH", path, {"spec": {"replicas": replicas}}, STRATEGIC)
    assert status == 200, answer


async def scrape(http: aiohttp.ClientSession, url: str, job: str, environment: str = "production") -> Samples | None:
    """What a service exports, by name and labels; None where it is down."""
    async with http.get(f"{url}/{environment}/{job}/metrics") as answer:
        if answer.status == 503:
            return None
        assert answer.status == 200
        families = text_string_to_metric_families(await answer.text())
        return {(each.name, tuple(sorted(each.labels.items()))): each.value for family in families for each in family.samples}


@dataclass(slots=True)
class FakeWebhook:
    """What Alertmanager said, as the bot would hear it."""

    url: str = ""
    authorizations: set[str] = field(default_factory=set)
    payloads: list[Json] = field(default_factory=list)

    def alerts(self, status: str, **labels: str) -> list[Json]:
        """Every alert that was told of in this state with these labels, oldest first."""
        every = [alert for payload in self.payloads for alert in payload["alerts"]]
        return [each for each in every if each["status"] == status and labels.items() <= each["labels"].items()]

    async def wait_for_alert(self, status: str, **labels: str) -> Json:
        """The newest such alert, as soon as there is one."""

        async def look() -> Json | None:
            return next(reversed(self.alerts(status, **labels)), None)

        found: Json = await wait_until(look, f"an alert {labels} that is {status}")
        return found


async def wait_until(probe: Callable[[], Awaitable[Any]], description: str) -> Any:
    """The first truthy answer."""
    end = time.monotonic() + WAIT_TIMEOUT
    while time.monotonic() < end:
        if answer := await probe():
            return answer
        await asyncio.sleep(0.05)
    pytest.fail(f"never happened: {description}")


@asynccontextmanager
async def fake_webhook() -> AsyncIterator[FakeWebhook]:
    """A small server that keeps what is sent to it."""
    server = FakeWebhook()

    async def take(request: web.Request) -> web.Response:
        server.authorizations.add(request.headers.get("Authorization", ""))
        server.payloads.append(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/webhooks/alertmanager", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/alertmanager"
        yield server
    finally:
        await runner.cleanup()


async def query_prometheus(http: aiohttp.ClientSession, url: str, query: str) -> Sequence[Json]:
    """The answer to a query now."""
    async with http.get(f"{url}/api/v1/query", params={"query": query}) as answer:
        found: Sequence[Json] = (await answer.json())["data"]["result"]
        return found
