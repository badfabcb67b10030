"""What differs between the kinds of workload: where revisions are kept, which pods belong to one, when a rollout is done.

Everything else in this package treats all kinds alike. A revision is an object with ``metadata`` and ``spec.template``, as a
ReplicaSet is; the number is in the annotation that Deployments use.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from domain.targets import WorkloadKind
from domain.workloads.deployments import RolloutStatus
from integrations.kubernetes import rollout_status, stateful_sets
from integrations.kubernetes.resources import (
    CONTROLLER_REVISIONS,
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
    held_back: Callable[[Json], str]
    """Why a new template does not reach all pods by itself, for people; empty if it does."""
    undo_restores_annotations: bool
    """Whether ``kubectl rollout undo`` puts back the revision's annotations too."""


def _unchanged(replica_set: Json) -> Json:
    return replica_set


def _is_owned(pod: Json, replica_set: Json) -> bool:
    return controller_uid(pod) == str(metadata(replica_set)["uid"])


def _not_held_back(_: Json) -> str:
    return ""


KINDS: Mapping[WorkloadKind, KindApi] = MappingProxyType(
    {
        WorkloadKind.DEPLOYMENT: KindApi(
            resource=DEPLOYMENTS,
            revisions=REPLICA_SETS,
            as_revision=_unchanged,
            is_of=_is_owned,
            rollout_state=rollout_status.rollout_state,
            held_back=_not_held_back,
            undo_restores_annotations=True,
        ),
        WorkloadKind.STATEFUL_SET: KindApi(
            resource=STATEFUL_SETS,
            revisions=CONTROLLER_REVISIONS,
            as_revision=stateful_sets.as_revision,
            is_of=stateful_sets.is_of_revision,
            rollout_state=stateful_sets.rollout_state,
            held_back=stateful_sets.held_back,
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
