"""The commands ``status`` and ``versions``: what runs, and what ran."""

import asyncio
from collections.abc import Mapping
from datetime import datetime

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from commands.operations.start import resolve_service
from domain.answers.answers import (
    EnvironmentStatus,
    ServiceStatus,
    ServiceVersions,
    StatusAnswer,
    VersionLine,
    VersionsAnswer,
)
from domain.errors import PermanentError, TemporaryError
from domain.facts import Answer
from domain.operations.locks import LockRecord
from domain.operations.operation import OperationRecord, State
from domain.people import Role
from domain.rich_text import Text
from domain.targets import Target
from domain.workloads.deployments import Revision, Workload
from domain.workloads.images import version_of
from runbooks.clusters import cluster_of

router = Router()


@router.command("status", needs=Role.VIEWER, usage="[env] [service]", example="status production deep-echo-main", group="Look")
async def status_command(request: Request, args: Arguments) -> Answer:
    """What runs where: versions, pods, autoscalers, locks and operations."""
    environments = [args.environment] if args.environment else request.visible_environments
    service = resolve_service(request, args[1])
    async with request.services.store.read() as tx:
        unfinished = await tx.operations.unfinished()
        locks = await tx.locks.active(request.at)
    statuses = (_environment_status(request, name, service, unfinished, locks) for name in environments)
    return StatusAnswer(at=request.at, environments=tuple(await asyncio.gather(*statuses)))


@router.command(
    "versions", needs=Role.VIEWER, usage="<env> [service]", example="versions production deep-echo-main", group="Look"
)
async def versions_command(request: Request, args: Arguments) -> Answer:
    """What ran there and can run again, newest first."""
    environment, service = args.environment, resolve_service(request, args[1])
    names = [service] if service else request.catalogue.default_application.services
    targets = [request.catalogue.target(environment, name) for name in names]
    found = await _read_workloads(request, environment, targets)
    return VersionsAnswer(
        environment=environment, services=tuple(_service_versions(target, found.get(target)) for target in targets)
    )


async def _environment_status(
    request: Request,
    name: str,
    service: str | None,
    unfinished: tuple[OperationRecord, ...],
    locks: tuple[LockRecord, ...],
) -> EnvironmentStatus:
    """The status of one environment; if its cluster does not answer, a ``problem`` that leaves the other environments alone."""
    expected = [service] if service else request.catalogue.default_application.services
    names = [service] if service else list(request.catalogue.services)
    targets = [request.catalogue.target(name, service_name) for service_name in names]
    operations = [record for record in unfinished if record.environment == name]
    services: tuple[ServiceStatus, ...] = ()
    problem: Text = ""
    try:
        found = await _read_workloads(request, name, targets)
        # Not every service runs in every environment: report only those missing that are expected here.
        shown = [target for target in targets if target in found or target.service in expected]
        services = tuple(_service_status(target, found.get(target), operations) for target in shown)
    except (TemporaryError, PermanentError) as error:
        problem = error.sentence
    return EnvironmentStatus(
        environment=name,
        protected=request.catalogue.environments[name].protected,
        services=services,
        locks=tuple(lock for lock in locks if lock.environment == name),
        waiting=tuple(record for record in operations if record.state is State.WAITING),
        problem=problem,
    )


async def _read_workloads(request: Request, environment: str, targets: list[Target]) -> Mapping[Target, Workload]:
    return await cluster_of(environment, request.catalogue, request.services.clusters).workloads(targets)


def _service_status(target: Target, workload: Workload | None, operations: list[OperationRecord]) -> ServiceStatus:
    if workload is None:
        return ServiceStatus(service=target.service, problem=_deployment_missing(target))
    running = next((revision for revision in workload.revisions if revision.number == workload.revision), None)
    running_operations = [
        record for record in operations if record.state is State.RUNNING and target.service in record.plan.services
    ]
    return ServiceStatus(
        service=target.service,
        version=version_of(workload.image),
        image=workload.image,
        ready=workload.ready,
        desired=workload.replicas,
        revision=workload.revision,
        since=_running_since(running, workload) if running else None,
        autoscaler=workload.autoscaler,
        paused=workload.paused,
        owner=workload.owner,
        last_operation_id=workload.operation_id,
        active_operation=running_operations[0] if running_operations else None,
    )


def _running_since(running: Revision, workload: Workload) -> datetime | None:
    """When the revision began to run; None if a rollback has reactivated its ReplicaSet, which keeps its first creation time."""
    was_reactivated = any(revision.created_at > running.created_at for revision in workload.revisions)
    return None if was_reactivated else running.created_at


def _service_versions(target: Target, workload: Workload | None) -> ServiceVersions:
    if workload is None:
        return ServiceVersions(service=target.service, problem=_deployment_missing(target))
    lines = tuple(
        VersionLine(
            revision=revision.number,
            version=version_of(revision.image),
            image=revision.image,
            created_at=revision.created_at,
            running=revision.number == workload.revision,
            change_cause=revision.change_cause,
            operation_id=revision.operation_id,
        )
        for revision in workload.revisions
    )
    return ServiceVersions(service=target.service, lines=lines)


def _deployment_missing(target: Target) -> str:
    return f"There is no {target.kind} {target.deployment} in the namespace {target.namespace}."
