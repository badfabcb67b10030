"""What the cluster shows of the services of an operation that ends early."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from domain.errors import PermanentError, TemporaryError
from domain.operations.operation import OperationRecord, Phase
from domain.operations.plans import ServiceChange
from domain.workloads.images import version_of
from domain.workloads.pod_counts import PodCounts
from integrations.kubernetes import Cluster

MAX_READ_SECONDS = 10.0
"""How long the end of an operation waits for the cluster, to say what runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSeen:
    """One service; ``pods`` are None where the cluster did not answer in time."""

    is_applied: bool | None = None
    """Whether a change whose outcome was open has arrived; False for a service without one, None if it is not known."""
    pods: PodCounts | None = None
    asked: str = ""
    """The version that the workload asks for."""


async def read_end_state(record: OperationRecord, clusters: Mapping[str, Cluster], limit: float) -> dict[str, ServiceSeen]:
    """Read each service of the plan, all within ``limit`` seconds."""
    changes = record.plan.changes
    seen = await asyncio.gather(*(_read_service(record, clusters[each.target.cluster], each, limit) for each in changes))
    return {change.target.service: service_seen for change, service_seen in zip(changes, seen, strict=True)}


async def _read_service(record: OperationRecord, cluster: Cluster, change: ServiceChange, limit: float) -> ServiceSeen:
    is_open = record.progress_of(change.target.service).phase is Phase.CHANGING
    try:
        async with asyncio.timeout(limit):
            workload = await cluster.workload(change.target)
            pods = (await cluster.pod_counts([workload])).get(workload.uid)
    except (PermanentError, TemporaryError, TimeoutError):
        return ServiceSeen(is_applied=None if is_open else False)
    is_applied = is_open and workload.operation_id == record.id
    return ServiceSeen(is_applied=is_applied, pods=pods, asked=version_of(workload.image))
