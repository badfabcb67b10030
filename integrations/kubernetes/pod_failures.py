"""Why pods of the newest version do not become ready, with the last lines of their logs."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from functools import partial

from domain.errors import Forbidden, PermanentError, TemporaryError
from domain.targets import Target
from domain.workloads.pod_failures import CRASH_LOOP, FailureCause, PodFailure
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
MAX_LOG_TAILS_KEPT = 200
"""Of runs that are over, for all pods of a cluster: ten lines each."""
_STARTING_REASONS = {"ContainerCreating", "PodInitializing"}
_EXPLAINING_EVENT_REASONS = {"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "Unhealthy"}
"""Events that explain a pod whose own status gives no reason."""
_MIN_PROBE_FAILURES = 3
"""A probe often fails once or twice while a program starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    failure: PodFailure
    pod_uid: str = ""
    has_log: bool = False
    """Whether the container ever ran."""
    previous: bool = False
    """Whether to read the log of its previous run."""
    is_over: bool = False
    """Whether that run has ended, so that its log will not change."""


async def pod_failures(
    client: KubernetesClient, target: Target, redact: Redact, known: Collection[FailureCause] = ()
) -> tuple[PodFailure, ...]:
    """One failure for each container of unready pods of the newest ReplicaSet, and one if it cannot create pods at all.

    What fails for a cause that is ``known`` has no log: nobody waits for it any more.
    """
    deployment = await deployment_of(client, target)
    replica_sets, pods = await asyncio.gather(replica_sets_of(client, deployment), pods_of(client, deployment))
    newest = newest_replica_set(deployment, replica_sets)
    if newest is None:
        return ()
    unready = [pod for pod in pods if kind_of(deployment).is_of(pod, newest) and _is_unready(pod)]
    candidates_by_pod = {metadata(pod)["name"]: _from_pod_status(pod) for pod in unready}
    unexplained = {name for name, own in candidates_by_pod.items() if not own}
    by_event = await _from_events(client, target.namespace, unexplained) if unexplained else {}
    candidates = [each for name, own in candidates_by_pod.items() for each in own or by_event.get(name, [])]
    news = [candidate for candidate in candidates if candidate.failure.cause not in known]
    logged, plain = news[:_MAX_PODS_WITH_LOGS], news[_MAX_PODS_WITH_LOGS:]
    plain += [candidate for candidate in candidates if candidate.failure.cause in known]
    with_logs = await asyncio.gather(*(_with_log_tail(client, target, candidate, redact) for candidate in logged))
    without_logs = [_redacted(candidate.failure, redact) for candidate in plain]
    return (*_creation_failures(newest, redact), *with_logs, *without_logs)


def _is_unready(pod: Json) -> bool:
    return "deletionTimestamp" not in metadata(pod) and not is_ready(pod)


def _from_pod_status(pod: Json) -> list[_Candidate]:
    """The failure of each container in the pod's own status, else that of the pod; none if the status gives no reason."""
    status, name = pod.get("status") or {}, metadata(pod)["name"]
    entries = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    found = [candidate for entry in entries if (candidate := _from_container_status(name, entry))]
    if found:
        return [replace(candidate, pod_uid=str(metadata(pod).get("uid", ""))) for candidate in found]
    for entry in status.get("conditions") or []:
        if entry["type"] == "PodScheduled" and entry["status"] == "False":
            return [_Candidate(failure=_pod_failure(name, entry.get("reason", "Unschedulable"), entry.get("message", "")))]
    if status.get("phase") == "Failed":
        return [_Candidate(failure=_pod_failure(name, status.get("reason", "Failed"), status.get("message", "")))]
    return []


def _from_container_status(pod_name: str, status: Json) -> _Candidate | None:
    state, restarts = status.get("state") or {}, status.get("restartCount", 0)
    terminated, last_terminated = state.get("terminated"), (status.get("lastState") or {}).get("terminated")
    waiting, failure = state.get("waiting"), partial(_pod_failure, pod_name, container=status["name"], restarts=restarts)
    if terminated is not None:
        # A container that ended well, such as an init container, is no failure.
        if terminated.get("exitCode") == 0:
            return None
        return _Candidate(
            failure=failure(terminated.get("reason", "Error"), _exit_message(terminated)), has_log=True, is_over=True
        )
    if waiting is not None and waiting.get("reason", "") not in {*_STARTING_REASONS, ""}:
        message = "; ".join(filter(None, [waiting.get("message", ""), _exit_message(last_terminated) if last_terminated else ""]))
        reason = _waiting_reason(waiting["reason"], last_terminated or {})
        return _Candidate(
            failure=failure(reason, message), has_log=bool(restarts or last_terminated), previous=True, is_over=True
        )
    if last_terminated is not None and restarts:
        reason = last_terminated.get("reason", "Error")
        return _Candidate(failure=failure(reason, _exit_message(last_terminated)), has_log=True, previous=True, is_over=True)
    return None


def _waiting_reason(reason: str, last_terminated: Json) -> str:
    """The reason of the last run where it explains more than that the container waits, such as ``OOMKilled``."""
    last = str(last_terminated.get("reason", ""))
    return last if reason == CRASH_LOOP and last not in ("", "Error", "Completed") else reason


def _exit_message(terminated: Json) -> str:
    text = terminated.get("message", "").strip()
    return f"exit code {terminated.get('exitCode', '?')}{f': {text}' if text else ''}"


def _pod_failure(pod: str, reason: str, message: str, *, container: str = "", restarts: int = 0) -> PodFailure:
    return PodFailure(pod=pod, container=container, reason=reason, message=message, restarts=restarts)


async def _from_events(client: KubernetesClient, namespace: str, pod_names: Iterable[str]) -> dict[str, list[_Candidate]]:
    """Failures explained by Warning events, by pod. Without the permission to read events there are none."""
    try:
        events = await client.list_items(EVENTS, namespace, field_selector="involvedObject.kind=Pod,type=Warning")
    except Forbidden:
        return {}
    wanted_pods, candidates = set(pod_names), dict[str, list[_Candidate]]()
    # Oldest first, so that a pod's newest event wins.
    for event in sorted(events, key=_last_seen_at):
        pod, reason = event["involvedObject"].get("name", ""), event.get("reason", "")
        if (
            pod in wanted_pods
            and reason in _EXPLAINING_EVENT_REASONS
            and (reason != "Unhealthy" or _event_count(event) >= _MIN_PROBE_FAILURES)
        ):
            container = _probed_container(event)
            failure = _pod_failure(pod, reason, event.get("message", ""), container=container)
            candidates[pod] = [_Candidate(failure=failure, has_log=bool(container))]
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
    lines = await _log_tail(client, target.namespace, candidate, redact) if candidate.has_log else ()
    return replace(_redacted(candidate.failure, redact), log_tail=lines)


async def _log_tail(client: KubernetesClient, namespace: str, candidate: _Candidate, redact: Redact) -> tuple[str, ...]:
    """The last lines, redacted. Those of a run that is over are read once."""
    failure = candidate.failure
    key = (candidate.pod_uid, failure.container, failure.restarts)
    if candidate.is_over and (kept := client.log_tails.get(key)) is not None:
        return kept
    text = await _read_log_tail(client, namespace, candidate)
    tail = tuple(redact(text or "").splitlines()[-MAX_LOG_LINES:])
    if candidate.is_over and text is not None:
        client.log_tails[key] = tail
        while len(client.log_tails) > MAX_LOG_TAILS_KEPT:
            del client.log_tails[next(iter(client.log_tails))]
    return tail


async def _read_log_tail(client: KubernetesClient, namespace: str, candidate: _Candidate) -> str | None:
    """Read the log of the run that failed, else of the current run. None if the cluster did not answer."""
    is_answered = True
    for previous in (True, False) if candidate.previous else (False,):
        try:
            return await client.pod_log(
                namespace,
                candidate.failure.pod,
                container=candidate.failure.container,
                lines=_LOG_LINES_READ,
                previous=previous,
                max_bytes=_MAX_LOG_BYTES,
            )
        except PermanentError:
            continue
        except TemporaryError:
            is_answered = False
    return "" if is_answered else None


def _redacted(failure: PodFailure, redact: Redact) -> PodFailure:
    return replace(failure, message=redact(failure.message))
