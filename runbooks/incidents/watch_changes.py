"""Reads what the pods of an incident's changed services run now."""

import asyncio
from datetime import datetime

from domain.errors import NotFound
from domain.incidents.incident import Incident
from domain.incidents.proof import ProofPart
from domain.incidents.proof_of_changes import (
    ServiceProof,
    StandingChange,
    cannot_see,
    changes_part,
    is_gone,
    judge_change,
    standing_changes,
    unfinished_operations,
)
from runbooks.clusters import cluster_of
from runbooks.incidents.asking import Deadline, NoAnswer
from runbooks.incidents.watch_sources import WatchSources


async def read_changes(sources: WatchSources, incident: Incident) -> tuple[StandingChange, ...]:
    """The last successful change of each service. Raises ``TemporaryError`` where the database does not answer."""
    async with sources.store.read() as tx:
        found = [await tx.operations.get(each.operation_id) for each in incident.operations]
    return standing_changes(each for each in found if each is not None)


async def prove_changes(
    sources: WatchSources, incident: Incident, changes: tuple[StandingChange, ...], at: datetime, deadline: Deadline
) -> ProofPart:
    """What is shown of each service."""
    services = await asyncio.gather(*(_prove(sources, each, at, deadline) for each in changes))
    return changes_part(services, unfinished_operations(incident))


async def _prove(sources: WatchSources, standing: StandingChange, at: datetime, deadline: Deadline) -> ServiceProof:
    answer = await deadline.ask(standing.service, lambda: _read(sources, standing, at))
    return cannot_see(standing, answer.why, may_pass=answer.may_pass) if isinstance(answer, NoAnswer) else answer


async def _read(sources: WatchSources, standing: StandingChange, at: datetime) -> ServiceProof:
    target = standing.change.target
    cluster = cluster_of(target.environment, sources.catalogue(), sources.clusters)
    try:
        workload = await cluster.workload(target)
    except NotFound as error:
        return is_gone(standing, error.sentence)
    pods = (await cluster.pod_counts([workload]))[workload.uid]
    return judge_change(standing, workload, pods, at)
