"""Facts about one Deployment: what it is, what it ran before, how a rollout stands, what its pods really run.

Templates are plain JSON as the API server gives it, never re-modelled: what is put back is byte for byte what ran.
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

POD_TEMPLATE_HASH_LABEL = "pod-template-hash"
OPERATION_ANNOTATION = "deepecho/operation"
RESTARTED_AT_ANNOTATION = "kubectl.kubernetes.io/restartedAt"
CHANGE_CAUSE_ANNOTATION = "kubernetes.io/change-cause"

Template = Mapping[str, Any]


class OwnerKind(StrEnum):
    """Who else writes this Deployment."""

    NOBODY = "nobody"
    HELM = "helm"
    ARGO_CD = "argo-cd"
    FLUX = "flux"


@dataclass(frozen=True, slots=True)
class Owner:
    """Who else writes this Deployment, under which name, and whether it puts changes back by itself."""

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
    """One ReplicaSet of a Deployment: a version that ran, and can run again."""

    number: int
    name: str
    image: str
    template_hash: str
    created_at: datetime
    change_cause: str = ""
    operation_id: str = ""
    replicas: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A Deployment as it stands now. ``resource_version`` guards changes; it is never part of a decision."""

    target: Target
    uid: str
    resource_version: str
    generation: int
    replicas: int
    ready: int
    paused: bool
    image: str
    template: Template
    template_hash: str
    owner: Owner
    autoscaler: Autoscaler | None
    revision: int
    operation_id: str
    revisions: tuple[Revision, ...]
    """Newest first; the one that runs is among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutStatus:
    """How a rollout stands, decided as ``kubectl rollout status`` decides it."""

    desired: int
    updated: int
    ready: int
    available: int
    total: int
    done: bool
    failure: str = ""
    """Why it will not finish by itself, in words; empty while it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodFailure:
    """A pod that cannot start or does not stay up: the reason, and its last lines, redacted."""

    pod: str
    reason: str
    message: str
    restarts: int
    log_tail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningPods:
    """What ready pods of a Deployment really run: counted over every pod that is not being deleted."""

    ready: int
    total: int
    ready_updated: int
    """How many ready pods belong to the newest ReplicaSet."""
    template_hash: str = ""
    """Identity of the template that the Deployment asks for, from the same look."""
    image: str = ""
    operation_id: str = ""
    """The operation that changed the Deployment last."""
    image_ids: tuple[str, ...]
    """Distinct image ids (``repo@sha256:…``) of the service's container over the ready pods, sorted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigChange:
    """A ConfigMap or Secret that the template refers to, changed after the version last ran."""

    kind: str
    name: str
    changed_at: datetime


def template_hash(template: Template) -> str:
    """Identity of a pod template: its canonical JSON without the label that the controller adds. 16 hex digits."""
    return hashlib.sha256(canonical(without_hash_label(template)).encode()).hexdigest()[:16]


def without_hash_label(template: Template) -> dict[str, Any]:
    """The template as a person wrote it: a ReplicaSet's carries one label more."""
    plain: dict[str, Any] = json.loads(json.dumps(template))
    labels = plain.get("metadata", {}).get("labels")
    if labels is not None:
        labels.pop(POD_TEMPLATE_HASH_LABEL, None)
    return plain


def with_image(template: Template, container: str, image: str) -> dict[str, Any]:
    """The template with one container's image replaced and nothing else touched."""
    changed: dict[str, Any] = json.loads(json.dumps(template))
    for container_spec in changed.get("spec", {}).get("containers", []):
        if container_spec.get("name") == container:
            container_spec["image"] = image
    return changed


def template_differences(before: Template, after: Template, container: str) -> tuple[str, ...]:
    """What differs between two templates, as short names: ``image``, ``env CACHE_TTL``, ``resources``, ``volumes``."""
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
        every = [*spec.get("containers", []), *(spec.get("initContainers") or [])]
        return {each["name"]: each for each in every if each.get("name") != container}

    old, new = others(before), others(after)
    return [f"container {name}" for name in sorted({*old, *new}) if old.get(name) != new.get(name)]


def _pod_keys(before: Template, after: Template) -> list[str]:
    return sorted({*before.get("spec", {}), *after.get("spec", {})} - {"containers", "initContainers"})


def _metadata(before: Template, after: Template) -> list[str]:
    old, new = (without_hash_label(each).get("metadata", {}) for each in (before, after))
    return [key for key in ("annotations", "labels") if (old.get(key) or {}) != (new.get(key) or {})]
