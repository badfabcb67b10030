"""The search for suspects as the bot builds it, and an external editor of the cluster."""

import asyncio
from typing import Any

from domain.workloads.deployments import Template
from runbooks.alerts.suspect_search import SuspectFinder
from tests.harness.cluster_namespace import KubernetesHttpApi
from tests.harness.operations import OperationsHarness

MAIN, COGNITIVE, CACHE, DOCS = "deep-echo-main", "deep-echo-cognitive", "deep-echo-cache", "deep-echo-docs"
APPS = "/apis/apps/v1/namespaces"


def suspect_finder(harness: OperationsHarness, **other: Any) -> SuspectFinder:
    parts: dict[str, Any] = {
        "store": harness.store,
        "clock": harness.clock,
        "catalogue": lambda: harness.catalogue,
        "clusters": {"main": harness.cluster},
        **other,
    }
    return SuspectFinder(**parts)


class ExternalEditor:
    """Changes the cluster from outside the bot, under a field manager's name."""

    def __init__(self, api: KubernetesHttpApi, harness: OperationsHarness) -> None:
        self._api, self._harness = api, harness

    async def image(self, namespace: str, name: str, tag: str, *, program: str = "kubectl-set") -> None:
        path = f"{APPS}/{namespace}/deployments/{name}"
        template = (await self._api.call("GET", path))["spec"]["template"]
        container = template["spec"]["containers"][0]
        container["image"] = f"{container['image'].rpartition(':')[0]}:{tag}"
        await self._put(path, template, program)

    async def undo(self, name: str, version: str) -> None:
        """As ``kubectl rollout undo`` does it, in production."""
        workload = await self._harness.cluster.workload(self._harness.target(name))
        earlier = next(each for each in workload.revisions if each.image.endswith(version))
        template = await self._harness.cluster.template_of(workload.target, earlier.template_hash)
        await self._put(f"{APPS}/deep-echo-prod/deployments/{name}", template, "kubectl-rollout")

    async def _put(self, path: str, template: Template, program: str) -> None:
        seen = (await self._api.call("GET", path))["metadata"]["generation"]
        await self._api.merge(f"{path}?fieldManager={program}", {"spec": {"template": template}})
        async with asyncio.timeout(30):
            while ((await self._api.call("GET", path)).get("status") or {}).get("observedGeneration", 0) <= seen:
                await asyncio.sleep(0.02)

    async def config(self, namespace: str, **data: str) -> None:
        await self._api.merge(f"/api/v1/namespaces/{namespace}/configmaps/deep-echo-config", {"data": data})

    async def replicas(self, namespace: str, name: str, replicas: int) -> None:
        path = f"{APPS}/{namespace}/deployments/{name}/scale?fieldManager=kubectl"
        await self._api.merge(path, {"spec": {"replicas": replicas}})
