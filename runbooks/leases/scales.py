"""Temporary scales compared with the clusters' workloads."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from domain.errors import NotFound, PermanentError, TemporaryError
from domain.leases.lease import Lease, LeaseReading, Orphan, Reality
from domain.leases.scales import compare_scale, orphan_of
from domain.rich_text import Text, sentence
from domain.targets import Target
from domain.workloads.deployments import Workload

COMPARISON_TIMEOUT = timedelta(seconds=1.3)
"""All systems are asked at once, and ``health`` waits for a check no longer than 1.5 s."""


class WorkloadReader(Protocol):
    """What is asked of a cluster."""

    async def workload(self, target: Target) -> Workload:
        """Read a workload. Raises ``NotFound``, ``TemporaryError``, ``PermanentError``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What another system says of leases, in their order. ``problems``: what could not be read, and why."""

    readings: tuple[LeaseReading, ...] = ()
    orphans: tuple[Orphan, ...] = ()
    problems: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class _Read:
    workload: Workload | None
    problem: Text = ""


async def read_scales(clusters: Mapping[str, WorkloadReader], leases: Sequence[Lease], at: datetime) -> Readings:
    """Ask for each scaled workload once, all at the same time."""
    targets = list(dict.fromkeys(each.scaled.target for each in leases if each.scaled))
    found = dict(zip(targets, await asyncio.gather(*(_read(clusters, each) for each in targets)), strict=True))
    standing = [each for each in leases if not each.abandoned]
    readings: list[LeaseReading] = []
    orphans: list[Orphan] = []
    for lease in leases:
        seen = found[lease.scaled.target] if lease.scaled else _Read(None)
        if seen.problem:
            readings.append(LeaseReading(lease=lease, reality=Reality.UNKNOWN))
            continue
        reading = compare_scale(lease, seen.workload, standing, at)
        if not lease.abandoned:
            readings.append(reading)
        elif reading.reality in (Reality.HELD, Reality.OVERDUE):
            orphans.append(orphan_of(lease))
    problems = dict.fromkeys(each.problem for each in found.values() if each.problem)
    return Readings(readings=tuple(readings), orphans=tuple(orphans), problems=tuple(problems))


async def _read(clusters: Mapping[str, WorkloadReader], target: Target) -> _Read:
    problem: Text
    cluster = clusters.get(target.cluster)
    if cluster is None:
        return _Read(None, f"{target}: the catalogue has no cluster {target.cluster} any more.")
    try:
        async with asyncio.timeout(COMPARISON_TIMEOUT.total_seconds()):
            return _Read(await cluster.workload(target))
    except NotFound:
        return _Read(None)
    except TimeoutError:
        problem = "the cluster did not answer in time."
    except (TemporaryError, PermanentError) as error:
        problem = error.sentence
    return _Read(None, sentence(f"{target}: ", problem))
