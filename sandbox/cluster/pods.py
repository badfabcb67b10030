"""What a pod's status says at each moment of its life, pure; and which trouble an image's tag asks for."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from domain.workloads.images import parse_image
from sandbox.cluster.model import Json, format_time

NODE = "stand-in-1"
_PLATFORM = {"operatingSystem": "linux", "architecture": "amd64", "containerRuntimeVersion": "containerd://2.1.4"}
SimulatedFailure = Literal["bad", "crash", "hang", "slow", ""]


def simulated_failure(pod: Json) -> SimulatedFailure:
    """``bad`` never pulls, ``crash`` restarts for ever, ``slow`` is slow, ``hang`` never ends in a Job.

    A tag that is the word or has it as a part.
    """
    tags = [parse_image(container["image"]).effective_tag for container in pod["spec"]["containers"]]
    words = {word for tag in tags for word in tag.split("-")}
    if "bad" in words:
        return "bad"
    if "crash" in words:
        return "crash"
    if "hang" in words:
        return "hang"
    return "slow" if "slow" in words else ""


def image_id(image: str) -> str:
    """``repository@sha256:…``, always the same for one image, as containerd reports it: a pinned digest is reported as it is."""
    parsed = parse_image(image)
    digest = parsed.digest or f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"
    return f"{parsed.repository}@{digest}"


def node(name: str = NODE, images: tuple[Json, ...] = (), **info: str) -> Json:
    """A node; ``images`` are those that it names in its own way, with ``names`` as in a real node's status."""
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"}
    pressure = {"type": "MemoryPressure", "status": "False", "reason": "KubeletHasSufficientMemory"}
    status = {
        "nodeInfo": {"kubeletVersion": "v1.36.0", **_PLATFORM, **info},
        "conditions": [pressure, ready],
        "allocatable": {"cpu": "8", "memory": "32Gi", "pods": "110"},
        "images": list(images),
    }
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": status}


def reported_id(node: Json | None, image: str) -> str:
    """The id under which the node reports the image: the first name of its own for it, else as every node does."""
    images = (node or {}).get("status", {}).get("images", [])
    own = next((each["names"][0] for each in images if image in each["names"]), None)
    return image_id(image) if own is None else str(own)


def address_of(pod: Json) -> str:
    digest = hashlib.sha256(pod["metadata"]["uid"].encode()).digest()
    return f"10.1.{digest[0] % 16}.{digest[1] % 250 + 2}"


def waiting_state(reason: str, message: str) -> Json:
    return {"waiting": {"reason": reason, "message": message} if message else {"reason": reason}}


def running_state(started: datetime) -> Json:
    return {"running": {"startedAt": format_time(started)}}


def terminated_state(started: datetime, finished: datetime, exit_code: int = 1) -> Json:
    return {
        "terminated": {
            "exitCode": exit_code,
            "reason": "Error" if exit_code else "Completed",
            "startedAt": format_time(started),
            "finishedAt": format_time(finished),
        }
    }


def mark_ended(pod: Json, started: datetime, finished: datetime, exit_code: int, report: Callable[[str], str]) -> None:
    """Of a pod that is not started again: every container has ended."""
    set_container_states(pod, terminated_state(started, finished, exit_code), finished, ready=False, report=report)
    pod["status"]["phase"] = "Failed" if exit_code else "Succeeded"


def mark_scheduled(pod: Json, now: datetime, node_name: str = NODE) -> None:
    pod["spec"]["nodeName"] = node_name
    status = pod.setdefault("status", {})
    status["phase"] = "Pending"
    _set_condition(status, "PodScheduled", True, now)


def mark_initialized(pod: Json, now: datetime) -> None:
    status = pod["status"]
    status["hostIP"] = "10.0.0.11"
    status["startTime"] = format_time(now)
    _set_condition(status, "Initialized", True, now)
    set_container_states(pod, waiting_state("ContainerCreating", ""), now, ready=False)


def set_container_states(
    pod: Json,
    state: Json,
    now: datetime,
    *,
    ready: bool,
    restarts: int = 0,
    last: Json | None = None,
    report: Callable[[str], str] = image_id,
) -> None:
    """Puts every container into ``state`` and says whether the pod is ready. Init containers ended before."""
    status = pod["status"]
    pulled = "running" in state or "terminated" in state or restarts > 0 or bool(last)
    status["containerStatuses"] = [
        {
            "name": container["name"],
            "image": container["image"],
            "imageID": report(container["image"]) if pulled else "",
            "ready": ready,
            "started": "running" in state,
            "restartCount": restarts,
            "state": state,
            "lastState": last or {},
            **({"containerID": f"containerd://{_container_id(pod, container['name'], restarts)}"} if pulled else {}),
        }
        for container in pod["spec"]["containers"]
    ]
    if pulled and pod["spec"].get("initContainers"):
        status["initContainerStatuses"] = [_init_status(pod, each, now, report) for each in pod["spec"]["initContainers"]]
    if pulled:
        status["phase"] = "Running"
        status["podIP"] = address_of(pod)
        status["podIPs"] = [{"ip": status["podIP"]}]
    for kind in ("ContainersReady", "Ready"):
        _set_condition(status, kind, ready, now, unready=[container["name"] for container in pod["spec"]["containers"]])


def _init_status(pod: Json, container: Json, now: datetime, report: Callable[[str], str]) -> Json:
    """A sidecar goes on; any other init container has completed."""
    started = format_time(now)
    over = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": started, "finishedAt": started}}
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": report(container["image"]),
        "containerID": f"containerd://{_container_id(pod, container['name'], 0)}",
        "ready": True,
        "restartCount": 0,
        "state": running_state(now) if container.get("restartPolicy") == "Always" else over,
        "lastState": {},
    }


def _set_condition(status: Json, kind: str, holds: bool, now: datetime, unready: list[str] | None = None) -> None:  # noqa: FBT001
    new: Json = {"type": kind, "status": str(holds), "lastProbeTime": None, "lastTransitionTime": format_time(now)}
    if not holds and unready:
        new.update(reason="ContainersNotReady", message=f"containers with unready status: [{' '.join(unready)}]")
    conditions = status.setdefault("conditions", [])
    old = next((each for each in conditions if each["type"] == kind), None)
    if old is None:
        conditions.append(new)
    elif old["status"] != new["status"]:
        conditions[conditions.index(old)] = new


def _container_id(pod: Json, container: str, restarts: int) -> str:
    return hashlib.sha256(f"{pod['metadata']['uid']}/{container}/{restarts}".encode()).hexdigest()
