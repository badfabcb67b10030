"""Ten thousand pods: read page by page, and small in memory."""

import json
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from domain.clock import SystemClock
from integrations.kubernetes import Cluster, ClusterSettings, open_cluster
from integrations.kubernetes.paging import PAGE_OBJECTS

PODS, MAX_MIB = 10_000, 60


class LongList:
    """An API server with very many pods. ``forget`` lets the tokens of so many pages be too old."""

    def __init__(self) -> None:
        self.total = 1
        self.limits: list[str] = []
        self.forget = 0

    async def pods(self, request: web.Request) -> web.Response:
        self.limits.append(request.query["limit"])
        begin, limit = int(request.query.get("continue") or 0), int(request.query["limit"])
        if begin and self.forget:
            self.forget -= 1
            status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "The provided continue parameter is too old"}
            return web.json_response(status, status=410)
        end = min(begin + limit, self.total)
        more = {"continue": str(end)} if end < self.total else {}
        items = [_pod(number) for number in range(begin, end)]
        return web.json_response({"kind": "PodList", "metadata": {"resourceVersion": "7", **more}, "items": items})


def _pod(number: int) -> dict[str, Any]:
    """As large as pods are: some eight kilobytes."""
    name, padding = f"web-{number:05}", {f"note-{each}": "x" * 200 for each in range(30)}
    container = {"name": "web", "image": "registry.example/web:main-abc1234", "env": [{"name": "A", "value": "b" * 800}]}
    status = {"name": "web", "ready": True, "restartCount": number % 3, "state": {"running": {}}}
    return {
        "metadata": {
            "name": name,
            "uid": f"u-{number}",
            "resourceVersion": "7",
            "creationTimestamp": "2026-11-23T14:02:00Z",
            "annotations": padding,
        },
        "spec": {"containers": [container]},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }


def _kubeconfig(port: int) -> dict[str, Any]:
    return {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "clusters": [{"name": "a", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "a", "user": {"token": "of-the-test"}}],
    }


@pytest.fixture
def long_list() -> LongList:
    return LongList()


@pytest.fixture
async def cluster(long_list: LongList, tmp_path: Path) -> AsyncIterator[Cluster]:
    app = web.Application()
    app.router.add_get("/api/v1/namespaces/shop/pods", long_list.pods)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(_kubeconfig(runner.addresses[0][1])))
    settings = ClusterSettings(name="here", kubeconfig=str(tmp_path / "kubeconfig"))
    try:
        async with open_cluster(settings, SystemClock(), redact=str) as opened:
            yield opened
    finally:
        await runner.cleanup()


async def test_ten_thousand_pods_are_read_in_pages_and_need_little_memory(cluster: Cluster, long_list: LongList) -> None:
    await cluster.reads.pods("shop")  # imports the library
    long_list.limits.clear()
    long_list.total = PODS
    tracemalloc.start()
    try:
        pods = await cluster.reads.pods("shop")
        peak = tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()
    assert len(json.dumps(_pod(1))) > 7000
    assert (len(pods), sum(pod.restarts for pod in pods)) == (PODS, 9999)
    assert long_list.limits == [str(PAGE_OBJECTS)] * (PODS // PAGE_OBJECTS)
    assert peak < MAX_MIB


async def test_a_list_whose_beginning_is_forgotten_is_read_anew(cluster: Cluster, long_list: LongList) -> None:
    long_list.forget, long_list.total = 1, 600
    assert [pod.name for pod in await cluster.reads.pods("shop")] == [f"web-{number:05}" for number in range(600)]
