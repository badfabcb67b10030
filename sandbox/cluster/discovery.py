"""What the API server says about itself: versions, groups, resources, and as much OpenAPI as kubectl asks for."""

from sandbox.cluster.model import Json
from sandbox.cluster.resources import RESOURCES, ResourceType

VERSION: Json = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.2+standin",
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "none",
    "compiler": "none",
    "platform": "linux/amd64",
}
_SELF_REVIEWS = {
    "authorization.k8s.io": (
        ("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
        ("selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    ),
    "authentication.k8s.io": (("selfsubjectreviews", "SelfSubjectReview"),),
}


def discovery_document(path: list[str], host: str) -> Json | None:
    """What is told at a path (in parts) about the API itself; None where nothing is."""
    match path:
        case ["version"]:
            result: Json | None = VERSION
        case ["api"]:
            result = core_versions(host)
        case ["api", version]:
            result = resources("", version)
        case ["apis"]:
            result = groups()
        case ["apis", name]:
            result = group(name)
        case ["apis", name, version]:
            result = resources(name, version)
        case ["openapi", "v3"]:
            result = openapi_index()
        case ["openapi", "v3", *document]:
            result = openapi_document("/".join(document))
        case _:
            result = None
    return result


def core_versions(host: str) -> Json:
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": host}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}


def groups() -> Json:
    names = dict.fromkeys([*(each.group for each in RESOURCES if each.group), *_SELF_REVIEWS])
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in names]}


def group(name: str) -> Json | None:
    known = any(each.group == name for each in RESOURCES) or name in _SELF_REVIEWS
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name)} if known and name else None


def resources(group_name: str, version: str) -> Json | None:
    """The APIResourceList of a group's version; None when there is no such version."""
    listed = [entry for each in _resources_in(group_name, version) for entry in _entries(each)]
    if version == "v1":
        listed += [
            {"name": plural, "singularName": "", "namespaced": False, "kind": kind, "verbs": ["create"]}
            for plural, kind in _SELF_REVIEWS.get(group_name, ())
        ]
    if not listed:
        return None
    group_version = f"{group_name}/{version}" if group_name else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": listed}


def openapi_index() -> Json:
    """OpenAPI v3: one document for each group's version."""
    paths = dict.fromkeys(_root(each) for each in RESOURCES)
    return {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}?hash=standin"} for path in paths}}


def openapi_document(path: str) -> Json | None:
    """Just what kubectl looks for before it writes: which kinds may be patched, and with which parameters."""
    found = [each for each in RESOURCES if _root(each) == path]
    if not found:
        return None
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": VERSION["gitVersion"]},
        "paths": {_object_path(each): _operations(each) for each in found},
        "components": {"schemas": {}},
    }


def _resources_in(group_name: str, version: str) -> list[ResourceType]:
    return [each for each in RESOURCES if (each.group, each.version) == (group_name, version)]


def _group(name: str) -> Json:
    found = dict.fromkeys(each.version for each in RESOURCES if each.group == name) or {"v1": None}
    versions = [{"groupVersion": f"{name}/{version}", "version": version} for version in found]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _entries(resource: ResourceType) -> list[Json]:
    entry: Json = {
        "name": resource.plural,
        "singularName": resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
        "shortNames": list(resource.short_names),
    }
    if resource.in_all:
        entry["categories"] = ["all"]
    return [entry, *(_subresource(resource, name) for name in resource.subresources)]


def _subresource(resource: ResourceType, name: str) -> Json:
    entry: Json = {"name": f"{resource.plural}/{name}", "singularName": "", "namespaced": True, "kind": resource.kind}
    if name == "scale":
        return {**entry, "kind": "Scale", "group": "autoscaling", "version": "v1", "verbs": ["get", "patch", "update"]}
    return {**entry, "verbs": ["get"] if name == "log" else ["get", "patch", "update"]}


def _root(resource: ResourceType) -> str:
    return f"apis/{resource.api_version}" if resource.group else f"api/{resource.version}"


def _object_path(resource: ResourceType) -> str:
    inside = "namespaces/{namespace}/" if resource.namespaced else ""
    return f"/{_root(resource)}/{inside}{resource.plural}/{{name}}"


def _operations(resource: ResourceType) -> Json:
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    names = ("dryRun", "fieldManager", "fieldValidation", "force")
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]
    return {
        method: {"x-kubernetes-group-version-kind": kind, "parameters": parameters, "responses": {}}
        for method in ("patch", "post", "put", "delete")
    }
