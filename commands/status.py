"""Look, and change nothing: what runs, and what ran."""

import asyncio
from collections.abc import Mapping
from datetime import datetime

from commands.core.arguments import Words
from commands.core.request import Request
from commands.core.router import Router
from commands.operations.start import service_named
from domain.answers.answers import (
    Answer,
    EnvironmentStatus,
    ServiceStatus,
    ServiceVersions,
    StatusAnswer,
    VersionLine,
    VersionsAnswer,
)
from domain.errors import PermanentError, TemporaryError
from domain.operations.locks import LockRecord
from domain.operations.operation import OperationRecord, State
from domain.people import Role
from domain.targets import Target
from domain.workloads.deployments import Revision, Workload
from domain.workloads.versions import version_of
from runbooks.clusters import cluster_of

router = Router()


@router.command("status", needs=Role.VIEWER, usage="[env] [service]", example="status production deep-echo-main", group="Look")
async def status_command(request: Request, words: Words) -> Answer:
    """What runs where: versions, pods, autoscalers, locks and operations."""
    environments = [words.environment] if words.environment else request.visible_environments
    service = service_named(request, words[1])
    async with request.services.store.read() as tx:
        unfinished = await tx.operations.unfinished()
        locks = await tx.locks.all(request.at)
    looks = (_environment(request, name, service, unfinished, locks) for name in environments)
    return StatusAnswer(at=request.at, environments=tuple(await asyncio.gather(*looks)))


@router.command(
    "versions", needs=Role.VIEWER, usage="<env> [service]", example="versions production deep-echo-main", group="Look"
)
async def versions_command(request: Request, words: Words) -> Answer:
    """What ran there and can run again, newest first."""
    environment, service = words.environment, service_named(request, words[1])
    names = [service] if service else request.catalogue.default_application.services
    targets = [request.catalogue.target(environment, name) for name in names]
    found = await _workloads(request, environment, targets)
    return VersionsAnswer(environment=environment, services=tuple(_versions(each, found.get(each)) for each in targets))


async def _environment(
    request: Request,
    name: str,
    service: str | None,
    unfinished: tuple[OperationRecord, ...],
    locks: tuple[LockRecord, ...],
) -> EnvironmentStatus:
    """One environment whose cluster is silent says so, and does not sink the others."""
    expected = [service] if service else request.catalogue.default_application.services
    names = [service] if service else list(request.catalogue.services)
    targets = [request.catalogue.target(name, each) for each in names]
    here = [each for each in unfinished if each.environment == name]
    services: tuple[ServiceStatus, ...] = ()
    problem = ""
    try:
        found = await _workloads(request, name, targets)
        # Not every service runs everywhere; one of the default application, or one that was asked about, is missed.
        shown = [each for each in targets if each in found or each.service in expected]
        services = tuple(_service(each, found.get(each), here) for each in shown)
    except (TemporaryError, PermanentError) as error:
        problem = str(error)
    return EnvironmentStatus(
        environment=name,
        protected=request.catalogue.environments[name].protected,
        services=services,
        locks=tuple(each for each in locks if each.environment == name),
        waiting=tuple(each for each in here if each.state is State.WAITING),
        problem=problem,
    )


async def _workloads(request: Request, environment: str, targets: list[Target]) -> Mapping[Target, Workload]:
    return await cluster_of(environment, request.catalogue, request.services.clusters).workloads(targets)


def _service(target: Target, workload: Workload | None, here: list[OperationRecord]) -> ServiceStatus:
    if workload is None:
        return ServiceStatus(service=target.service, problem=_absent(target))
    running = next((each for each in workload.revisions if each.number == workload.revision), None)
    at_work = [each for each in here if each.state is State.RUNNING and target.service in each.plan.services]
    return ServiceStatus(
        service=target.service,
        version=version_of(workload.image),
        image=workload.image,
        ready=workload.ready,
        desired=workload.replicas,
        revision=workload.revision,
        since=_since(running, workload) if running else None,
        autoscaler=workload.autoscaler,
        paused=workload.paused,
        owner=workload.owner,
        made_by=workload.operation_id,
        operation=at_work[0] if at_work else None,
    )


def _since(running: Revision, workload: Workload) -> datetime | None:
    """When it began to run; not known of a ReplicaSet that was taken up again, which keeps its first date."""
    again = any(each.created_at > running.created_at for each in workload.revisions)
    return None if again else running.created_at


def _versions(target: Target, workload: Workload | None) -> ServiceVersions:
    if workload is None:
        return ServiceVersions(service=target.service, problem=_absent(target))
    lines = tuple(
        VersionLine(
            revision=each.number,
            version=version_of(each.image),
            image=each.image,
            created_at=each.created_at,
            running=each.number == workload.revision,
            change_cause=each.change_cause,
            operation=each.operation_id,
        )
        for each in workload.revisions
    )
    return ServiceVersions(service=target.service, lines=lines)


def _absent(target: Target) -> str:
    return f"There is no Deployment {target.deployment} in the namespace {target.namespace}."
