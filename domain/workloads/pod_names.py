"""Which workload a pod belongs to, by its owner or by the exact form of its name. Pure.

A prefix tells nothing: ``web-api-0`` is no pod of ``web``.
"""

import re
from collections.abc import Mapping

OWNER_LABELS = (("owner_kind", "owner_name"), ("created_by_kind", "created_by_name"), ("workload_type", "workload"))
"""Pairs of labels with the kind and the name of a pod's owner, of kube-state-metrics and of the rules of kubernetes-mixin."""
OWNER_NAME_LABELS = ("statefulset", "daemonset", "replicaset")
"""Labels of kube-state-metrics whose name is the kind, in the order of precedence. Its ``deployment`` names a service already."""

_HASH = "[4-9bcdf]{6,10}"
"""Kubernetes encodes a number of 32 bits digit by digit. Fewer than six digits are one in 40,000, and may be part of a name."""
_SUFFIX = "[bcdfghjklmnpqrstvwxz2456789]{5}"
"""The random end of the name of a pod that its owner does not number."""
_MAX_GENERATED_PREFIX = 58
"""Kubernetes cuts what stands before the random end to so many characters."""

_NUMBERED = re.compile(r"(?P<name>.+)-(?:0|[1-9]\d*)", re.ASCII)
_OF_DAEMON_SET = re.compile(f"(?P<name>.+)-{_SUFFIX}")
_OF_REPLICA_SET = re.compile(f"(?P<name>.+)-{_HASH}-{_SUFFIX}")
_OF_LONG_REPLICA_SET = re.compile(f"(?P<name>.+)-[4-9bcdf]{{1,10}}{_SUFFIX}")
_REPLICA_SET = re.compile(f"(?P<name>.+)-{_HASH}")


def workloads_by_name(pod: str) -> tuple[str, ...]:
    """The names of the workloads that name a pod like this: a StatefulSet, a DaemonSet, a Deployment, the longest name first."""
    patterns = [_NUMBERED, _OF_DAEMON_SET, _OF_REPLICA_SET]
    # The dash before the random end is cut off as well.
    if len(pod) == _MAX_GENERATED_PREFIX + 5:
        patterns.append(_OF_LONG_REPLICA_SET)
    names = [match["name"] for pattern in patterns if (match := pattern.fullmatch(pod))]
    return tuple(sorted(set(names), key=len, reverse=True))


def owner_in(labels: Mapping[str, str]) -> str | None:
    """The workload that owns the pod, if the labels name an owner; empty for an owner that is no workload, such as a Job."""
    pairs = [(labels.get(kind, ""), labels.get(name, "")) for kind, name in OWNER_LABELS]
    pairs += [(kind, labels.get(kind, "")) for kind in OWNER_NAME_LABELS]
    return next((workload_of_owner(kind.lower(), name) for kind, name in pairs if kind and name), None)


def workload_of_owner(kind: str, name: str) -> str:
    """The workload behind an owner of this kind, in lower case: of a ReplicaSet its Deployment; empty for what is no workload."""
    if kind == "replicaset":
        match = _REPLICA_SET.fullmatch(name)
        return match["name"] if match else ""
    return name if kind in {"deployment", "statefulset", "daemonset"} else ""
