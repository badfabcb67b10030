"""Jobs that are made from CronJobs, as ``kubectl create job --from`` does, and how they end."""

import copy
from collections.abc import Callable
from datetime import timedelta

from domain.errors import Conflict, DeepechoError, Refused
from domain.workloads.jobs import JobResult, JobStatus
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.resources import CRON_JOBS, JOBS, PODS, Json, annotations, labels, metadata, parse_time

OWNER_LABEL = "deepecho/owner"
"""Names what the Job was made for, such as a maintenance window."""
KEPT_SECONDS = 24 * 3600
"""How long the cluster keeps a Job after its end, at least: one that is gone before the bot looks counts as failed."""
_JOB_LABEL = "job-name"
"""The older of both labels of a Job's pods: every version sets it."""
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
"""Set where something adds containers to pods, as a service mesh does."""
_LOG_LINES_READ, _LOG_LINES, _MAX_LOG_BYTES = 40, 10, 512 * 1024
"""The limit of bytes ends an answer before the newest lines: few lines keep below it."""


async def start_job(client: KubernetesClient, namespace: str, cron_job: str, name: str, *, owner: str, limit: timedelta) -> None:
    """Make the Job, unless it is there. Raises NotFound without the CronJob, Refused where a Job of another owner has the name,
    and UnknownOutcome when the answer is lost: then it is safe to call again.
    """
    source = await client.get(CRON_JOBS, namespace, cron_job)
    try:
        await client.create(JOBS, namespace, name, _job(source, name, owner, limit))
    except Conflict:
        _require_own(await client.get(JOBS, namespace, name), name, owner)


async def job_status(
    client: KubernetesClient, namespace: str, name: str, *, owner: str, redact: Callable[[str], str]
) -> JobStatus:
    """How far the Job is; of one that failed with its last lines. Raises NotFound, and Refused for another owner's."""
    job = await client.get(JOBS, namespace, name)
    _require_own(job, name, owner)
    status = job.get("status") or {}
    conditions = {each["type"]: each for each in status.get("conditions") or [] if each.get("status") == "True"}
    if (complete := conditions.get("Complete")) is not None:
        ended = status.get("completionTime") or complete.get("lastTransitionTime")
        return JobStatus(result=JobResult.SUCCEEDED, ended_at=parse_time(ended) if ended else None)
    if (failed := conditions.get("Failed")) is not None:
        ended = failed.get("lastTransitionTime")
        return JobStatus(
            result=JobResult.FAILED,
            ended_at=parse_time(ended) if ended else None,
            reason=redact(": ".join(filter(None, (failed.get("reason"), failed.get("message"))))),
            log=await _last_lines(client, namespace, name, redact),
        )
    return JobStatus(result=JobResult.RUNNING)


def _job(source: Json, name: str, owner: str, limit: timedelta) -> Json:
    template = copy.deepcopy(source["spec"]["jobTemplate"])
    spec = template["spec"]
    # Suspending is for the schedule of a CronJob; a Job that is suspended never begins.
    for field in ("selector", "manualSelector", "suspend"):
        spec.pop(field, None)
    seconds = round(limit.total_seconds())
    spec["activeDeadlineSeconds"] = min(seconds, spec.get("activeDeadlineSeconds") or seconds)
    spec["ttlSecondsAfterFinished"] = max(KEPT_SECONDS, spec.get("ttlSecondsAfterFinished") or 0)
    return {
        "apiVersion": f"{JOBS.group}/{JOBS.version}",
        "kind": JOBS.kind,
        "metadata": {
            "name": name,
            "labels": {**labels(template), OWNER_LABEL: owner},
            "annotations": {**annotations(template), "cronjob.kubernetes.io/instantiate": "manual"},
        },
        "spec": spec,
    }


def _require_own(job: Json, name: str, owner: str) -> None:
    if labels(job).get(OWNER_LABEL) != owner:
        raise Refused(f"There is a Job {name} which was made by somebody else. It was left alone.")


async def _last_lines(client: KubernetesClient, namespace: str, name: str, redact: Callable[[str], str]) -> tuple[str, ...]:
    """Of the newest pod; none where its log cannot be read: how the Job ended is known without it."""
    try:
        pods = await client.list_items(PODS, namespace, label_selector=f"{_JOB_LABEL}={name}")
        if not pods:
            return ()
        newest = max(pods, key=lambda pod: str(metadata(pod).get("creationTimestamp", "")))
        text = await client.pod_log(
            namespace,
            metadata(newest)["name"],
            container=annotations(newest).get(_DEFAULT_CONTAINER) or newest["spec"]["containers"][0]["name"],
            lines=_LOG_LINES_READ,
            previous=False,
            max_bytes=_MAX_LOG_BYTES,
        )
    except DeepechoError:
        return ()
    return tuple(redact(text.rstrip("\n")).split("\n")[-_LOG_LINES:])
