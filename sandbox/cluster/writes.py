"""Create, replace, patch and delete, with what the API server does around them: defaults, checks, ownership of fields."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.cluster import errors, managed_fields
from sandbox.cluster.defaults import apply_defaults, without_nulls
from sandbox.cluster.model import Json, Key, Now, format_time, key_of
from sandbox.cluster.patches import json_patch, merge_patch
from sandbox.cluster.replicasets import random_suffix, terminate_pod
from sandbox.cluster.resources import DEPLOYMENTS, NAMESPACES, PODS, RESOURCES, ResourceType
from sandbox.cluster.schemas import type_errors
from sandbox.cluster.store import ObjectStore
from sandbox.cluster.strategic_merge import strategic_merge
from sandbox.cluster.validation import check, invalid_value, refuse_wrong_types

APPLY = "application/apply-patch+yaml"
_PATCHES: dict[str, Callable[[Json, Any], Any]] = {
    "application/json-patch+json": json_patch,
    "application/merge-patch+json": merge_patch,
    "application/strategic-merge-patch+json": strategic_merge,
}
PATCH_TYPES = (*_PATCHES, APPLY)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcePath:
    """What a request's path names; ``name`` is empty for a collection."""

    resource: ResourceType
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def key(self) -> Key:
        return self.namespace, self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """What a write's query says. ``manager`` is who is noted in ``managedFields``."""

    dry_run: bool = False
    manager: str = "unknown"
    force: bool = False


class ObjectWriter:
    """Every write that comes over HTTP. Refusals are ``ApiError``."""

    def __init__(self, store: ObjectStore, now: Now, webhook: Callable[[], Callable[[Json], None] | None] = lambda: None) -> None:
        self._store, self._webhook = store, webhook
        self._now = now

    def create(self, target: ResourcePath, body: Json, options: WriteOptions) -> Json:
        resource = target.resource
        obj = self._parse_object(target, body)
        refuse_wrong_types(resource, obj)
        metadata = obj["metadata"]
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + random_suffix()
        if not metadata.get("name"):
            raise errors.invalid(
                resource,
                "",
                [
                    errors.Cause(
                        reason="FieldValueRequired",
                        message="Required value: name or generateName is required",
                        field="metadata.name",
                    )
                ],
            )
        self._check_namespace(target)
        for given_by_server in ("uid", "creationTimestamp", "resourceVersion", "generation"):
            metadata.pop(given_by_server, None)
        if resource.subresources:
            obj["status"] = {"phase": "Pending"} if resource is PODS else {}
        apply_defaults(resource, obj)
        check(resource, obj, None)
        self._record_managers(None, obj, target, options)
        return self._store.create(resource, obj, dry_run=options.dry_run)

    def update(self, target: ResourcePath, body: Json, options: WriteOptions) -> Json:
        obj = self._parse_object(target, body)
        self._check_name(target, obj)
        old = self._store.get(target.resource, target.key)
        if target.subresource == "scale":
            obj = _with_replicas(target, old, obj)
        return self._replace(target, old, obj, options)

    def patch(self, target: ResourcePath, kind: str, patch: Any, options: WriteOptions) -> Json:
        """``kind`` is the content type. Server-side apply creates what is not there."""
        if kind == APPLY:
            return self._apply(target, patch, options)
        if kind not in _PATCHES:
            raise errors.unsupported_media_type(", ".join(PATCH_TYPES))
        if target.resource.custom and kind.startswith("application/strategic"):
            raise errors.unsupported_media_type(", ".join(each for each in PATCH_TYPES if "strategic" not in each))
        old = self._store.get(target.resource, target.key)
        before = scale_of(old) if target.subresource == "scale" else _as_client_sees(target.resource, old)
        patched = _PATCHES[kind](before, patch)
        if not isinstance(patched, dict) or not isinstance(patched.get("metadata"), dict):
            raise errors.rejected_patch()
        patched = without_nulls(patched)
        wrong = [] if target.subresource == "scale" else type_errors(target.resource, patched)
        if wrong:
            raise errors.undecodable_patch(wrong[0])
        self._check_name(target, patched)
        if target.subresource == "scale":
            patched = _with_replicas(target, old, patched)
        return self._replace(target, old, patched, options)

    def delete(self, target: ResourcePath, body: Json, options: WriteOptions) -> Json:
        """Removes, and answers the removed; a pod that must end first is answered as it ends."""
        old = self._store.get(target.resource, target.key)
        for field, wanted in (body.get("preconditions") or {}).items():
            if old["metadata"].get(field) != wanted:
                why = f"Precondition failed: {field} in precondition: {wanted}, in object meta: {old['metadata'].get(field)}"
                raise errors.conflict(target.resource, target.name, why)
        if options.dry_run or body.get("dryRun"):
            return old
        if body.get("propagationPolicy") == "Orphan" or body.get("orphanDependents"):
            self._orphan(old)
        if target.resource is PODS:
            return terminate_pod(self._store, old, self._now, body.get("gracePeriodSeconds"))
        return self._store.remove(target.resource, target.key)

    # -- the parts

    def _apply(self, target: ResourcePath, patch: Json, options: WriteOptions) -> Json:
        resource = target.resource
        wanted = without_nulls(self._parse_object(target, patch))
        refuse_wrong_types(resource, wanted)
        wanted["metadata"].setdefault("name", target.name)
        self._check_name(target, wanted)
        old = self._store.find(resource, target.key)
        merged = managed_fields.server_side_apply(
            old,
            wanted,
            manager=options.manager,
            force=options.force,
            at=format_time(self._now()),
            api_version=resource.api_version,
        )
        if old is not None:
            return self._replace(target, old, merged, options, managers_recorded=True)
        self._check_namespace(target)
        apply_defaults(resource, merged)
        check(resource, merged, None)
        return self._store.create(resource, merged, dry_run=options.dry_run)

    def _replace(
        self, target: ResourcePath, old: Json, new: Json, options: WriteOptions, *, managers_recorded: bool = False
    ) -> Json:
        resource, status = target.resource, target.subresource == "status"
        new = copy.deepcopy(new)
        refuse_wrong_types(resource, new)
        if status:
            new = {**copy.deepcopy(old), "status": new.get("status", {}), "metadata": new["metadata"]}
        elif resource.subresources:
            new["status"] = copy.deepcopy(old.get("status", {}))
        self._preserve_server_fields(old, new)
        alter = self._webhook()
        if alter is not None and not target.subresource and resource is DEPLOYMENTS:
            alter(new)
        apply_defaults(resource, new)
        check(resource, new, old)
        if not managers_recorded:
            self._record_managers(old, new, target, options)
        return self._store.replace(resource, new, status=status, dry_run=options.dry_run)

    def _preserve_server_fields(self, old: Json, new: Json) -> None:
        for field in ("creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds", "generateName"):
            new["metadata"].pop(field, None)
            if field in old["metadata"]:
                new["metadata"][field] = old["metadata"][field]
        new["metadata"].setdefault("uid", old["metadata"]["uid"])
        for field in ("labels", "annotations"):
            if new["metadata"].get(field) == {}:
                del new["metadata"][field]
        new.pop("kind", None)
        new.pop("apiVersion", None)
        if "managedFields" not in new["metadata"] and "managedFields" in old["metadata"]:
            new["metadata"]["managedFields"] = old["metadata"]["managedFields"]

    def _record_managers(self, old: Json | None, new: Json, target: ResourcePath, options: WriteOptions) -> None:
        managed_fields.record_update(
            old,
            new,
            manager=options.manager,
            at=format_time(self._now()),
            api_version=target.resource.api_version,
            subresource=target.subresource,
        )

    def _parse_object(self, target: ResourcePath, body: Json) -> Json:
        resource = target.resource
        obj = without_nulls(copy.deepcopy(body))
        kind, api_version = obj.pop("kind", resource.kind), obj.pop("apiVersion", resource.api_version)
        of_scale = target.subresource == "scale" and kind == "Scale"
        if not of_scale and (kind, api_version) != (resource.kind, resource.api_version):
            message = f'{kind} in version "{api_version}" cannot be handled as a {resource.kind}: unknown conversion'
            raise errors.bad_request(message)
        metadata = obj.setdefault("metadata", {})
        if not isinstance(metadata, dict):
            raise errors.bad_request(f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}')
        if resource.namespaced:
            given = metadata.setdefault("namespace", target.namespace)
            if given != target.namespace:
                message = "the namespace of the provided object does not match the namespace sent on the request"
                raise errors.bad_request(message)
        return dict(obj)

    def _check_name(self, target: ResourcePath, obj: Json) -> None:
        given = obj["metadata"].get("name", "")
        if given != target.name:
            message = f"the name of the object ({given}) does not match the name on the URL ({target.name})"
            raise errors.bad_request(message)

    def _check_namespace(self, target: ResourcePath) -> None:
        if target.resource.namespaced and self._store.find(NAMESPACES, ("", target.namespace)) is None:
            raise errors.not_found(NAMESPACES, target.namespace)

    def _orphan(self, owner: Json) -> None:
        uid = owner["metadata"]["uid"]

        def let_go(obj: Json) -> None:
            owners = [dependent for dependent in obj["metadata"]["ownerReferences"] if dependent["uid"] != uid]
            obj["metadata"]["ownerReferences"] = owners

        for resource in RESOURCES:
            for dependent in [] if resource.stored_as else self._store.all(resource):
                if any(reference["uid"] == uid for reference in dependent["metadata"].get("ownerReferences", [])):
                    self._store.modify(resource, key_of(dependent), let_go)


def scale_of(obj: Json) -> Json:
    """The autoscaling/v1 Scale of a Deployment or ReplicaSet."""
    metadata = obj["metadata"]
    metadata_fields = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    labels = (obj["spec"].get("selector") or {}).get("matchLabels", {})
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {field: metadata[field] for field in metadata_fields if field in metadata},
        "spec": {"replicas": obj["spec"].get("replicas", 0)},
        "status": {
            "replicas": obj.get("status", {}).get("replicas", 0),
            "selector": ",".join(f"{key}={labels[key]}" for key in sorted(labels)),
        },
    }


def _with_replicas(target: ResourcePath, old: Json, scale: Json) -> Json:
    replicas = scale.get("spec", {}).get("replicas", 0)
    if isinstance(replicas, bool) or not isinstance(replicas, int):
        raise errors.bad_request('Scale in version "v1" cannot be handled as a Scale: spec.replicas is no number')
    if replicas < 0:
        details = invalid_value("spec.replicas", replicas, "must be greater than or equal to 0")
        raise errors.invalid(SCALE, target.name, [details])
    new = copy.deepcopy(old)
    new["spec"]["replicas"] = replicas
    if "resourceVersion" in scale["metadata"]:
        new["metadata"]["resourceVersion"] = scale["metadata"]["resourceVersion"]
    return new


SCALE = ResourceType(group="autoscaling", plural="scales", kind="Scale")


def _as_client_sees(resource: ResourceType, obj: Json) -> Json:
    """The object as a client sees it, which is what a patch is about."""
    return {"apiVersion": resource.api_version, "kind": resource.kind, **obj}
