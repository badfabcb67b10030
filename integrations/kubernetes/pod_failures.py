"""Why pods of the newest version do not come up, with the last thing they said."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from domain.errors import DeepechoError, Forbidden
from domain.targets import Target
from domain.workloads.deployments import PodTrouble
from integrations.kubernetes.client import Connection
from integrations.kubernetes.deployments import deployment_of, replica_sets_of
from integrations.kubernetes.pods import is_ready, newest_of, pods_of
from integrations.kubernetes.resources import EVENTS, Json, metadata, owner_uid

Redact = Callable[[str], str]

LAST_LINES = 10
_LOG_BYTES = 16_384
_PODS_WITH_LOGS = 5
"""Pods of one version fail alike; a hundred of them need not be read."""
_STARTING = {"ContainerCreating", "PodInitializing"}
_TELLING = {"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "Unhealthy"}
"""Events that say why a pod hangs whose own status says nothing."""
_OFTEN = 3
"""A probe may fail once or twice while a program starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    trouble: PodTrouble
    container: str = ""
    """Where there are lines to read, empty where it never ran."""
    previous: bool = False


async def troubles(connection: Connection, target: Target, redact: Redact) -> tuple[PodTrouble, ...]:
    """One for each pod of the newest ReplicaSet that cannot start, and one where the ReplicaSet may not even make pods."""
    deployment = await deployment_of(connection, target)
    sets, pods = await asyncio.gather(replica_sets_of(connection, deployment), pods_of(connection, deployment))
    newest = newest_of(deployment, sets)
    if newest is None:
        return ()
    waiting = [each for each in pods if owner_uid(each) == metadata(newest)["uid"] and _waits(each)]
    known = {metadata(each)["name"]: _found(each) for each in waiting}
    silent = {name for name, found in known.items() if found is None}
    told = await _told_by_events(connection, target.namespace, silent) if silent else {}
    found = [each for name, found in known.items() if (each := found or told.get(name))]
    with_lines = await asyncio.gather(*(_with_lines(connection, target, each, redact) for each in found[:_PODS_WITH_LOGS]))
    plain = [_redacted(each.trouble, redact) for each in found[_PODS_WITH_LOGS:]]
    return (*_cannot_create(newest, redact), *with_lines, *plain)


def _waits(pod: Json) -> bool:
    return "deletionTimestamp" not in metadata(pod) and not is_ready(pod)


def _found(pod: Json) -> _Found | None:
    """What the pod's own status says."""
    status, name = pod.get("status") or {}, metadata(pod)["name"]
    for each in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        if found := _container(name, each):
            return found
    for each in status.get("conditions") or []:
        if each["type"] == "PodScheduled" and each["status"] == "False":
            return _Found(trouble=_trouble(name, each.get("reason", "Unschedulable"), each.get("message", "")))
    if status.get("phase") == "Failed":
        return _Found(trouble=_trouble(name, status.get("reason", "Failed"), status.get("message", "")))
    return None


def _container(pod: str, status: Json) -> _Found | None:
    state, restarts = status.get("state") or {}, status.get("restartCount", 0)
    ended, before = state.get("terminated"), (status.get("lastState") or {}).get("terminated")
    waiting = state.get("waiting")
    container = status["name"]
    if ended is not None:
        if ended.get("exitCode") == 0:
            return None
        trouble = _trouble(pod, ended.get("reason", "Error"), _end(ended), restarts)
        return _Found(trouble=trouble, container=container)
    if waiting is not None and waiting.get("reason", "") not in {*_STARTING, ""}:
        killed = before is not None and before.get("reason") == "OOMKilled"
        message = "; ".join(filter(None, [waiting.get("message", ""), _end(before) if before else ""]))
        trouble = _trouble(pod, "OOMKilled" if killed else waiting["reason"], message, restarts)
        return _Found(trouble=trouble, container=container if restarts or before else "", previous=True)
    if before is not None and restarts:
        trouble = _trouble(pod, before.get("reason", "Error"), _end(before), restarts)
        return _Found(trouble=trouble, container=container, previous=True)
    return None


def _end(terminated: Json) -> str:
    said = terminated.get("message", "").strip()
    return f"exit code {terminated.get('exitCode', '?')}{f': {said}' if said else ''}"


def _trouble(pod: str, reason: str, message: str, restarts: int = 0) -> PodTrouble:
    return PodTrouble(pod=pod, reason=reason, message=message, restarts=restarts)


async def _told_by_events(connection: Connection, namespace: str, pods: Iterable[str]) -> dict[str, _Found]:
    """Events are a help, not a need: an account that may not read them goes without."""
    try:
        events = await connection.items(EVENTS, namespace, fields="involvedObject.kind=Pod,type=Warning")
    except Forbidden:
        return {}
    wanted, told = set(pods), dict[str, _Found]()
    for event in sorted(events, key=_last_seen):
        pod, reason = event["involvedObject"].get("name", ""), event.get("reason", "")
        if pod in wanted and reason in _TELLING and (reason != "Unhealthy" or _times(event) >= _OFTEN):
            told[pod] = _Found(trouble=_trouble(pod, reason, event.get("message", "")), container=_probed(event))
    return told


def _last_seen(event: Json) -> str:
    return (event.get("series") or {}).get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or ""


def _times(event: Json) -> int:
    return max((event.get("series") or {}).get("count") or 0, event.get("count") or 0)


def _probed(event: Json) -> str:
    """``spec.containers{web}``: the container that runs but does not pass its probe, so that it has lines to read."""
    path = event["involvedObject"].get("fieldPath", "")
    return path.rpartition("{")[2].rstrip("}") if event.get("reason") == "Unhealthy" and "{" in path else ""


def _cannot_create(replica_set: Json, redact: Redact) -> list[PodTrouble]:
    """A quota or an admission rule: there are no pods that could say so."""
    conditions: list[Json] = (replica_set.get("status") or {}).get("conditions") or []
    return [
        _redacted(_trouble(metadata(replica_set)["name"], each.get("reason", "FailedCreate"), each.get("message", "")), redact)
        for each in conditions
        if each["type"] == "ReplicaFailure" and each["status"] == "True"
    ]


async def _with_lines(connection: Connection, target: Target, found: _Found, redact: Redact) -> PodTrouble:
    lines = await _last_lines(connection, target.namespace, found) if found.container else ""
    trouble = _redacted(found.trouble, redact)
    return replace(trouble, last_lines=tuple(redact(lines).splitlines()[-LAST_LINES:]))


async def _last_lines(connection: Connection, namespace: str, found: _Found) -> str:
    """Lines of the run that ended; where those are gone, of the present one. Without either the reason stands alone."""
    for previous in (True, False) if found.previous else (False,):
        try:
            return await connection.log(
                namespace,
                found.trouble.pod,
                container=found.container,
                lines=LAST_LINES,
                previous=previous,
                limit=_LOG_BYTES,
            )
        except DeepechoError:
            continue
    return ""


def _redacted(trouble: PodTrouble, redact: Redact) -> PodTrouble:
    return replace(trouble, message=redact(trouble.message))
