"""What the workloads of a plan do at the moment of its preview, as warnings for whoever approves."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from domain.errors import Forbidden
from domain.operations.plan_warnings import change_warnings
from domain.operations.plans import ServiceChange, Verb
from domain.operations.workload_warnings import conflict_warnings, pause_warnings, state_warnings, strategy_warnings
from domain.rich_text import Text, sentence
from domain.targets import Target
from domain.workloads.deployments import Workload
from domain.workloads.pod_counts import PodCounts
from runbooks.operations.template_origins import with_proven_operations
from storage.store import Store


class StateReader(Protocol):
    """What reads the present state from a cluster."""

    async def pod_counts(self, workloads: Iterable[Workload]) -> dict[str, PodCounts]:
        """What the pods of these workloads run now, by the workload's uid."""
        ...

    async def other_kinds(self, targets: Iterable[Target]) -> dict[Target, Text]:
        """A sentence about each of these that is another kind of workload than the catalogue says."""
        ...


async def present_warnings(
    cluster: StateReader, store: Store, verb: Verb, workloads: Sequence[Workload], changes: Sequence[ServiceChange]
) -> tuple[Text, ...]:
    """The warnings about these workloads: what runs and why, what a change does not reach, and what will meet it later."""
    proven = list((await with_proven_operations(store, {each.target: each for each in workloads})).values())
    pods = await _pod_counts(cluster, workloads)
    return (
        *state_warnings(proven, pods),
        *strategy_warnings(changes, verb, pods),
        *pause_warnings(workloads, verb),
        *conflict_warnings(workloads, changes, verb),
        *change_warnings(workloads, verb),
    )


async def left_out_warnings(cluster: StateReader, missing: Iterable[Target]) -> tuple[Text, ...]:
    """One warning for each service that is left out because it is another kind of workload than the catalogue says."""
    others = await cluster.other_kinds(missing)
    return tuple(sentence(f"{target.service} is left out. ", text) for target, text in others.items())


async def _pod_counts(cluster: StateReader, workloads: Sequence[Workload]) -> Mapping[str, PodCounts]:
    """The pods by the workload's uid; none where the bot may not list pods."""
    try:
        return await cluster.pod_counts(workloads)
    except Forbidden:
        return {}
