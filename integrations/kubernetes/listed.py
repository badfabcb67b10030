"""Turns what a cluster lists into small facts. A field that is missing or of another type is as if it were empty."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from domain.workloads.deployments import POD_TEMPLATE_HASH_LABEL
from domain.workloads.listings import ContainerSpec, ListedAutoscaler, ListedEvent, ListedNode, ListedPod, PodUsage
from domain.workloads.pod_names import workload_of_owner
from domain.workloads.quantities import parse_quantity
from integrations.kubernetes.resources import REPLICA_SETS, Json, labels, metadata, parse_time

Redact = Callable[[str], str]
MAX_MESSAGE_LENGTH = 300
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PRESSURES = {"MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"}
_ZONE = "topology.kubernetes.io/zone"


def listed_pod(pod: Json, redact: Redact) -> ListedPod:
    """One pod, with the state that ``kubectl get pods`` would show."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    statuses: list[Json] = status.get("containerStatuses") or []
    started = [_ended(each) for each in statuses]
    containers = spec.get("containers") or []
    state, problem = _pod_state(pod)
    return ListedPod(
        name=metadata(pod)["name"],
        state=state,
        ready=sum(bool(each.get("ready")) for each in statuses),
        containers=len(containers),
        restarts=sum(int(each.get("restartCount") or 0) for each in statuses),
        restarted_at=max((each for each in started if each is not None), default=None),
        created_at=_created_at(pod),
        workload=_workload_of(pod),
        node=str(spec.get("nodeName") or ""),
        image=str(containers[0].get("image", "")) if containers else "",
        problem=redact(problem)[:MAX_MESSAGE_LENGTH],
        is_done=status.get("phase") == "Succeeded",
    )


def listed_event(event: Json, redact: Redact) -> ListedEvent:
    """One event. Kubernetes writes the times of old and new events into different fields."""
    about, series = event.get("involvedObject") or {}, event.get("series") or {}
    last = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return ListedEvent(
        is_warning=event.get("type") == "Warning",
        reason=str(event.get("reason") or "Unknown"),
        kind=str(about.get("kind") or ""),
        name=str(about.get("name") or ""),
        message=redact(" ".join(str(event.get("message") or "").split()))[:MAX_MESSAGE_LENGTH],
        count=max(int(series.get("count") or 0), int(event.get("count") or 0), 1),
        last_at=parse_time(last) if last else _created_at(event),
    )


def listed_node(node: Json) -> ListedNode:
    """One node."""
    spec, status = node.get("spec") or {}, node.get("status") or {}
    conditions: dict[str, Json] = {each["type"]: each for each in status.get("conditions") or []}
    allocatable = status.get("allocatable") or {}
    ready = conditions.get("Ready") or {}
    problems = [f"{name}: {each.get('message') or 'yes'}" for name, each in conditions.items() if _is_bad(name, each)]
    if ready.get("status") != "True":
        problems.insert(0, str(ready.get("message") or "it does not say that it is ready"))
    return ListedNode(
        name=metadata(node)["name"],
        is_ready=ready.get("status") == "True",
        is_cordoned=bool(spec.get("unschedulable")),
        problems=tuple(each[:MAX_MESSAGE_LENGTH] for each in problems),
        version=str((status.get("nodeInfo") or {}).get("kubeletVersion") or ""),
        created_at=_created_at(node),
        cpu=parse_quantity(str(allocatable.get("cpu", ""))),
        memory=parse_quantity(str(allocatable.get("memory", ""))),
        pods=parse_quantity(str(allocatable.get("pods", ""))),
        zone=labels(node).get(_ZONE, ""),
    )


def listed_autoscaler(scaler: Json) -> ListedAutoscaler:
    """One autoscaler, of version 2; of version 1 without its metrics."""
    spec, status = scaler["spec"], scaler.get("status") or {}
    reference = spec["scaleTargetRef"]
    scaled = status.get("lastScaleTime")
    current = {_metric_name(each): each for each in status.get("currentMetrics") or []}
    return ListedAutoscaler(
        name=metadata(scaler)["name"],
        kind=str(reference.get("kind") or ""),
        target=str(reference.get("name") or ""),
        minimum=int(spec.get("minReplicas") or 1),
        maximum=int(spec["maxReplicas"]),
        current=int(status.get("currentReplicas") or 0),
        desired=int(status.get("desiredReplicas") or 0),
        metrics=tuple(_metric_text(each, current.get(_metric_name(each))) for each in spec.get("metrics") or []),
        problems=tuple(_scaler_problems(status.get("conditions") or [])),
        scaled_at=parse_time(scaled) if scaled else None,
    )


def pod_usage(measured: Json) -> PodUsage:
    """What one pod uses, over all its containers."""
    usages = [each.get("usage") or {} for each in measured.get("containers") or []]
    return PodUsage(
        name=metadata(measured)["name"],
        cpu=sum(parse_quantity(str(each.get("cpu", "0"))) or 0.0 for each in usages),
        memory=sum(parse_quantity(str(each.get("memory", "0"))) or 0.0 for each in usages),
    )


def container_specs(template: Mapping[str, Any]) -> tuple[ContainerSpec, ...]:
    """The containers of a template, init containers first, without any value of their environments."""
    spec = template.get("spec") or {}
    init = [_container(each, is_init=True) for each in spec.get("initContainers") or []]
    return (*init, *(_container(each) for each in spec.get("containers") or []))


def _container(container: Json, *, is_init: bool = False) -> ContainerSpec:
    resources = container.get("resources") or {}
    names = [str(each.get("name", "")) for each in container.get("env") or []]
    whole = [_source_name(each) for each in container.get("envFrom") or []]
    return ContainerSpec(
        name=str(container.get("name", "")),
        image=str(container.get("image", "")),
        requests=_amounts(resources.get("requests") or {}),
        limits=_amounts(resources.get("limits") or {}),
        ports=tuple(int(each["containerPort"]) for each in container.get("ports") or [] if "containerPort" in each),
        probes=tuple(
            name.removesuffix("Probe") for name in ("startupProbe", "readinessProbe", "livenessProbe") if container.get(name)
        ),
        environment=(*names, *whole),
        is_init=is_init,
    )


def _amounts(amounts: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{name} {value}" for name, value in sorted(amounts.items()))


def _source_name(source: Json) -> str:
    kind = "secretRef" if source.get("secretRef") else "configMapRef"
    word = "Secret" if kind == "secretRef" else "ConfigMap"
    return f"all of {word} {(source.get(kind) or {}).get('name', '')}"


def _workload_of(pod: Json) -> str:
    owner = next((each for each in metadata(pod).get("ownerReferences") or [] if each.get("controller")), None)
    if owner is None:
        return ""
    kind, name = str(owner.get("kind", "")), str(owner.get("name", ""))
    ending = f"-{labels(pod).get(POD_TEMPLATE_HASH_LABEL, '')}"
    # A ReplicaSet has the name of its Deployment and the hash that its pods carry.
    if kind == REPLICA_SETS.kind and len(ending) > 1 and name.endswith(ending):
        return name.removesuffix(ending)
    return workload_of_owner(kind.lower(), name)


def _pod_state(pod: Json) -> tuple[str, str]:
    """The word for the pod's state, and what explains it."""
    status = pod.get("status") or {}
    if metadata(pod).get("deletionTimestamp"):
        return "Terminating", ""
    if status.get("reason"):
        return str(status["reason"]), str(status.get("message") or "")
    for prefix, entries in (("Init:", status.get("initContainerStatuses")), ("", status.get("containerStatuses"))):
        for entry in entries or []:
            if found := _container_state(entry, prefix):
                return found
    for each in status.get("conditions") or []:
        if each.get("type") == "PodScheduled" and each.get("status") == "False":
            return "Pending", f"{each.get('reason', '')}: {each.get('message', '')}".strip(": ")
    return str(status.get("phase") or "Unknown"), ""


def _container_state(entry: Json, prefix: str) -> tuple[str, str] | None:
    """None for a container that does what it should."""
    state, last = entry.get("state") or {}, (entry.get("lastState") or {}).get("terminated") or {}
    if (waiting := state.get("waiting")) and waiting.get("reason") not in (None, "", "PodInitializing"):
        why = f"last ended with {last.get('reason', 'Error')}, exit code {last.get('exitCode', '?')}" if last else ""
        return f"{prefix}{waiting['reason']}", "; ".join(filter(None, [why, str(waiting.get("message") or "")]))
    if (ended := state.get("terminated")) and (ended.get("exitCode") or not prefix):
        done = ended.get("reason") == "Completed"
        return (f"{prefix}{ended.get('reason', 'Error')}", "" if done else f"exit code {ended.get('exitCode', '?')}")
    return None


def _ended(entry: Json) -> datetime | None:
    """When the container's last run ended."""
    finished = ((entry.get("lastState") or {}).get("terminated") or {}).get("finishedAt")
    return parse_time(finished) if finished else None


def _created_at(obj: Json) -> datetime:
    created = metadata(obj).get("creationTimestamp")
    return parse_time(created) if created else _EPOCH


def _is_bad(name: str, condition: Json) -> bool:
    return name in _PRESSURES and condition.get("status") == "True"


def _metric_name(metric: Json) -> str:
    kind = str(metric.get("type", ""))
    body = metric.get(f"{kind[:1].lower()}{kind[1:]}") or {}
    return str(body.get("name") or (body.get("metric") or {}).get("name") or kind)


def _metric_text(wanted: Json, current: Json | None) -> str:
    name = _metric_name(wanted)
    goal, now = _metric_value(wanted, "target"), _metric_value(current, "current") if current else ""
    return f"{name} {now or 'not known'} of {goal or 'no target'}"


def _metric_value(metric: Json, part: str) -> str:
    kind = str(metric.get("type", ""))
    value = (metric.get(f"{kind[:1].lower()}{kind[1:]}") or {}).get(part) or {}
    if "averageUtilization" in value:
        return f"{value['averageUtilization']} %"
    return str(value.get("averageValue") or value.get("value") or "")


def _scaler_problems(conditions: Iterable[Json]) -> Iterable[str]:
    """Conditions that keep it from scaling."""
    for each in conditions:
        if each.get("type") in ("AbleToScale", "ScalingActive") and each.get("status") == "False":
            yield f"{each.get('reason', '')}: {each.get('message', '')}".strip(": ")[:MAX_MESSAGE_LENGTH]
