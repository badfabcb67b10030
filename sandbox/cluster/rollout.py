"""The arithmetic of a rollout, pure: how many pods each ReplicaSet may have, and what the Deployment's status says.

Follows pkg/controller/deployment/util of Kubernetes; its names are kept where they exist.
"""

import copy
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.cluster.model import Json, annotations_of, format_time, parse_time, replicas_of

REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
HASH_LABEL = "pod-template-hash"
_NOT_COPIED = (LAST_APPLIED, REVISION, REVISION_HISTORY, DESIRED_REPLICAS, MAX_REPLICAS, "deprecated.deployment.rollback.to")
_NO_DEADLINE = 2**31 - 1


@dataclass(frozen=True, slots=True)
class RolloutBounds:
    """How many pods more, and how many fewer, than desired a rolling update may have."""

    surge: int
    unavailable: int


def is_rolling(deployment: Json) -> bool:
    return bool(deployment["spec"]["strategy"]["type"] == "RollingUpdate")


def bounds_of(deployment: Json) -> RolloutBounds:
    """Percentages of surge round up, of unavailability down; both nought would never move, so one may be missing."""
    replicas = replicas_of(deployment)
    if not is_rolling(deployment) or replicas == 0:
        return RolloutBounds(0, 0)
    rolling = deployment["spec"]["strategy"]["rollingUpdate"]
    surge = _resolved(rolling["maxSurge"], replicas, math.ceil)
    unavailable = _resolved(rolling["maxUnavailable"], replicas, math.floor)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return RolloutBounds(surge, min(unavailable, replicas))


def _resolved(value: int | str, total: int, rounded: Any) -> int:
    if isinstance(value, int):
        return value
    return int(rounded(int(value.removesuffix("%")) * total / 100))


def revision_of(obj: Json) -> int:
    return annotation_int(obj, REVISION, 0)


def annotation_int(obj: Json, annotation: str, default: int) -> int:
    """The whole number in an annotation; ``default`` where there is none, or somebody wrote something else."""
    text = annotations_of(obj).get(annotation, "")
    return int(text) if text.isdecimal() else default


def same_template(left: Json, right: Json) -> bool:
    """Whether two pod templates are equal but for their hash label."""
    return without_hash(left) == without_hash(right)


def without_hash(template: Json) -> Json:
    bare = copy.deepcopy(template)
    bare["metadata"].get("labels", {}).pop(HASH_LABEL, None)
    return bare


def total_desired(replica_sets: list[Json]) -> int:
    return sum(replicas_of(each) for each in replica_sets)


def total_status(replica_sets: list[Json], field: str) -> int:
    return sum(each.get("status", {}).get(field, 0) for each in replica_sets)


def new_replicas(deployment: Json, replica_sets: list[Json], new: Json) -> int:
    """How many pods the new ReplicaSet may ask for now."""
    wanted = replicas_of(deployment)
    if not is_rolling(deployment):
        return wanted
    room = wanted + bounds_of(deployment).surge - total_desired(replica_sets)
    if room <= 0:
        return replicas_of(new)
    return replicas_of(new) + min(room, wanted - replicas_of(new))


def scaling_share(replica_set: Json, deployment: Json, to_add: int, added: int) -> int:
    """The share of a scaling that this ReplicaSet gets while a rollout is under way."""
    if replicas_of(replica_set) == 0 or to_add in (0, added):
        return 0
    if replicas_of(deployment) == 0:
        fraction = -replicas_of(replica_set)
    else:
        size = replicas_of(deployment) + bounds_of(deployment).surge
        before = annotation_int(replica_set, MAX_REPLICAS, deployment.get("status", {}).get("replicas", 0))
        fraction = math.floor(replicas_of(replica_set) * size / before + 0.5) - replicas_of(replica_set) if before else 0
    allowed = to_add - added
    return min(fraction, allowed) if to_add > 0 else max(fraction, allowed)


def proportional_sizes(deployment: Json, active: list[Json]) -> list[tuple[Json, int]]:
    """How a scaling in the middle of a rollout is shared out; what rounding leaves goes to the largest."""
    wanted = replicas_of(deployment)
    allowed = wanted + bounds_of(deployment).surge if wanted else 0
    to_add = allowed - total_desired(active)
    ordered = sorted(active, key=age, reverse=to_add > 0)
    ordered.sort(key=replicas_of, reverse=True)
    sizes, added = [], 0
    for replica_set in ordered:
        share = scaling_share(replica_set, deployment, to_add, added)
        sizes.append(replicas_of(replica_set) + share)
        added += share
    sizes[0] = max(0, sizes[0] + to_add - added)
    return list(zip(ordered, sizes, strict=True))


def age(replica_set: Json) -> tuple[float, str]:
    """Sorts the oldest first."""
    return parse_time(replica_set["metadata"]["creationTimestamp"]).timestamp(), replica_set["metadata"]["name"]


def replica_annotations(deployment: Json) -> dict[str, str]:
    wanted = replicas_of(deployment)
    return {DESIRED_REPLICAS: str(wanted), MAX_REPLICAS: str(wanted + bounds_of(deployment).surge)}


def annotations_for_new(deployment: Json, replica_set: Json, revision: int, *, exists: bool) -> dict[str, str]:
    """The annotations of the current ReplicaSet: the Deployment's own, its revision, and those it had before."""
    annotations = dict(annotations_of(replica_set))
    copied = {key: value for key, value in annotations_of(deployment).items() if key not in _NOT_COPIED}
    annotations.update(copied)
    old = annotations.get(REVISION)
    if revision_of(replica_set) < revision:
        annotations[REVISION] = str(revision)
        if old is not None:
            history = annotations.get(REVISION_HISTORY)
            annotations[REVISION_HISTORY] = f"{history},{old}" if history else old
    if not exists:
        annotations.update(replica_annotations(deployment))
    return annotations


def condition_of(status: Json, kind: str) -> Json | None:
    return next((each for each in status.get("conditions", []) if each["type"] == kind), None)


def condition(kind: str, status: str, reason: str, message: str, now: datetime) -> Json:
    at = format_time(now)
    return {
        "type": kind,
        "status": status,
        "lastUpdateTime": at,
        "lastTransitionTime": at,
        "reason": reason,
        "message": message,
    }


def set_condition(status: Json, new: Json, *, refresh: bool = False) -> None:
    """Puts ``new`` in the place of the condition of its type; the same status and reason stay as they are."""
    old = condition_of(status, new["type"])
    if old is not None and not refresh and (old["status"], old["reason"]) == (new["status"], new["reason"]):
        return
    if old is not None and old["status"] == new["status"]:
        new = {**new, "lastTransitionTime": old["lastTransitionTime"]}
    others = [each for each in status.get("conditions", []) if each["type"] != new["type"]]
    status["conditions"] = [*others, new]


def status_of(deployment: Json, replica_sets: list[Json], new: Json | None, now: datetime) -> Json:
    """The Deployment's status but for its Progressing condition."""
    available = total_status(replica_sets, "availableReplicas")
    counts = {
        "replicas": total_status(replica_sets, "replicas"),
        "updatedReplicas": total_status([new] if new else [], "replicas"),
        "readyReplicas": total_status(replica_sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, total_desired(replica_sets) - available),
    }
    status: Json = {key: value for key, value in counts.items() if value}
    status["observedGeneration"] = deployment["metadata"]["generation"]
    status["conditions"] = copy.deepcopy(deployment.get("status", {}).get("conditions", []))
    if available >= replicas_of(deployment) - bounds_of(deployment).unavailable:
        why = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        why = ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    set_condition(status, condition("Available", *why, now))
    return status


def is_complete(deployment: Json, status: Json) -> bool:
    wanted = replicas_of(deployment)
    fields = ("updatedReplicas", "replicas", "availableReplicas")
    return all(status.get(field, 0) == wanted for field in fields) and (
        status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    )


def has_progressed(deployment: Json, status: Json) -> bool:
    """Whether anything moved since the status that the Deployment still shows."""
    before = deployment.get("status", {})

    def old_pods(of: Json) -> int:
        return int(of.get("replicas", 0) - of.get("updatedReplicas", 0))

    rose = any(status.get(f, 0) > before.get(f, 0) for f in ("updatedReplicas", "readyReplicas", "availableReplicas"))
    return rose or old_pods(status) < old_pods(before)


def deadline_of(deployment: Json) -> int | None:
    """Seconds without progress after which a rollout has failed; None when there is no such limit."""
    seconds = int(deployment["spec"].get("progressDeadlineSeconds", _NO_DEADLINE))
    return None if seconds == _NO_DEADLINE else seconds


def deadline_at(deployment: Json) -> datetime | None:
    """When the present lack of progress becomes a failure; None when that cannot happen."""
    current = condition_of(deployment.get("status", {}), "Progressing")
    seconds = deadline_of(deployment)
    if current is None or seconds is None or current["reason"] == "NewReplicaSetAvailable":
        return None
    return parse_time(current["lastUpdateTime"]) + timedelta(seconds=seconds)


def update_progressing(deployment: Json, status: Json, new: Json | None, now: datetime) -> None:
    """Puts the Progressing condition into ``status``, as syncRolloutStatus does."""
    current = condition_of(status, "Progressing")
    done_before = current is not None and current["reason"] == "NewReplicaSetAvailable"
    if deadline_of(deployment) is None:
        status["conditions"] = [each for each in status["conditions"] if each["type"] != "Progressing"]
        return
    if done_before and status.get("replicas", 0) == status.get("updatedReplicas", 0):
        return
    subject = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{deployment["metadata"]["name"]}"'
    if is_complete(deployment, status):
        why = ("True", "NewReplicaSetAvailable", f"{subject} has successfully progressed.")
        set_condition(status, condition("Progressing", *why, now))
    elif has_progressed(deployment, status):
        why = ("True", "ReplicaSetUpdated", f"{subject} is progressing.")
        set_condition(status, condition("Progressing", *why, now), refresh=True)
    elif _timed_out(deployment, current, now):
        why = ("False", "ProgressDeadlineExceeded", f"{subject} has timed out progressing.")
        set_condition(status, condition("Progressing", *why, now))


def _timed_out(deployment: Json, current: Json | None, now: datetime) -> bool:
    if current is not None and current["reason"] == "ProgressDeadlineExceeded":
        return True
    overdue = deadline_at(deployment)
    return overdue is not None and overdue <= now


def is_saturated(deployment: Json, new: Json) -> bool:
    """Whether all replicas of the Deployment are available in this ReplicaSet."""
    wanted = replicas_of(deployment)
    desired = annotation_int(new, DESIRED_REPLICAS, -1)
    available = new.get("status", {}).get("availableReplicas", 0)
    return replicas_of(new) == wanted and desired == wanted and available == wanted
