"""Jobs that are made from CronJobs, as ``kubectl create job --from`` does, and how they end."""

import copy
from collections.abc import Callable
from datetime import timedelta

from domain.errors import Conflict, DeepechoError, NotFound, Refused
from domain.rich_text import Code, Text, sentence
from domain.text import shorten
from domain.workloads.jobs import JobLog, JobResult, JobStatus, RunningJob
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.resources import CRON_JOBS, JOBS, PODS, Json, annotations, labels, metadata, parse_time

OWNER_LABEL = "deepecho/owner"
"""Names what the Job was made for, such as a maintenance window."""
_CRON_JOB = "deepecho/cron-job"
"""The annotation with the name of the CronJob: as its owner it would delete the Job."""
KEPT_SECONDS = 24 * 3600
"""How long the cluster keeps a Job after its end, at least: one that is gone before the bot looks counts as failed."""
_JOB_LABEL = "job-name"
"""The older of both labels of a Job's pods: every version sets it."""
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
"""Set where something adds containers to pods, as a service mesh does."""
_LOG_LINES_READ, _LOG_LINES, _MAX_LINE, _MAX_LOG_BYTES = 40, 10, 500, 512 * 1024
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
        log, problem = await _read_log(client, namespace, name, redact)
        return JobStatus(
            result=JobResult.FAILED,
            ended_at=parse_time(ended) if ended else None,
            reason=redact(": ".join(filter(None, (failed.get("reason"), failed.get("message"))))),
            log=log,
            log_problem=problem,
        )
    log, _ = await _read_log(client, namespace, name, redact)
    return JobStatus(result=JobResult.RUNNING, log=log)


async def running_jobs(client: KubernetesClient, namespace: str, cron_job: str) -> tuple[RunningJob, ...]:
    """Jobs of a CronJob that have not ended, the oldest first: of its schedule, of ``kubectl create job --from``, and ours.

    The CronJob's own list of them lacks those of people.
    """
    jobs = [each for each in await client.list_items(JOBS, namespace) if _is_of(each, cron_job) and _is_running(each)]
    return tuple(sorted(map(_running_job, jobs), key=lambda each: (each.since, each.name)))


def _is_of(job: Json, cron_job: str) -> bool:
    owners = metadata(job).get("ownerReferences") or []
    is_owned = any(owner.get("kind") == CRON_JOBS.kind and owner.get("name") == cron_job for owner in owners)
    return is_owned or annotations(job).get(_CRON_JOB) == cron_job


def _is_running(job: Json) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or []
    has_ended = any(each["type"] in ("Complete", "Failed") and each.get("status") == "True" for each in conditions)
    return not has_ended and not job["spec"].get("suspend")


def _running_job(job: Json) -> RunningJob:
    started = (job.get("status") or {}).get("startTime") or metadata(job)["creationTimestamp"]
    return RunningJob(name=metadata(job)["name"], since=parse_time(started))


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
            "annotations": {
                **annotations(template),
                "cronjob.kubernetes.io/instantiate": "manual",
                _CRON_JOB: metadata(source)["name"],
            },
        },
        "spec": spec,
    }


def _require_own(job: Json, name: str, owner: str) -> None:
    if labels(job).get(OWNER_LABEL) != owner:
        raise Refused(f"There is a Job {name} which was made by somebody else. It was left alone.")


async def _read_log(
    client: KubernetesClient, namespace: str, name: str, redact: Callable[[str], str]
) -> tuple[JobLog | None, Text]:
    """The log of its newest pod, or why there is none: how the Job is, is known without it."""
    try:
        log = await _last_lines(client, namespace, name, redact)
    except NotFound:
        log = None  # Its pod went between the list and its log.
    except DeepechoError as error:
        return None, sentence("Its log cannot be read: ", error.sentence)
    if log is None:
        command = Code(f"kubectl --namespace {namespace} describe job {name}")
        return None, sentence("Kubernetes has removed its pod, and its log with it; ", command, " shows what is left.")
    return log, ""


async def _last_lines(client: KubernetesClient, namespace: str, name: str, redact: Callable[[str], str]) -> JobLog | None:
    """None without a pod: Kubernetes deletes it when the Job's time is over, and of some Jobs when they have failed often."""
    pods = await client.list_items(PODS, namespace, label_selector=f"{_JOB_LABEL}={name}")
    if not pods:
        return None
    newest = max(pods, key=lambda pod: str(metadata(pod).get("creationTimestamp", "")))
    text = await client.pod_log(
        namespace,
        metadata(newest)["name"],
        container=annotations(newest).get(_DEFAULT_CONTAINER) or newest["spec"]["containers"][0]["name"],
        lines=_LOG_LINES_READ,
        previous=False,
        max_bytes=_MAX_LOG_BYTES,
    )
    lines = redact(text.rstrip("\n")).split("\n")[-_LOG_LINES:] if text.strip() else []
    return JobLog(
        pod=metadata(newest)["name"],
        pod_made_at=parse_time(metadata(newest)["creationTimestamp"]),
        lines=tuple(shorten(line, _MAX_LINE) for line in lines),
    )
