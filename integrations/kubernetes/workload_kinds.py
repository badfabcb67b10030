"""What differs between the kinds of workload: where revisions are kept, which pods belong to one, when a rollout is done.

Everything else in this package treats all kinds alike. A revision is an object with ``metadata`` and ``spec.template``, as a
ReplicaSet is; the number is in the annotation that Deployments use.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from domain.targets import WorkloadKind
from domain.workloads.deployments import RolloutStatus
from domain.workloads.update_strategies import REACHES_ALL, UpdateStrategy
from integrations.kubernetes import daemon_sets, rollout_status, stateful_sets
from integrations.kubernetes.resources import (
    CONTROLLER_REVISIONS,
    DAEMON_SETS,
    DEPLOYMENTS,
    REPLICA_SETS,
    STATEFUL_SETS,
    Json,
    Resource,
    controller_uid,
    metadata,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KindApi:
    """How one kind is read and changed."""

    resource: Resource
    revisions: Resource
    as_revision: Callable[[Json], Json]
    is_of: Callable[[Json, Json], bool]
    """Whether a pod, the first argument, is of this revision."""
    rollout_state: Callable[[Json], RolloutStatus]
    update_strategy: Callable[[Json], UpdateStrategy]
    undo_restores_annotations: bool
    """Whether ``kubectl rollout undo`` puts back the revision's annotations too."""


def _unchanged(replica_set: Json) -> Json:
    return replica_set


def _is_owned(pod: Json, replica_set: Json) -> bool:
    return controller_uid(pod) == str(metadata(replica_set)["uid"])


def _reaches_all(_: Json) -> UpdateStrategy:
    return REACHES_ALL


KINDS: Mapping[WorkloadKind, KindApi] = MappingProxyType(
    {
        WorkloadKind.DEPLOYMENT: KindApi(
            resource=DEPLOYMENTS,
            revisions=REPLICA_SETS,
            as_revision=_unchanged,
            is_of=_is_owned,
            rollout_state=rollout_status.rollout_state,
            update_strategy=_reaches_all,
            undo_restores_annotations=True,
        ),
        WorkloadKind.STATEFUL_SET: KindApi(
            resource=STATEFUL_SETS,
            revisions=CONTROLLER_REVISIONS,
            as_revision=stateful_sets.as_revision,
            is_of=stateful_sets.is_of_revision,
            rollout_state=stateful_sets.rollout_state,
            update_strategy=stateful_sets.update_strategy,
            undo_restores_annotations=False,
        ),
        WorkloadKind.DAEMON_SET: KindApi(
            resource=DAEMON_SETS,
            revisions=CONTROLLER_REVISIONS,
            as_revision=stateful_sets.as_revision,
            is_of=daemon_sets.is_of_revision,
            rollout_state=daemon_sets.rollout_state,
            update_strategy=daemon_sets.update_strategy,
            undo_restores_annotations=False,
        ),
    }
)


def kind_of(obj: Json) -> KindApi:
    """The kind of an object. A list gives its items without their kind: ``with_kind`` adds it."""
    return KINDS[WorkloadKind(obj["kind"])]


def with_kind(obj: Json, resource: Resource) -> Json:
    """An item of a list, with the kind that a single object has."""
    return {**obj, "kind": resource.kind}
