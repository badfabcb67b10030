"""DaemonSets: one pod on each node that is selected. Their revisions are ControllerRevisions, like those of StatefulSets."""

from domain.workloads.deployments import RolloutStatus
from domain.workloads.update_strategies import UpdateStrategy
from integrations.kubernetes.resources import Json, controller_uid, labels, metadata
from integrations.kubernetes.stateful_sets import ON_DELETE

_REVISION_LABEL = "controller-revision-hash"
"""Of a pod and of its ControllerRevision: the hash of the template, without the name of the DaemonSet."""


def is_of_revision(pod: Json, revision: Json) -> bool:
    """Whether the pod belongs to the revision's DaemonSet and was made from this revision."""
    wanted = labels(revision).get(_REVISION_LABEL) or metadata(revision)["name"].rpartition("-")[2]
    return controller_uid(pod) == controller_uid(revision) and labels(pod).get(_REVISION_LABEL) == wanted


def rollout_state(daemon_set: Json) -> RolloutStatus:
    """Pod counts and whether the rollout is done, by the rules of ``kubectl rollout status``.

    How many pods there are to be is not in the specification: the controller counts nodes. It is 0 until it has done so.
    """
    status = daemon_set.get("status") or {}
    desired, available = status.get("desiredNumberScheduled", 0), status.get("numberAvailable", 0)
    updated = status.get("updatedNumberScheduled", 0)
    is_observed = metadata(daemon_set).get("generation", 0) <= status.get("observedGeneration", 0)
    is_settled = updated >= desired and available >= desired
    return RolloutStatus(
        desired=desired,
        updated=updated,
        ready=status.get("numberReady", 0),
        available=available,
        total=status.get("currentNumberScheduled", 0),
        done=is_observed and (update_strategy(daemon_set).on_delete or is_settled),
        observed=is_observed,
    )


def update_strategy(daemon_set: Json) -> UpdateStrategy:
    """Which pods get a new template."""
    return UpdateStrategy(on_delete=(daemon_set["spec"].get("updateStrategy") or {}).get("type") == ON_DELETE)
