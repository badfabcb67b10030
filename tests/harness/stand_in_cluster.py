"""What the tests of the stand-in cluster share: a running one, kubectl, and waiting for something to become true."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from kubernetes_asyncio.client import ApiClient, AppsV1Api, Configuration, CoreV1Api

from sandbox.cluster import ADMIN_TOKEN, CONTEXTS, FAST, StandInCluster

Json = dict[str, Any]
PRODUCTION = CONTEXTS["production"]
DEPLOYMENTS_PATH = "/apis/apps/v1/namespaces/default/deployments"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
WAIT_TIMEOUT = 20.0


def kubectl_program() -> str:
    program = Path(sys.executable).with_name("kubectl")
    if not program.exists():
        if os.environ.get("CI"):
            pytest.fail("kubectl is missing: install the dev dependencies")
        pytest.skip("kubectl is not installed beside python")
    return str(program)


@dataclass(frozen=True, slots=True)
class ClusterHarness:
    """A running stand-in with three ways to talk to it: kubectl, the client library, and bare HTTP."""

    cluster: StandInCluster
    folder: Path
    http: aiohttp.ClientSession
    api: ApiClient

    @property
    def apps(self) -> AppsV1Api:
        return AppsV1Api(self.api)

    @property
    def core(self) -> CoreV1Api:
        return CoreV1Api(self.api)

    async def kubectl(self, *arguments: str, context: str = "production", stdin: str = "", fails: bool = False) -> str:
        """What kubectl printed; it must succeed, or fail where ``fails``."""
        config = self.cluster.kubeconfig(self.folder / "kubeconfig")
        process = await asyncio.create_subprocess_exec(
            kubectl_program(),
            f"--kubeconfig={config}",
            f"--context={context}",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={"HOME": str(self.folder), "PATH": os.environ["PATH"]},
        )
        out, _ = await process.communicate(stdin.encode())
        assert (process.returncode != 0) is fails, out.decode()
        return out.decode()

    async def call(
        self, method: str, path: str, body: object = None, kind: str = "application/json", token: str = ADMIN_TOKEN
    ) -> tuple[int, Json]:
        headers = {"Authorization": f"Bearer {token}", **({"Content-Type": kind} if body is not None else {})}
        url = self.cluster.url + path
        async with self.http.request(method, url, json=body, headers=headers, skip_auto_headers=["User-Agent"]) as answer:
            return answer.status, await answer.json(content_type=None)

    async def get(self, path: str) -> Json:
        status, found = await self.call("GET", path)
        assert status == 200, found
        return found

    async def wait_until(self, probe: Callable[[], Awaitable[Any]], description: str) -> Any:
        """The first truthy answer of ``holds``; fails after ``PATIENCE`` seconds."""
        end = time.monotonic() + WAIT_TIMEOUT
        while time.monotonic() < end:
            answer = await probe()
            if answer:
                return answer
            await asyncio.sleep(0.02)
        pytest.fail(f"never happened: {description}")

    async def wait_rolled_out(self, path: str) -> Json:
        """The Deployment, once its rollout is complete by the rules of ``kubectl rollout status``."""

        async def look() -> Json | None:
            deployment = await self.get(path)
            status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
            seen = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
            counts = [status.get(field, 0) for field in ("updatedReplicas", "replicas", "availableReplicas")]
            done = seen and counts == [wanted] * 3
            return deployment if done else None

        found: Json = await self.wait_until(look, f"{path} is rolled out")
        return found

    async def replica_sets(self, app: str = "web", namespace: str = "default") -> list[Json]:
        """By revision, oldest first."""
        path = f"/apis/apps/v1/namespaces/{namespace}/replicasets?labelSelector=app={app}"
        items: list[Json] = (await self.get(path))["items"]
        return sorted(items, key=revision_of)

    async def pods(self, app: str = "web", namespace: str = "default") -> list[Json]:
        path = f"/api/v1/namespaces/{namespace}/pods?labelSelector=app={app}"
        items: list[Json] = (await self.get(path))["items"]
        return items

    async def deploy(self, tag: str = "main-1", **spec: Any) -> Json:
        """The Deployment ``web``, rolled out."""
        status, answer = await self.call("POST", DEPLOYMENTS_PATH, manifest(tag, **spec))
        assert status == 201, answer
        return await self.wait_rolled_out(f"{DEPLOYMENTS_PATH}/web")

    async def set_tag(self, tag: str, annotations: dict[str, str] | None = None) -> Json:
        containers = [{"name": "main", "image": f"registry.example/web:{tag}"}]
        patch = {"spec": {"template": {"spec": {"containers": containers}}}, "metadata": {"annotations": annotations or {}}}
        status, answer = await self.call("PATCH", f"{DEPLOYMENTS_PATH}/web", patch, STRATEGIC)
        assert status == 200, answer
        return answer


def manifest(tag: str = "main-1", name: str = "web", **spec: Any) -> Json:
    container = {"name": "main", "image": f"registry.example/web:{tag}", "env": [{"name": "GREETING", "value": "hello"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "annotations": {"kubernetes.io/change-cause": f"first {tag}"}},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}},
            **spec,
        },
    }


def revision_of(obj: Json) -> int:
    return int(obj["metadata"]["annotations"]["deployment.kubernetes.io/revision"])


def condition(obj: Json, kind: str) -> Json:
    return next(each for each in obj["status"]["conditions"] if each["type"] == kind)


@asynccontextmanager
async def open_cluster_harness(folder: Path, *, seeded: bool = False, **options: Any) -> AsyncIterator[ClusterHarness]:
    cluster = StandInCluster(**{"pace": FAST, **options})
    if seeded:
        cluster.seed()
    async with cluster, aiohttp.ClientSession() as http:
        configuration = Configuration(host=cluster.url)
        async with ApiClient(configuration) as api:
            yield ClusterHarness(cluster, folder, http, api)
