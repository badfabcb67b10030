"""A cluster to test against, stand-in or real, and what a test does to it behind the integration's back."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import yaml

from domain.targets import Target
from sandbox.cluster import StandInCluster

Json = dict[str, Any]
NO_ANNOTATIONS: Mapping[str, str] = MappingProxyType({})
ROLLOUT_TIMEOUT = 60.0
"""Seconds that a rollout may take on a busy machine."""


class KubernetesHttpApi:
    """Plain HTTP calls to the API server, so that the integration is not tested with itself."""

    def __init__(self, session: aiohttp.ClientSession, server: str, token: str) -> None:
        self._session = session
        self._server = server
        self._headers = {"Authorization": f"Bearer {token}"}

    async def call(self, method: str, path: str, body: object = None, kind: str = "application/json") -> Json:
        status, answer = await self.call_unchecked(method, path, body, kind)
        assert status < 300, answer
        return answer

    async def call_unchecked(
        self, method: str, path: str, body: object = None, kind: str = "application/json"
    ) -> tuple[int, Json]:
        headers = {**self._headers, "Content-Type": kind}
        data = None if body is None else json.dumps(body)
        async with self._session.request(method, self._server + path, data=data, headers=headers, ssl=False) as response:
            return response.status, await response.json(content_type=None)

    async def merge(self, path: str, patch: Json) -> Json:
        return await self.call("PATCH", path, patch, "application/merge-patch+json")


@dataclass(frozen=True, slots=True)
class ClusterNamespace:
    """A namespace of its own in one of the clusters."""

    kind: str
    kubeconfig: Path
    viewer: Path
    name: str
    api: KubernetesHttpApi
    stand_in: StandInCluster | None

    def target(self, name: str = "web", container: str = "main") -> Target:
        return Target("production", name, "here", self.name, name, container)

    def path(self, name: str = "web") -> str:
        return f"/apis/apps/v1/namespaces/{self.name}/deployments/{name}"

    async def deployment(self, name: str = "web") -> Json:
        return await self.api.call("GET", self.path(name))

    async def create(self, manifest: Json) -> Json:
        """A namespaced object of any kind that has a plain plural."""
        group = manifest["apiVersion"]
        root = f"/apis/{group}" if "/" in group else f"/api/{group}"
        manifest["metadata"]["namespace"] = self.name
        plural = manifest["kind"].lower() + "s"
        return await self.api.call("POST", f"{root}/namespaces/{self.name}/{plural}", manifest)

    async def deploy(self, tag: str, name: str = "web", *, spec: Json | None = None, **about: Mapping[str, str]) -> Json:
        """A new Deployment that runs ``tag``; ``about`` are labels and annotations of it."""
        created = await self.create(manifest(name, tag, spec=spec, **about))
        await self.wait_rolled_out(name)
        return created

    async def wait_rolled_out(self, name: str = "web") -> None:
        """Wait until the controllers have seen the last change; one that comes sooner may leave no ReplicaSet of the first."""
        await self.kubectl("rollout", "status", f"deployment/{name}", f"--timeout={ROLLOUT_TIMEOUT:.0f}s")

    async def set_progress_deadline(self, seconds: int, name: str = "web") -> None:
        """From now on a rollout without progress fails so soon; what has to come up first is not held to it."""
        await self.api.merge(self.path(name), {"spec": {"progressDeadlineSeconds": seconds}})
        await self.wait_rolled_out(name)

    async def set_version(
        self, tag: str, name: str = "web", *, cause: str = "", wait: bool = True, annotations: Mapping[str, str] = NO_ANNOTATIONS
    ) -> Json:
        """Another version, as a pipeline would bring it; ``notes`` are annotations of the Deployment."""
        template = (await self.deployment(name))["spec"]["template"]
        template["spec"]["containers"][0]["image"] = f"registry.example/web:{tag}"
        annotations = {**annotations, **({"kubernetes.io/change-cause": cause} if cause else {})}
        shipped = await self.api.merge(
            self.path(name), {"metadata": {"annotations": annotations}, "spec": {"template": template}}
        )
        if wait:
            await self.wait_rolled_out(name)
        return shipped

    async def kubectl(self, *arguments: str) -> str:
        """The real one; what it prints."""
        program = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or "kubectl"
        process = await asyncio.create_subprocess_exec(
            program,
            f"--kubeconfig={self.kubeconfig}",
            f"--namespace={self.name}",
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode()


async def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for an effect of another task or of the server."""
    async with asyncio.timeout(ROLLOUT_TIMEOUT):
        while not condition():
            await asyncio.sleep(0)


def _parsed(kubeconfig: Path) -> Json:
    config: Json = yaml.safe_load(kubeconfig.read_text())
    return config


def manifest(name: str, tag: str, *, spec: Json | None = None, **about: Mapping[str, str]) -> Json:
    container = {
        "name": "main",
        "image": f"registry.example/web:{tag}",
        "env": [{"name": "GREETING", "value": "“héllo” <&>"}],
        "resources": {"limits": {"cpu": "1500m", "memory": "1Gi"}},
    }
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, **about},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template, **(spec or {})},
    }


@asynccontextmanager
async def open_namespace(
    kind: str, kubeconfig: Path, viewer: Path, stand_in: StandInCluster | None
) -> AsyncIterator[ClusterNamespace]:
    """A fresh namespace; it is deleted in the end."""
    config = _parsed(kubeconfig)
    server, token = config["clusters"][0]["cluster"]["server"], config["users"][0]["user"]["token"]
    namespace = f"test-{uuid4().hex[:10]}"
    async with aiohttp.ClientSession() as session:
        api = KubernetesHttpApi(session, server, token)
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        await api.call("POST", "/api/v1/namespaces", manifest)
        try:
            yield ClusterNamespace(kind, kubeconfig, viewer, namespace, api, stand_in)
        finally:
            await api.call("DELETE", f"/api/v1/namespaces/{namespace}")


def real_kubeconfig() -> Path:
    """Of the real API server that the tests may use. Without one they are skipped and say so; in CI that is a failure."""
    path = os.environ.get("DEEPECHO_TEST_KUBECONFIG") or os.environ.get("KUBECONFIG")
    if path:
        return Path(path)
    if os.environ.get("CI") == "true":
        pytest.fail("CI has no real API server: set DEEPECHO_TEST_KUBECONFIG")
    pytest.skip("no real API server: set DEEPECHO_TEST_KUBECONFIG or KUBECONFIG (make test-cluster)")
