"""Jobs that are made from CronJobs: made once, with an end of their own, and never mistaken for somebody else's."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from domain.errors import NotFound, Refused
from domain.workloads.jobs import JobResult, JobStatus
from integrations.kubernetes import Cluster
from sandbox.cluster import ClusterFault, StandInCluster
from tests.harness.cluster_namespace import ClusterNamespace

OWNER, LIMIT = "mw-k7m2", timedelta(minutes=10)
NAME = f"backup-{OWNER}-1"


def cron_job(name: str, tag: str = "1.4.0", **spec: Any) -> dict[str, Any]:
    pod = {"containers": [{"name": "main", "image": f"registry.example/backup:{tag}"}], "restartPolicy": "Never"}
    job = {"backoffLimit": 0, "template": {"metadata": {"labels": {"app": "backup"}}, "spec": pod}, **spec}
    template = {"metadata": {"labels": {"team": "platform"}}, "spec": job}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name},
        "spec": {"schedule": "0 3 * * *", "suspend": True, "jobTemplate": template},
    }


async def start(cluster: Cluster, namespace: ClusterNamespace, name: str = NAME, owner: str = OWNER) -> None:
    await cluster.start_job(namespace.name, "backup", name, owner=owner, limit=LIMIT)


async def ended(cluster: Cluster, namespace: ClusterNamespace) -> JobStatus:
    async with asyncio.timeout(30):
        while (status := await cluster.job_status(namespace.name, NAME, owner=OWNER)).result is JobResult.RUNNING:
            await asyncio.sleep(0.02)
    return status


async def jobs(namespace: ClusterNamespace) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await namespace.api.call("GET", f"/apis/batch/v1/namespaces/{namespace.name}/jobs"))["items"]
    return items


async def test_a_job_is_made_once_and_succeeds(namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster) -> None:
    assert stand_in.url
    await namespace.create(cron_job("backup"))
    for _ in range(3):
        await start(cluster, namespace)
    (job,) = await jobs(namespace)
    assert job["metadata"]["labels"] == {"team": "platform", "deepecho/owner": OWNER}
    assert job["metadata"]["annotations"] == {"cronjob.kubernetes.io/instantiate": "manual", "deepecho/cron-job": "backup"}
    assert job["spec"]["activeDeadlineSeconds"] == 600
    assert job["spec"]["ttlSecondsAfterFinished"] == 24 * 3600
    assert "ownerReferences" not in job["metadata"], "the CronJob's history limit must not delete it"
    status = await ended(cluster, namespace)
    assert (status.result, status.reason, status.log_problem) == (JobResult.SUCCEEDED, "", "")
    assert status.ended_at is not None
    await start(cluster, namespace)
    assert len(await jobs(namespace)) == 1


async def test_a_job_that_fails_says_why_with_its_last_lines(
    namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster
) -> None:
    assert stand_in.url
    await namespace.create(cron_job("backup", "crash"))
    await start(cluster, namespace)
    status = await ended(cluster, namespace)
    assert status.result is JobResult.FAILED
    assert "BackoffLimitExceeded: Job has reached the specified backoff limit" in status.reason
    assert status.log is not None
    assert "KeyError: 'CACHE_TTL_SECONDS'" in status.log.lines[-1]
    assert not any("hunter2" in line for line in status.log.lines)


async def test_a_job_ends_when_its_time_is_over(namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster) -> None:
    assert stand_in.url
    await namespace.create(cron_job("backup", "bad", activeDeadlineSeconds=1, ttlSecondsAfterFinished=100_000))
    await start(cluster, namespace)
    (job,) = await jobs(namespace)
    assert (job["spec"]["activeDeadlineSeconds"], job["spec"]["ttlSecondsAfterFinished"]) == (1, 100_000)
    assert "DeadlineExceeded" in (await ended(cluster, namespace)).reason


def job(name: str, tag: str, *, owners: list[dict[str, Any]] | None = None, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"deepecho/owner": OWNER}, "ownerReferences": owners or []}
    template = cron_job("backup", tag)["spec"]["jobTemplate"]["spec"]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {**template, **spec}}


def endless(namespace: ClusterNamespace) -> str:
    """The tag of a program that never ends: each pretend kubelet has its own."""
    return "hang" if namespace.stand_in else "crash"


async def test_the_log_of_a_job_is_read_while_it_runs_since_its_pod_goes_with_its_deadline(
    namespace: ClusterNamespace, cluster: Cluster
) -> None:
    await namespace.create(job(NAME, endless(namespace), activeDeadlineSeconds=3))
    async with asyncio.timeout(30):
        while not ((seen := await cluster.job_status(namespace.name, NAME, owner=OWNER)).log and seen.log.lines):
            await asyncio.sleep(0.05)
    assert seen.result is JobResult.RUNNING
    assert seen.log.pod.startswith(NAME)
    assert not any("hunter2" in line for line in seen.log.lines)
    async with asyncio.timeout(30):
        while (status := await cluster.job_status(namespace.name, NAME, owner=OWNER)).log or not status.log_problem:
            await asyncio.sleep(0.05)
    assert "DeadlineExceeded" in status.reason
    command = f"`kubectl --namespace {namespace.name} describe job {NAME}`"
    assert str(status.log_problem) == f"Kubernetes has removed its pod, and its log with it; {command} shows what is left."


async def test_a_pod_that_goes_between_the_list_and_its_log_is_gone(
    namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster
) -> None:
    await namespace.create(cron_job("backup", "crash"))
    await start(cluster, namespace)
    await ended(cluster, namespace)
    logs = f"/api/v1/namespaces/{namespace.name}/pods/{NAME}"
    stand_in.inject_fault(ClusterFault(kind="status", status=404, path_prefix=logs))
    status = await cluster.job_status(namespace.name, NAME, owner=OWNER)
    assert str(status.log_problem).startswith("Kubernetes has removed its pod, and its log with it;")


async def test_jobs_of_a_cron_job_that_run_are_found_whoever_made_them(namespace: ClusterNamespace, cluster: Cluster) -> None:
    # The oldest API server of these tests has no CronJobs of this version, and keeps Jobs of either.
    version = "batch/v1" if namespace.stand_in else "batch/v1beta1"
    owners = {
        name: {
            "apiVersion": version,
            "kind": "CronJob",
            "name": name,
            "uid": (await namespace.create(cron_job(name) | {"apiVersion": version}))["metadata"]["uid"],
            "controller": True,
        }
        for name in ("backup", "other")
    }
    await namespace.create(job("by-schedule", endless(namespace), owners=[owners["backup"]]))
    await namespace.create(job("of-another", endless(namespace), owners=[owners["other"]]))
    await namespace.create(job("of-nobody", endless(namespace)))
    await namespace.create(job("quick", "1.4.0", owners=[owners["backup"]]))
    ours = job("ours", endless(namespace))
    ours["metadata"]["annotations"] = {"deepecho/cron-job": "backup"}
    await namespace.create(ours)

    async def found() -> set[str]:
        return {each.name for each in await cluster.running_jobs(namespace.name, "backup")}

    assert {"by-schedule", "ours"} <= await found()
    async with asyncio.timeout(30):
        while "quick" in await found():
            await asyncio.sleep(0.05)
    assert await found() == {"by-schedule", "ours"}
    assert await cluster.running_jobs(namespace.name, "backups") == ()


async def test_somebody_elses_job_of_that_name_is_left_alone(
    namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster
) -> None:
    assert stand_in.url
    await namespace.create(cron_job("backup"))
    await start(cluster, namespace, owner="mw-other")
    with pytest.raises(Refused, match="made by somebody else"):
        await start(cluster, namespace)
    with pytest.raises(Refused, match="made by somebody else"):
        await cluster.job_status(namespace.name, NAME, owner=OWNER)
    assert len(await jobs(namespace)) == 1


async def test_what_is_not_there_is_said(namespace: ClusterNamespace, cluster: Cluster, stand_in: StandInCluster) -> None:
    assert stand_in.url
    with pytest.raises(NotFound, match="There is no CronJob backup in namespace"):
        await start(cluster, namespace)
    with pytest.raises(NotFound, match="There is no CronJob backup in namespace"):
        await cluster.require_cron_job(namespace.name, "backup")
    with pytest.raises(NotFound, match=f"There is no Job {NAME}"):
        await cluster.job_status(namespace.name, NAME, owner=OWNER)
