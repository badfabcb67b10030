"""StatefulSets: their revisions are ControllerRevisions, and their pods are replaced one after the other, the highest first."""

from domain.workloads.deployments import RolloutStatus
from integrations.kubernetes.resources import REVISION_ANNOTATION, Json, annotations, controller_uid, labels, metadata

_POD_REVISION_LABEL = "controller-revision-hash"
_ROLLING_UPDATE = "RollingUpdate"


def as_revision(controller_revision: Json) -> Json:
    """A ControllerRevision in the shape of a ReplicaSet. Its data is a patch of the StatefulSet that replaces the template."""
    template = {key: value for key, value in controller_revision["data"]["spec"]["template"].items() if key != "$patch"}
    numbered = {**annotations(controller_revision), REVISION_ANNOTATION: str(controller_revision["revision"])}
    return {"metadata": {**metadata(controller_revision), "annotations": numbered}, "spec": {"template": template}}


def is_of_revision(pod: Json, revision: Json) -> bool:
    """Whether the pod belongs to the revision's StatefulSet and was made from this revision."""
    same_owner = controller_uid(pod) == controller_uid(revision)
    return same_owner and labels(pod).get(_POD_REVISION_LABEL) == metadata(revision)["name"]


def rollout_state(stateful_set: Json) -> RolloutStatus:
    """Pod counts, and whether the rollout is done. There is no progress deadline: only the bot's own time limit ends one.

    ``kubectl rollout status`` is content with enough ready pods; surplus pods of a smaller number are waited for here, too.
    """
    spec, status = stateful_set["spec"], stateful_set.get("status") or {}
    desired, total, ready = spec.get("replicas", 1), status.get("replicas", 0), status.get("readyReplicas", 0)
    is_observed = metadata(stateful_set).get("generation", 0) <= status.get("observedGeneration", 0)
    is_updated = status.get("updateRevision", "") == status.get("currentRevision", "")
    return RolloutStatus(
        desired=desired,
        updated=status.get("updatedReplicas", 0),
        ready=ready,
        available=status.get("availableReplicas", 0),
        total=total,
        done=is_observed and is_updated and ready >= desired and total == desired,
    )


def held_back(stateful_set: Json) -> str:
    """Why a new template does not reach all pods by itself: the strategy ``OnDelete``, or a partition."""
    strategy = stateful_set["spec"].get("updateStrategy") or {}
    if strategy.get("type", _ROLLING_UPDATE) != _ROLLING_UPDATE:
        return f"its update strategy is {strategy['type']}, so that Kubernetes replaces a pod only when somebody deletes it"
    partition = (strategy.get("rollingUpdate") or {}).get("partition") or 0
    return f"its partition is {partition}, so that the pods below number {partition} keep their version" if partition else ""
