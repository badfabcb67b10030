"""The commands ``status`` and ``versions``: what runs, and what ran."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
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
    UnwellServices,
    VersionLine,
    VersionsAnswer,
)
from domain.errors import Forbidden, PermanentError, TemporaryError
from domain.facts import Answer
from domain.operations.locks import LockRecord
from domain.operations.operation import OperationRecord, State
from domain.people import Role
from domain.rich_text import Text
from domain.targets import Target
from domain.workloads.deployments import Revision, Workload
from domain.workloads.images import version_of
from domain.workloads.pod_counts import PodCounts
from runbooks.clusters import cluster_of
from runbooks.operations.template_origins import with_proven_operations

router = Router()

HOME_TIMEOUT = 2.0
"""Seconds that the Home tab waits for a cluster: a person waits for the tab."""


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
    targets = _targets(request, environment, service)
    found, pods = await _read_workloads(request, environment, targets)
    found = await with_proven_operations(request.services.store, found)
    shown = _shown(request, service, targets, found)
    if service is None and (own := [target for target in shown if target.service in _expected(request, None)]):
        shown = own
    missing = await _missing(request, environment, shown, found)
    return VersionsAnswer(
        environment=environment,
        services=tuple(
            _service_versions(target, found[target], pods)
            if target in found
            else ServiceVersions(service=target.service, problem=missing[target])
            for target in shown
        ),
    )


async def unwell_services(request: Request) -> Answer | None:
    """A section of the Home tab: what does not run as it was asked for; None where all is well."""
    async with request.services.store.read() as tx:
        unfinished = await tx.operations.unfinished()
    statuses = await asyncio.gather(*(_unwell_in(request, name, unfinished) for name in request.visible_environments))
    unwell = tuple(each for each in statuses if each.services or each.problem)
    return UnwellServices(environments=unwell) if unwell else None


async def _unwell_in(request: Request, name: str, unfinished: tuple[OperationRecord, ...]) -> EnvironmentStatus:
    """Only the services that are not well; those that an operation changes now stand among the operations."""
    try:
        async with asyncio.timeout(HOME_TIMEOUT):
            found = await _environment_status(request, name, None, unfinished, ())
    except TimeoutError:
        protected = request.catalogue.environments[name].protected
        return EnvironmentStatus(environment=name, protected=protected, problem=f"No answer within {HOME_TIMEOUT:g} s.")
    return replace(found, services=tuple(each for each in found.services if not each.is_well and not each.active_operation))


def _targets(request: Request, environment: str, service: str | None) -> list[Target]:
    names = [service] if service else list(request.catalogue.services)
    return [request.catalogue.target(environment, name) for name in names]


def _expected(request: Request, service: str | None) -> Sequence[str]:
    return [service] if service else request.catalogue.default_application.services


def _shown(request: Request, service: str | None, targets: list[Target], found: Mapping[Target, Workload]) -> list[Target]:
    """What exists, and what is missed: not every service runs in every environment, and an application may be elsewhere."""
    expected = _expected(request, service)
    is_elsewhere = bool(found) and not any(target.service in expected for target in found)
    return [target for target in targets if target in found or (target.service in expected and not is_elsewhere)]


async def _environment_status(
    request: Request,
    name: str,
    service: str | None,
    unfinished: tuple[OperationRecord, ...],
    locks: tuple[LockRecord, ...],
) -> EnvironmentStatus:
    """The status of one environment; if its cluster does not answer, a ``problem`` that leaves the other environments alone."""
    targets = _targets(request, name, service)
    operations = [record for record in unfinished if record.environment == name]
    services: tuple[ServiceStatus, ...] = ()
    problem: Text = ""
    try:
        found, pods = await _read_workloads(request, name, targets)
        found = await with_proven_operations(request.services.store, found)
        shown = _shown(request, service, targets, found)
        missing = await _missing(request, name, shown, found)
        services = tuple(
            _service_status(target, found[target], pods, operations) if target in found else _unread(target, missing[target])
            for target in shown
        )
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


async def _read_workloads(
    request: Request, environment: str, targets: list[Target]
) -> tuple[Mapping[Target, Workload], Mapping[str, PodCounts]]:
    """The workloads, and their pods by uid; none where the bot may not list pods."""
    cluster = cluster_of(environment, request.catalogue, request.services.clusters)
    found = await cluster.workloads(targets)
    try:
        return found, await cluster.pod_counts(found.values())
    except Forbidden:
        return found, {}


async def _missing(
    request: Request, environment: str, shown: list[Target], found: Mapping[Target, Workload]
) -> Mapping[Target, Text]:
    """What to say of each shown service that does not exist: another kind of workload may have its name."""
    missing = [target for target in shown if target not in found]
    others = await cluster_of(environment, request.catalogue, request.services.clusters).other_kinds(missing)
    return {target: others.get(target) or _deployment_missing(target) for target in missing}


def _unread(target: Target, problem: Text) -> ServiceStatus:
    return ServiceStatus(service=target.service, problem=problem)


def _service_status(
    target: Target, workload: Workload, pods: Mapping[str, PodCounts], operations: list[OperationRecord]
) -> ServiceStatus:
    running = next((revision for revision in workload.revisions if revision.number == workload.revision), None)
    running_operations = [
        record for record in operations if record.state is State.RUNNING and target.service in record.plan.services
    ]
    return ServiceStatus(
        service=target.service,
        version=version_of(workload.image),
        image=workload.image,
        ready=pods[workload.uid].ready if workload.uid in pods else workload.ready,
        pods=pods.get(workload.uid),
        has_arrived=workload.has_arrived,
        obstacle=workload.obstacle,
        desired=workload.replicas,
        revision=workload.revision,
        since=_running_since(running, workload) if running else None,
        autoscaler=workload.autoscaler,
        paused=workload.paused,
        owner=workload.owner,
        last_operation_id=workload.template_set_by,
        active_operation=running_operations[0] if running_operations else None,
    )


def _running_since(running: Revision, workload: Workload) -> datetime | None:
    """When the revision began to run; None if a rollback has reactivated its ReplicaSet, which keeps its first creation time."""
    was_reactivated = any(revision.created_at > running.created_at for revision in workload.revisions)
    return None if was_reactivated else running.created_at


def _service_versions(target: Target, workload: Workload, pods: Mapping[str, PodCounts]) -> ServiceVersions:
    groups = {group.revision: group for group in pods.get(workload.uid, PodCounts()).groups}
    lines = tuple(
        VersionLine(
            revision=revision.number,
            version=version_of(revision.image),
            image=revision.image,
            created_at=revision.created_at,
            running=revision.number == workload.revision,
            pods=groups[revision.number].total if revision.number in groups else 0,
            ready=groups[revision.number].ready if revision.number in groups else 0,
            change_cause=revision.change_cause,
            operation_id=revision.operation_id,
        )
        for revision in workload.revisions
    )
    return ServiceVersions(service=target.service, lines=lines, has_arrived=workload.has_arrived, obstacle=workload.obstacle)


def _deployment_missing(target: Target) -> str:
    return f"There is no {target.kind} {target.deployment} in the namespace {target.namespace}."
