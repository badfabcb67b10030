"""Facts about a Deployment: its state, its earlier revisions, its rollout, the images of its pods.

Templates are plain JSON as the API server returns it. They are not parsed into models, so that a rollback restores exactly what
ran.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.canonical_json import canonical
from domain.targets import Target
from domain.workloads.field_managers import AppliedFields
from domain.workloads.image_ids import RunningImage
from domain.workloads.update_strategies import REACHES_ALL, KeptPods, UpdateStrategy

POD_TEMPLATE_HASH_LABEL = "pod-template-hash"
OPERATION_ANNOTATION = "deepecho/operation"
RESTARTED_AT_ANNOTATION = "kubectl.kubernetes.io/restartedAt"
CHANGE_CAUSE_ANNOTATION = "kubernetes.io/change-cause"
RESTART_ANNOTATIONS = frozenset({RESTARTED_AT_ANNOTATION, "openshift.openshift.io/restartedAt", "cattle.io/timestamp"})
"""What kubectl (also Argo CD, Lens and k9s), OpenShift's console and Rancher set in a template to replace its pods."""

Template = Mapping[str, Any]


class OwnerKind(StrEnum):
    """The tool that manages a Deployment."""

    NOBODY = "nobody"
    HELM = "helm"
    ARGO_CD = "argo-cd"
    FLUX = "flux"


@dataclass(frozen=True, slots=True)
class Owner:
    """The tool that manages a Deployment, the name of its release or application, and whether it reverts changes by itself."""

    kind: OwnerKind = OwnerKind.NOBODY
    name: str = ""
    reverts: bool = False


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """A HorizontalPodAutoscaler that owns ``spec.replicas`` of the Deployment."""

    name: str
    min_replicas: int
    max_replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One ReplicaSet of a Deployment: a version that ran and can run again."""

    number: int
    name: str
    image: str
    template_hash: str
    content_hash: str
    """The hash of the template without restart annotations: equal for revisions between which lies only a restart."""
    created_at: datetime
    change_cause: str = ""
    operation_id: str = ""
    """The operation that set this template, as far as the annotations tell; empty if somebody else did."""
    replicas: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A Deployment in its present state. ``resource_version`` protects changes against concurrent ones; no decision uses it."""

    target: Target
    uid: str
    resource_version: str
    generation: int
    replicas: int
    ready: int
    paused: bool
    strategy: UpdateStrategy = REACHES_ALL
    image: str
    template: Template
    template_hash: str
    content_hash: str
    """As in ``Revision``."""
    owner: Owner
    autoscaler: Autoscaler | None
    created_at: datetime
    revision: int
    operation_id: str
    revisions: tuple[Revision, ...]
    """Newest first, including the one that is asked for now."""
    template_set_by: str = ""
    """The same for the present template; ``operation_id`` is whatever changed the workload last, such as its replicas."""
    has_arrived: bool = True
    """Whether every pod is of the present template and available, by the rules of ``kubectl rollout status``."""
    applied: tuple[AppliedFields, ...] = ()
    """What other programs own of it by server-side apply."""
    obstacle: str = ""
    """Why it does not get there by itself, for people; empty while it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutStatus:
    """The state of a rollout, by the rules of ``kubectl rollout status``."""

    desired: int
    updated: int
    ready: int
    available: int
    total: int
    done: bool
    observed: bool = True
    """Whether the controller has seen the present specification: until then the counts are of the one before."""
    failure: str = ""
    """Why the rollout will not finish by itself, for people; empty while it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningPods:
    """What the ready pods of a Deployment run, counted over all pods that are not being deleted."""

    ready: int
    total: int
    ready_updated: int
    """The number of ready pods of the newest ReplicaSet."""
    uid: str = ""
    """The uid of the Deployment, read at the same time as its template's hash."""
    template_hash: str = ""
    image: str = ""
    operation_id: str = ""
    """The id of the operation that changed the Deployment last."""
    images: tuple[RunningImage, ...] = ()
    """What the containers and init containers of the newest revision's ready pods run, each distinct one once."""
    nodes: tuple[str, ...] = ()
    """The nodes of these pods."""
    kept: tuple[KeptPods, ...] = ()
    """The pods of earlier revisions, by the version that they run."""

    @property
    def image_ids(self) -> tuple[str, ...]:
        """Distinct image ids (such as ``repo@sha256:…``) of all these, sorted."""
        return tuple(sorted({each.reported.image_id for each in self.images}))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigChange:
    """A ConfigMap or Secret that the template refers to, and when it changed last."""

    kind: str
    name: str
    changed_at: datetime


def template_hash(template: Template) -> str:
    """Hash a pod template: its canonical JSON, without the label that the controller adds. 16 hex digits."""
    plain = without_hash_label(template)
    # Servers before 1.35 write an empty creation time, and ControllerRevisions of other versions leave it out.
    if plain.get("metadata", {}).get("creationTimestamp", "") is None:
        del plain["metadata"]["creationTimestamp"]
    return hashlib.sha256(canonical(plain).encode()).hexdigest()[:16]


def content_hash(template: Template) -> str:
    """Hash a pod template like ``template_hash``, but without what a restart writes into it."""
    plain = without_hash_label(template)
    annotations = plain.get("metadata", {}).get("annotations") or {}
    kept = {key: value for key, value in annotations.items() if key not in RESTART_ANNOTATIONS}
    plain["metadata"] = {**(plain.get("metadata") or {}), "annotations": kept}
    return template_hash(plain)


def without_hash_label(template: Template) -> dict[str, Any]:
    """The template without ``pod-template-hash``, a label that the controller adds to a ReplicaSet's template."""
    plain: dict[str, Any] = json.loads(json.dumps(template))
    labels = plain.get("metadata", {}).get("labels")
    if labels is not None:
        labels.pop(POD_TEMPLATE_HASH_LABEL, None)
    return plain


def template_differences(before: Template, after: Template, container: str) -> tuple[str, ...]:
    """The names of what differs between two templates, such as ``image``, ``env CACHE_TTL`` or ``volumes``; the image first."""
    old, new = _container(before, container), _container(after, container)
    names = [key for key in sorted({*old, *new} - {"env", "name"}) if old.get(key) != new.get(key)]
    old_env, new_env = _environment_variables(old), _environment_variables(new)
    names += [f"env {name}" for name in sorted({*old_env, *new_env}) if old_env.get(name) != new_env.get(name)]
    names += _other_containers(before, after, container)
    names += [key for key in _pod_keys(before, after) if before.get("spec", {}).get(key) != after.get("spec", {}).get(key)]
    names += _metadata(before, after)
    return tuple(sorted(names, key=lambda name: (name != "image", name)))


def _container(template: Template, name: str) -> dict[str, Any]:
    containers = template.get("spec", {}).get("containers", [])
    return next((dict(each) for each in containers if each.get("name") == name), {})


def _environment_variables(container: Mapping[str, Any]) -> dict[str, Any]:
    return {each["name"]: each for each in container.get("env") or []}


def _other_containers(before: Template, after: Template, container: str) -> list[str]:
    def others(template: Template) -> dict[str, Any]:
        spec = template.get("spec", {})
        specs = [*spec.get("containers", []), *(spec.get("initContainers") or [])]
        return {each["name"]: each for each in specs if each.get("name") != container}

    old, new = others(before), others(after)
    return [f"container {name}" for name in sorted({*old, *new}) if old.get(name) != new.get(name)]


def _pod_keys(before: Template, after: Template) -> list[str]:
    return sorted({*before.get("spec", {}), *after.get("spec", {})} - {"containers", "initContainers"})


def _metadata(before: Template, after: Template) -> list[str]:
    old, new = (without_hash_label(each).get("metadata", {}) for each in (before, after))
    return [key for key in ("annotations", "labels") if (old.get(key) or {}) != (new.get(key) or {})]
