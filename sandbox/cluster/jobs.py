"""The Job controller: one pod after another until one succeeds, too many have failed, or the time is over."""

import copy
from collections.abc import Callable
from datetime import timedelta

from sandbox.cluster.model import Json, Key, Now, format_time, owned_by, owner_reference, parse_time
from sandbox.cluster.recorder import EventRecorder
from sandbox.cluster.replicasets import is_active, random_suffix, terminate_pod
from sandbox.cluster.resources import JOBS, PODS
from sandbox.cluster.store import ObjectStore

SOURCE = "job-controller"
_DEFAULT_BACKOFF_LIMIT = 6
_LABELS = ("job-name", "batch.kubernetes.io/job-name")


class JobController:
    """``reconcile`` moves one Job on; ``requeue_after(key, seconds)`` brings it back at its deadline."""

    def __init__(self, store: ObjectStore, events: EventRecorder, now: Now, requeue_after: Callable[[Key, float], None]) -> None:
        self._store = store
        self._events = events
        self._now = now
        self._requeue_after = requeue_after

    def reconcile(self, key: Key) -> None:
        job = self._store.find(JOBS, key)
        if job is None or job["spec"].get("suspend") or _is_over(job):
            return
        started = (job.get("status") or {}).get("startTime")
        if started is None:
            started = format_time(self._now())
            self._change(key, {"startTime": started})
        pods = [pod for pod in self._store.all(PODS, key[0]) if owned_by(pod, job)]
        phases = [(pod.get("status") or {}).get("phase") for pod in pods]
        if "Succeeded" in phases:
            self._end(key, "Complete", "CompletionsReached", "Reached expected number of succeeded pods", succeeded=1)
        elif self._is_overdue(key, job, started):
            for pod in filter(is_active, pods):
                terminate_pod(self._store, pod, self._now)
            self._end(key, "Failed", "DeadlineExceeded", "Job was active longer than specified deadline")
        elif phases.count("Failed") > job["spec"].get("backoffLimit", _DEFAULT_BACKOFF_LIMIT):
            reason, message = "BackoffLimitExceeded", "Job has reached the specified backoff limit"
            self._end(key, "Failed", reason, message, failed=phases.count("Failed"))
        elif not any(map(is_active, pods)):
            self._add_pod(job)

    def _is_overdue(self, key: Key, job: Json, started: str) -> bool:
        seconds = job["spec"].get("activeDeadlineSeconds")
        if seconds is None:
            return False
        left = (parse_time(started) + timedelta(seconds=seconds) - self._now()).total_seconds()
        if left > 0:
            self._requeue_after(key, left + 0.05)
        return left <= 0

    def _add_pod(self, job: Json) -> None:
        name, template = job["metadata"]["name"], job["spec"]["template"]
        metadata = copy.deepcopy(template.get("metadata") or {})
        labels = {**(metadata.get("labels") or {}), **dict.fromkeys(_LABELS, name)}
        owner = owner_reference(JOBS.api_version, JOBS.kind, job)
        metadata |= {"name": f"{name}-{random_suffix()}", "namespace": job["metadata"]["namespace"], "labels": labels}
        pod = {
            "metadata": metadata | {"ownerReferences": [owner]},
            "spec": copy.deepcopy(template["spec"]),
            "status": {"phase": "Pending", "qosClass": "Burstable"},
        }
        self._store.create(PODS, pod)
        self._events.record(JOBS, job, "SuccessfulCreate", f"Created pod: {metadata['name']}", source=SOURCE)

    def _end(self, key: Key, kind: str, reason: str, message: str, **counts: int) -> None:
        at = format_time(self._now())
        condition = {"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": at}
        ended = {"completionTime": at} if kind == "Complete" else {}
        self._change(key, {"conditions": [condition], **ended, **counts})

    def _change(self, key: Key, status: Json) -> None:
        self._store.modify(JOBS, key, lambda obj: obj.setdefault("status", {}).update(status), status=True)


def _is_over(job: Json) -> bool:
    return any(each["type"] in ("Complete", "Failed") for each in (job.get("status") or {}).get("conditions", []))
