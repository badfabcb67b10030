"""What a pod's status says at each moment of its life, pure; and which trouble an image's tag asks for."""

import hashlib
from datetime import datetime
from typing import Literal

from domain.workloads.images import parse_image
from sandbox.cluster.model import Json, format_time

NODE = "stand-in-1"
SimulatedFailure = Literal["bad", "crash", "slow", ""]


def simulated_failure(pod: Json) -> SimulatedFailure:
    """``bad`` never pulls, ``crash`` restarts for ever, ``slow`` is slow: a tag that is the word or has it as a part."""
    tags = [parse_image(container["image"]).effective_tag for container in pod["spec"]["containers"]]
    words = {word for tag in tags for word in tag.split("-")}
    if "bad" in words:
        return "bad"
    if "crash" in words:
        return "crash"
    return "slow" if "slow" in words else ""


def image_id(image: str) -> str:
    """``repository@sha256:…``, always the same for one image, as containerd reports it: a pinned digest is reported as it is."""
    parsed = parse_image(image)
    digest = parsed.digest or f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"
    return f"{parsed.repository}@{digest}"


def address_of(pod: Json) -> str:
    digest = hashlib.sha256(pod["metadata"]["uid"].encode()).digest()
    return f"10.1.{digest[0] % 16}.{digest[1] % 250 + 2}"


def waiting_state(reason: str, message: str) -> Json:
    return {"waiting": {"reason": reason, "message": message} if message else {"reason": reason}}


def running_state(started: datetime) -> Json:
    return {"running": {"startedAt": format_time(started)}}


def terminated_state(started: datetime, finished: datetime) -> Json:
    return {
        "terminated": {
            "exitCode": 1,
            "reason": "Error",
            "startedAt": format_time(started),
            "finishedAt": format_time(finished),
        }
    }


def mark_scheduled(pod: Json, now: datetime) -> None:
    pod["spec"]["nodeName"] = NODE
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
    pod: Json, state: Json, now: datetime, *, ready: bool, restarts: int = 0, last: Json | None = None
) -> None:
    """Puts every container into ``state`` and says whether the pod is ready."""
    status = pod["status"]
    pulled = "running" in state or "terminated" in state or restarts > 0 or bool(last)
    status["containerStatuses"] = [
        {
            "name": container["name"],
            "image": container["image"],
            "imageID": image_id(container["image"]) if pulled else "",
            "ready": ready,
            "started": "running" in state,
            "restartCount": restarts,
            "state": state,
            "lastState": last or {},
            **({"containerID": f"containerd://{_container_id(pod, container['name'], restarts)}"} if pulled else {}),
        }
        for container in pod["spec"]["containers"]
    ]
    if pulled:
        status["phase"] = "Running"
        status["podIP"] = address_of(pod)
        status["podIPs"] = [{"ip": status["podIP"]}]
    for kind in ("ContainersReady", "Ready"):
        _set_condition(status, kind, ready, now, unready=[container["name"] for container in pod["spec"]["containers"]])


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
