"""StatefulSets: their revisions are ControllerRevisions, and their pods are replaced one after the other, the highest first."""

from domain.workloads.deployments import RolloutStatus
from domain.workloads.update_strategies import UpdateStrategy
from integrations.kubernetes.resources import REVISION_ANNOTATION, Json, annotations, controller_uid, labels, metadata

_POD_REVISION_LABEL = "controller-revision-hash"
ON_DELETE = "OnDelete"


def as_revision(controller_revision: Json) -> Json:
    """A ControllerRevision in the shape of a ReplicaSet. Its data is a patch of its owner that replaces the template."""
    template = {key: value for key, value in controller_revision["data"]["spec"]["template"].items() if key != "$patch"}
    numbered = {**annotations(controller_revision), REVISION_ANNOTATION: str(controller_revision["revision"])}
    return {"metadata": {**metadata(controller_revision), "annotations": numbered}, "spec": {"template": template}}


def is_of_revision(pod: Json, revision: Json) -> bool:
    """Whether the pod belongs to the revision's StatefulSet and was made from this revision."""
    same_owner = controller_uid(pod) == controller_uid(revision)
    return same_owner and labels(pod).get(_POD_REVISION_LABEL) == metadata(revision)["name"]


def rollout_state(stateful_set: Json) -> RolloutStatus:
    """Pod counts, and whether the rollout is done. There is no progress deadline: only the bot's own time limit ends one.

    ``kubectl rollout status`` is content with enough ready pods; surplus pods of a smaller number are waited for here, too. What
    the update strategy keeps from pods is not waited for: with ``OnDelete`` the rollout is done as soon as it is known.
    """
    spec, status, strategy = stateful_set["spec"], stateful_set.get("status") or {}, update_strategy(stateful_set)
    desired, total, ready = spec.get("replicas", 1), status.get("replicas", 0), status.get("readyReplicas", 0)
    is_observed = metadata(stateful_set).get("generation", 0) <= status.get("observedGeneration", 0)
    # After a whole rollout the revisions are one; with a partition they stay two.
    updated = status.get("updatedReplicas", 0)
    is_updated = status.get("updateRevision", "") == status.get("currentRevision", "")
    is_reached = is_updated or (strategy.partition > 0 and updated >= strategy.reached(desired))
    is_settled = is_reached and ready >= desired and total == desired
    return RolloutStatus(
        desired=desired,
        updated=updated,
        ready=ready,
        # Servers before 1.22 do not count it, and there are no minReadySeconds to wait for.
        available=status.get("availableReplicas", ready),
        total=total,
        done=is_observed and (strategy.on_delete or is_settled),
        observed=is_observed,
    )


def update_strategy(stateful_set: Json) -> UpdateStrategy:
    """Which pods get a new template. The partition counts from the first ordinal."""
    spec = stateful_set["spec"]
    strategy = spec.get("updateStrategy") or {}
    first = int((spec.get("ordinals") or {}).get("start", 0))
    if strategy.get("type", "RollingUpdate") == ON_DELETE:
        return UpdateStrategy(on_delete=True, first_ordinal=first)
    partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
    return UpdateStrategy(partition=partition, first_ordinal=first)
