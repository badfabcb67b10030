"""The platform on a real cluster: the same Deployments, with a history made by really rolling them out, through kubectl."""

import asyncio
import json
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from sandbox.cluster import CONTEXTS, platform

Json = dict[str, Any]

_SEEDED = ("Namespace", "Deployment", "ConfigMap", "Secret", "HorizontalPodAutoscaler")
_CONTROLLERS = "deployment.kubernetes.io/"
_REVISION = "deployment.kubernetes.io/revision"
VERSIONS = 3
"""How many versions of each Deployment are rolled out: enough to roll back to, quick enough to wait for."""


class SeedingFailed(Exception):
    """kubectl refused something; the sentence is its own."""


def current_context(kubeconfig: Path) -> tuple[str, str]:
    """The kubeconfig's current context and the address of its server."""
    config = yaml.safe_load(kubeconfig.read_text())
    name = config["current-context"]
    context = next(each["context"] for each in config["contexts"] if each["name"] == name)
    server = next(each["cluster"]["server"] for each in config["clusters"] if each["name"] == context["cluster"])
    return name, server


async def seed_real_cluster(kubeconfig: Path) -> None:
    """Create what is not there yet. A namespace that has the application already is left as it is.

    The images are pretend ones: pods become ready where nodes are pretend ones too, or where the images can be pulled.
    """
    objects = [each for each in platform(datetime.now(UTC)) if each["kind"] in (*_SEEDED, "ReplicaSet")]
    async with asyncio.TaskGroup() as seeding:
        for namespace in CONTEXTS.values():
            namespace_objects = [each for each in objects if _belongs(each, namespace)]
            seeding.create_task(_seed(kubeconfig, namespace, namespace_objects))


async def _seed(kubeconfig: Path, namespace: str, objects: Sequence[Json]) -> None:
    if await _has_application(kubeconfig, namespace):
        return
    print(f"rolling out the history of {namespace}", flush=True)
    config = [_as_manifest(each) for each in objects if each["kind"] == "ConfigMap"]
    await _apply(kubeconfig, [_as_manifest(each) for each in objects if each["kind"] == "Namespace"])
    await _apply(kubeconfig, [_as_manifest(each) for each in objects if each["kind"] == "Secret"])
    await _apply(kubeconfig, [_config_before_last_change(each) for each in config])
    for generation in range(VERSIONS):
        await _apply(kubeconfig, [_deployment_at(each, objects, generation) for each in objects if each["kind"] == "Deployment"])
        await _wait_rolled_out(kubeconfig, namespace)
    if namespace == CONTEXTS["production"]:
        await _apply(kubeconfig, config)
    await _apply(kubeconfig, [_as_autoscaling_v1(each) for each in objects if each["kind"] == "HorizontalPodAutoscaler"])


def _belongs(thing: Json, namespace: str) -> bool:
    where = thing["metadata"].get("namespace")
    return bool(where == namespace or (thing["kind"] == "Namespace" and thing["metadata"]["name"] == namespace))


def _as_manifest(thing: Json) -> Json:
    """The manifest that a person would have applied."""
    metadata_before = thing["metadata"]
    annotations = {
        key: value for key, value in metadata_before.get("annotations", {}).items() if not key.startswith(_CONTROLLERS)
    }
    metadata = {key: metadata_before[key] for key in ("name", "namespace", "labels") if key in metadata_before} | {
        "annotations": annotations
    }
    return {**{key: value for key, value in thing.items() if key != "status"}, "metadata": metadata}


def _config_before_last_change(config: Json) -> Json:
    """The ConfigMap before its last change, which in production comes after the version that one may want back."""
    return {**config, "data": dict(list(config["data"].items())[:-1])}


def _as_autoscaling_v1(autoscaler: Json) -> Json:
    """The autoscaler in the API version that every cluster serves."""
    spec = {key: autoscaler["spec"][key] for key in ("scaleTargetRef", "minReplicas", "maxReplicas")}
    bare = _as_manifest(autoscaler)
    return {**bare, "apiVersion": "autoscaling/v1", "spec": spec | {"targetCPUUtilizationPercentage": 70}}


def _deployment_at(deployment: Json, objects: Sequence[Json], generation: int) -> Json:
    """The Deployment as it was, so many versions before the newest of those that are rolled out."""
    name, namespace = deployment["metadata"]["name"], deployment["metadata"]["namespace"]
    history = sorted((each for each in objects if each["kind"] == "ReplicaSet" and _owner(each) == name), key=_revision)
    release = history[-VERSIONS:][min(generation, len(history[-VERSIONS:]) - 1)]
    template = json.loads(json.dumps(release["spec"]["template"]))
    template["metadata"]["labels"].pop("pod-template-hash", None)
    bare = _as_manifest(deployment)
    cause = release["metadata"]["annotations"].get("kubernetes.io/change-cause", f"helm upgrade {namespace}")
    bare["metadata"]["annotations"]["kubernetes.io/change-cause"] = cause
    return {**bare, "spec": {**bare["spec"], "template": template}}


def _owner(replica_set: Json) -> str:
    return str(replica_set["metadata"]["ownerReferences"][0]["name"])


def _revision(replica_set: Json) -> int:
    return int(replica_set["metadata"]["annotations"][_REVISION])


async def _has_application(kubeconfig: Path, namespace: str) -> bool:
    found = await _kubectl(kubeconfig, ["get", "deployments", "-n", namespace, "-o", "name"], check=False)
    return "deployment.apps/deep-echo-main" in found


async def _wait_rolled_out(kubeconfig: Path, namespace: str) -> None:
    names = await _kubectl(kubeconfig, ["get", "deployments", "-n", namespace, "-o", "name"])
    for name in names.split():
        await _kubectl(kubeconfig, ["rollout", "status", "-n", namespace, name, "--timeout=120s"])


async def _apply(kubeconfig: Path, manifests: Sequence[Json]) -> None:
    if manifests:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
        await _kubectl(kubeconfig, ["apply", "-f", "-"], text)


async def _kubectl(kubeconfig: Path, arguments: Sequence[str], text: str = "", *, check: bool = True) -> str:
    program = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")
    if program is None:
        raise SeedingFailed("kubectl is not installed, and a real cluster is seeded with it. `make setup` brings one.")
    process = await asyncio.create_subprocess_exec(
        program, "--kubeconfig", str(kubeconfig), *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, problem = await process.communicate(text.encode())
    if process.returncode and check:
        raise SeedingFailed(f"kubectl {' '.join(arguments[:3])}: {problem.decode().strip()}")
    return out.decode()
