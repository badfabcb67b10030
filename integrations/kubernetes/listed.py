"""Turns what a cluster lists into small facts. A field that is missing or of another type is as if it were empty."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from domain.workloads.deployments import POD_TEMPLATE_HASH_LABEL
from domain.workloads.listings import ContainerSpec, ListedAutoscaler, ListedEvent, ListedNode, ListedPod, PodUsage
from domain.workloads.pod_names import workload_of_owner
from domain.workloads.quantities import parse_quantity
from integrations.kubernetes.lenient import mapping, mappings, text, time, whole_number
from integrations.kubernetes.resources import REPLICA_SETS, Json, labels, metadata

Redact = Callable[[str], str]
MAX_MESSAGE_LENGTH = 300
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PRESSURES = {"MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"}
_ZONE = "topology.kubernetes.io/zone"


def listed_pod(pod: Json, redact: Redact) -> ListedPod:
    """One pod, with the state that ``kubectl get pods`` would show."""
    spec, status = mapping(pod, "spec"), mapping(pod, "status")
    statuses, containers = mappings(status, "containerStatuses"), mappings(spec, "containers")
    ended = [time(_last_run(each), "finishedAt") for each in statuses]
    state, problem = _pod_state(pod)
    return ListedPod(
        name=metadata(pod)["name"],
        state=state,
        ready=sum(bool(each.get("ready")) for each in statuses),
        containers=len(containers),
        restarts=sum(whole_number(each, "restartCount") for each in statuses),
        restarted_at=max((each for each in ended if each is not None), default=None),
        created_at=_created_at(pod),
        workload=_workload_of(pod),
        node=text(spec, "nodeName"),
        image=text(containers[0], "image") if containers else "",
        problem=redact(problem)[:MAX_MESSAGE_LENGTH],
        is_done=status.get("phase") == "Succeeded",
    )


def listed_event(event: Json, redact: Redact) -> ListedEvent:
    """One event. Kubernetes writes the times of old and new events into different fields."""
    about, series = mapping(event, "involvedObject"), mapping(event, "series")
    last = time(series, "lastObservedTime") or time(event, "lastTimestamp") or time(event, "eventTime")
    return ListedEvent(
        is_warning=event.get("type") == "Warning",
        reason=text(event, "reason") or "Unknown",
        kind=text(about, "kind"),
        name=text(about, "name"),
        message=redact(" ".join(text(event, "message").split()))[:MAX_MESSAGE_LENGTH],
        count=max(whole_number(series, "count"), whole_number(event, "count"), 1),
        last_at=last or _created_at(event),
    )


def listed_node(node: Json, redact: Redact) -> ListedNode:
    """One node."""
    spec, status = mapping(node, "spec"), mapping(node, "status")
    conditions = {text(each, "type"): each for each in mappings(status, "conditions")}
    allocatable, ready = mapping(status, "allocatable"), mapping(conditions, "Ready")
    problems = [f"{name}: {text(each, 'message') or 'yes'}" for name, each in conditions.items() if _is_bad(name, each)]
    if ready.get("status") != "True":
        problems.insert(0, text(ready, "message") or "it does not say that it is ready")
    return ListedNode(
        name=metadata(node)["name"],
        is_ready=ready.get("status") == "True",
        is_cordoned=bool(spec.get("unschedulable")),
        problems=tuple(redact(each)[:MAX_MESSAGE_LENGTH] for each in problems),
        version=text(mapping(status, "nodeInfo"), "kubeletVersion"),
        created_at=_created_at(node),
        cpu=parse_quantity(text(allocatable, "cpu")),
        memory=parse_quantity(text(allocatable, "memory")),
        pods=parse_quantity(text(allocatable, "pods")),
        zone=labels(node).get(_ZONE, ""),
    )


def listed_autoscaler(scaler: Json, redact: Redact) -> ListedAutoscaler:
    """One autoscaler, of version 2; of version 1 without its metrics."""
    spec, status = mapping(scaler, "spec"), mapping(scaler, "status")
    reference = mapping(spec, "scaleTargetRef")
    current = {_metric_name(each): each for each in mappings(status, "currentMetrics")}
    return ListedAutoscaler(
        name=metadata(scaler)["name"],
        kind=text(reference, "kind"),
        target=text(reference, "name"),
        minimum=whole_number(spec, "minReplicas") or 1,
        maximum=whole_number(spec, "maxReplicas"),
        current=whole_number(status, "currentReplicas"),
        desired=whole_number(status, "desiredReplicas"),
        metrics=tuple(_metric_text(each, current.get(_metric_name(each))) for each in mappings(spec, "metrics")),
        problems=tuple(redact(each)[:MAX_MESSAGE_LENGTH] for each in _scaler_problems(mappings(status, "conditions"))),
        scaled_at=time(status, "lastScaleTime"),
    )


def pod_usage(measured: Json) -> PodUsage:
    """What one pod uses, over all its containers."""
    usages = [mapping(each, "usage") for each in mappings(measured, "containers")]
    return PodUsage(
        name=metadata(measured)["name"],
        cpu=sum(parse_quantity(text(each, "cpu")) or 0.0 for each in usages),
        memory=sum(parse_quantity(text(each, "memory")) or 0.0 for each in usages),
    )


def container_specs(template: Mapping[str, Any]) -> tuple[ContainerSpec, ...]:
    """The containers of a template, init containers first, without any value of their environments."""
    spec = mapping(template, "spec")
    init = [_container(each, is_init=True) for each in mappings(spec, "initContainers")]
    return (*init, *(_container(each) for each in mappings(spec, "containers")))


def _container(container: Json, *, is_init: bool = False) -> ContainerSpec:
    resources = mapping(container, "resources")
    names = [text(each, "name") for each in mappings(container, "env")]
    whole = [_source_name(each) for each in mappings(container, "envFrom")]
    return ContainerSpec(
        name=text(container, "name"),
        image=text(container, "image"),
        requests=_amounts(mapping(resources, "requests")),
        limits=_amounts(mapping(resources, "limits")),
        ports=tuple(port for each in mappings(container, "ports") if (port := whole_number(each, "containerPort"))),
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
    return f"all of {word} {text(mapping(source, kind), 'name')}"


def _workload_of(pod: Json) -> str:
    owner = next((each for each in mappings(metadata(pod), "ownerReferences") if each.get("controller")), None)
    if owner is None:
        return ""
    kind, name = text(owner, "kind"), text(owner, "name")
    ending = f"-{labels(pod).get(POD_TEMPLATE_HASH_LABEL, '')}"
    # A ReplicaSet has the name of its Deployment and the hash that its pods carry.
    if kind == REPLICA_SETS.kind and len(ending) > 1 and name.endswith(ending):
        return name.removesuffix(ending)
    return workload_of_owner(kind.lower(), name)


def _pod_state(pod: Json) -> tuple[str, str]:
    """The word for the pod's state, and what explains it."""
    status = mapping(pod, "status")
    if metadata(pod).get("deletionTimestamp"):
        return "Terminating", ""
    if reason := text(status, "reason"):
        return reason, text(status, "message")
    for prefix, entries in (("Init:", "initContainerStatuses"), ("", "containerStatuses")):
        for entry in mappings(status, entries):
            if found := _container_state(entry, prefix):
                return found
    for each in mappings(status, "conditions"):
        if each.get("type") == "PodScheduled" and each.get("status") == "False":
            return "Pending", _reason_and_message(each)
    return text(status, "phase") or "Unknown", ""


def _container_state(entry: Json, prefix: str) -> tuple[str, str] | None:
    """None for a container that does what it should."""
    state, last = mapping(entry, "state"), _last_run(entry)
    waiting, ended = mapping(state, "waiting"), mapping(state, "terminated")
    if (reason := text(waiting, "reason")) not in ("", "PodInitializing"):
        why = f"last ended with {text(last, 'reason') or 'Error'}, exit code {text(last, 'exitCode') or '?'}" if last else ""
        return f"{prefix}{reason}", "; ".join(filter(None, [why, text(waiting, "message")]))
    if ended and (ended.get("exitCode") or not prefix):
        reason = text(ended, "reason") or "Error"
        return f"{prefix}{reason}", "" if reason == "Completed" else f"exit code {text(ended, 'exitCode') or '?'}"
    return None


def _last_run(entry: Json) -> Json:
    """How the container's last run ended; empty while it is its first."""
    return mapping(mapping(entry, "lastState"), "terminated")


def _reason_and_message(condition: Json) -> str:
    return f"{text(condition, 'reason')}: {text(condition, 'message')}".strip(": ")


def _created_at(obj: Json) -> datetime:
    return time(metadata(obj), "creationTimestamp") or _EPOCH


def _is_bad(name: str, condition: Json) -> bool:
    return name in _PRESSURES and condition.get("status") == "True"


def _metric_name(metric: Json) -> str:
    body = _metric_body(metric)
    return text(body, "name") or text(mapping(body, "metric"), "name") or text(metric, "type")


def _metric_text(wanted: Json, current: Json | None) -> str:
    name = _metric_name(wanted)
    goal, now = _metric_value(wanted, "target"), _metric_value(current, "current") if current else ""
    return f"{name} {now or 'not known'} of {goal or 'no target'}"


def _metric_value(metric: Json, part: str) -> str:
    value = mapping(_metric_body(metric), part)
    if share := text(value, "averageUtilization"):
        return f"{share} %"
    return text(value, "averageValue") or text(value, "value")


def _metric_body(metric: Json) -> Json:
    """The part of a metric that is named by its type: of ``Resource`` the field ``resource``."""
    kind = text(metric, "type")
    return mapping(metric, f"{kind[:1].lower()}{kind[1:]}")


def _scaler_problems(conditions: Iterable[Json]) -> Iterable[str]:
    """Conditions that keep it from scaling."""
    for each in conditions:
        if each.get("type") in ("AbleToScale", "ScalingActive") and each.get("status") == "False":
            yield _reason_and_message(each)
