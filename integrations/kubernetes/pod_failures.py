"""Why pods of the newest version do not become ready, with the last lines of their logs."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from domain.errors import DeepechoError, Forbidden
from domain.targets import Target
from domain.workloads.deployments import PodFailure
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.deployments import deployment_of, newest_replica_set, replica_sets_of
from integrations.kubernetes.pods import is_ready, pods_of
from integrations.kubernetes.resources import EVENTS, Json, metadata
from integrations.kubernetes.workload_kinds import kind_of

Redact = Callable[[str], str]

MAX_LOG_LINES = 10
_LOG_LINES_READ = 60
"""More than are shown: the line that names a secret, and the 52 lines of a key of 4,096 bits, may stand before the last ten."""
_MAX_LOG_BYTES = 65_536
_MAX_PODS_WITH_LOGS = 5
"""Pods of one version fail alike: a few logs are enough."""
_STARTING_REASONS = {"ContainerCreating", "PodInitializing"}
_EXPLAINING_EVENT_REASONS = {"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "Unhealthy"}
"""Events that explain a pod whose own status gives no reason."""
_MIN_PROBE_FAILURES = 3
"""A probe often fails once or twice while a program starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    failure: PodFailure
    container: str = ""
    """The container whose log to read; empty if it never ran."""
    previous: bool = False
    """Whether to read the log of its previous run."""


async def pod_failures(client: KubernetesClient, target: Target, redact: Redact) -> tuple[PodFailure, ...]:
    """One failure for each unready pod of the newest ReplicaSet with a reason, and one if it cannot create pods at all."""
    deployment = await deployment_of(client, target)
    replica_sets, pods = await asyncio.gather(replica_sets_of(client, deployment), pods_of(client, deployment))
    newest = newest_replica_set(deployment, replica_sets)
    if newest is None:
        return ()
    unready = [pod for pod in pods if kind_of(deployment).is_of(pod, newest) and _is_unready(pod)]
    candidates_by_pod = {metadata(pod)["name"]: _from_pod_status(pod) for pod in unready}
    unexplained = {name for name, candidate in candidates_by_pod.items() if candidate is None}
    by_event = await _from_events(client, target.namespace, unexplained) if unexplained else {}
    candidates = [explained for name, own in candidates_by_pod.items() if (explained := own or by_event.get(name))]
    logged, plain = candidates[:_MAX_PODS_WITH_LOGS], candidates[_MAX_PODS_WITH_LOGS:]
    with_logs = await asyncio.gather(*(_with_log_tail(client, target, candidate, redact) for candidate in logged))
    without_logs = [_redacted(candidate.failure, redact) for candidate in plain]
    return (*_creation_failures(newest, redact), *with_logs, *without_logs)


def _is_unready(pod: Json) -> bool:
    return "deletionTimestamp" not in metadata(pod) and not is_ready(pod)


def _from_pod_status(pod: Json) -> _Candidate | None:
    """The failure in the pod's own status; None if the status gives no reason."""
    status, name = pod.get("status") or {}, metadata(pod)["name"]
    for entry in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        if candidate := _from_container_status(name, entry):
            return candidate
    for entry in status.get("conditions") or []:
        if entry["type"] == "PodScheduled" and entry["status"] == "False":
            return _Candidate(failure=_pod_failure(name, entry.get("reason", "Unschedulable"), entry.get("message", "")))
    if status.get("phase") == "Failed":
        return _Candidate(failure=_pod_failure(name, status.get("reason", "Failed"), status.get("message", "")))
    return None


def _from_container_status(pod_name: str, status: Json) -> _Candidate | None:
    state, restarts = status.get("state") or {}, status.get("restartCount", 0)
    terminated, last_terminated = state.get("terminated"), (status.get("lastState") or {}).get("terminated")
    waiting = state.get("waiting")
    container = status["name"]
    if terminated is not None:
        # A container that ended well, such as an init container, is no failure.
        if terminated.get("exitCode") == 0:
            return None
        failure = _pod_failure(pod_name, terminated.get("reason", "Error"), _exit_message(terminated), restarts)
        return _Candidate(failure=failure, container=container)
    if waiting is not None and waiting.get("reason", "") not in {*_STARTING_REASONS, ""}:
        # The reason would be CrashLoopBackOff; that the last run was out of memory explains more.
        oom_killed = last_terminated is not None and last_terminated.get("reason") == "OOMKilled"
        message = "; ".join(filter(None, [waiting.get("message", ""), _exit_message(last_terminated) if last_terminated else ""]))
        failure = _pod_failure(pod_name, "OOMKilled" if oom_killed else waiting["reason"], message, restarts)
        return _Candidate(failure=failure, container=container if restarts or last_terminated else "", previous=True)
    if last_terminated is not None and restarts:
        failure = _pod_failure(pod_name, last_terminated.get("reason", "Error"), _exit_message(last_terminated), restarts)
        return _Candidate(failure=failure, container=container, previous=True)
    return None


def _exit_message(terminated: Json) -> str:
    text = terminated.get("message", "").strip()
    return f"exit code {terminated.get('exitCode', '?')}{f': {text}' if text else ''}"


def _pod_failure(pod: str, reason: str, message: str, restarts: int = 0) -> PodFailure:
    return PodFailure(pod=pod, reason=reason, message=message, restarts=restarts)


async def _from_events(client: KubernetesClient, namespace: str, pod_names: Iterable[str]) -> dict[str, _Candidate]:
    """Failures explained by Warning events, by pod. Without the permission to read events there are none."""
    try:
        events = await client.list_items(EVENTS, namespace, field_selector="involvedObject.kind=Pod,type=Warning")
    except Forbidden:
        return {}
    wanted_pods, candidates = set(pod_names), dict[str, _Candidate]()
    # Oldest first, so that a pod's newest event wins.
    for event in sorted(events, key=_last_seen_at):
        pod, reason = event["involvedObject"].get("name", ""), event.get("reason", "")
        if (
            pod in wanted_pods
            and reason in _EXPLAINING_EVENT_REASONS
            and (reason != "Unhealthy" or _event_count(event) >= _MIN_PROBE_FAILURES)
        ):
            candidates[pod] = _Candidate(
                failure=_pod_failure(pod, reason, event.get("message", "")), container=_probed_container(event)
            )
    return candidates


def _last_seen_at(event: Json) -> str:
    return (event.get("series") or {}).get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or ""


def _event_count(event: Json) -> int:
    return max((event.get("series") or {}).get("count") or 0, event.get("count") or 0)


def _probed_container(event: Json) -> str:
    """The container in ``spec.containers{web}`` that fails its probe: it runs, so that it has a log. Empty for other events."""
    path = event["involvedObject"].get("fieldPath", "")
    return path.rpartition("{")[2].rstrip("}") if event.get("reason") == "Unhealthy" and "{" in path else ""


def _creation_failures(replica_set: Json, redact: Redact) -> list[PodFailure]:
    """Failures to create pods, from a quota or an admission rule: only the ReplicaSet's status shows them."""
    conditions: list[Json] = (replica_set.get("status") or {}).get("conditions") or []
    return [
        _redacted(
            _pod_failure(metadata(replica_set)["name"], condition.get("reason", "FailedCreate"), condition.get("message", "")),
            redact,
        )
        for condition in conditions
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True"
    ]


async def _with_log_tail(client: KubernetesClient, target: Target, candidate: _Candidate, redact: Redact) -> PodFailure:
    lines = await _read_log_tail(client, target.namespace, candidate) if candidate.container else ""
    failure = _redacted(candidate.failure, redact)
    return replace(failure, log_tail=tuple(redact(lines).splitlines()[-MAX_LOG_LINES:]))


async def _read_log_tail(client: KubernetesClient, namespace: str, candidate: _Candidate) -> str:
    """Read the log of the run that failed, else of the current run. Without either the failure has no log."""
    for previous in (True, False) if candidate.previous else (False,):
        try:
            return await client.pod_log(
                namespace,
                candidate.failure.pod,
                container=candidate.container,
                lines=_LOG_LINES_READ,
                previous=previous,
                max_bytes=_MAX_LOG_BYTES,
            )
        except DeepechoError:
            continue
    return ""


def _redacted(failure: PodFailure, redact: Redact) -> PodFailure:
    return replace(failure, message=redact(failure.message))
