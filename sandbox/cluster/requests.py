"""From an HTTP request to what it means: target, verb, selection, options and body."""

import asyncio
import json
from http import HTTPStatus
from typing import Any

import yaml
from aiohttp import web

from sandbox.cluster import errors, protobuf
from sandbox.cluster.errors import Cause
from sandbox.cluster.model import Json
from sandbox.cluster.reads import Selection
from sandbox.cluster.resources import RESOURCES, ResourceType, find_resource
from sandbox.cluster.writes import APPLY, ResourcePath, WriteOptions

_OPTIONS = ResourceType(group="meta.k8s.io", plural="patchoptions", kind="PatchOptions")
_REASONS = {429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout", 410: "Expired"}


def token_and_path(request: web.Request) -> tuple[str, str]:
    """The bearer token, and the path without ``/as/<token>``.

    kubectl sends no token over plain HTTP, so a kubeconfig names it in the server's address instead.
    """
    header_token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    if not request.path.startswith("/as/"):
        return header_token, request.path
    token, _, path = request.path.removeprefix("/as/").partition("/")
    return header_token or token, f"/{path}"


def target_of(path: str) -> ResourcePath:
    """What the path names; raises 404 for what the cluster does not have."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise errors.UnknownApiGroup
    if not any((known.group, known.version) == (group, version) for known in RESOURCES):
        raise errors.UnknownApiGroup
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    resource = find_resource(group, version, rest[0])
    name, subresource = [*rest[1:], "", ""][:2]
    if resource is None or len(rest) > 3 or (subresource and subresource not in resource.subresources):
        raise errors.no_such_path()
    if resource.namespaced and name and not namespace:
        raise errors.no_such_path()
    return ResourcePath(resource=resource, namespace=namespace, name=name, subresource=subresource)


def verb_of(method: str, target: ResourcePath, *, watching: bool) -> str:
    """The verb of Kubernetes' access rules; raises 405 where the path does not allow the method."""
    if target.name:
        verbs = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
    else:
        verbs = {"GET": "watch" if watching else "list", "POST": "create", "DELETE": "deletecollection"}
    verb = verbs.get(method)
    everywhere = target.resource.namespaced and not target.namespace and verb in ("create", "deletecollection")
    if verb is None or everywhere or (target.subresource == "log" and verb != "get"):
        raise errors.method_not_allowed()
    if target.name and watching and verb == "get":
        return "watch"
    if target.subresource and verb == "delete":
        raise errors.method_not_allowed()
    return verb


def query_flag(request: web.Request, name: str) -> bool:
    return request.query.get(name, "").lower() in ("1", "true")


def query_int(request: web.Request, name: str, default: int = 0) -> int:
    """A whole number from the query; raises 400 for anything else."""
    text = request.query.get(name, "") or str(default)
    if not text.lstrip("-").isdigit():
        raise errors.bad_request(f'unable to convert query parameter {name}: "{text}" is no number')
    return int(text)


def selection_of(request: web.Request, target: ResourcePath) -> Selection:
    query = request.query
    return Selection(
        resource=target.resource,
        namespace=target.namespace,
        name=target.name,
        labels=query.get("labelSelector", ""),
        fields=query.get("fieldSelector", ""),
        version=query.get("resourceVersion", ""),
    )


def options_of(request: web.Request, *, applying: bool = False) -> WriteOptions:
    """How a write is meant; raises 422 for a dry run of an unknown sort, or an apply without a manager."""
    dry_run = request.query.get("dryRun", "")
    if dry_run not in ("", "All"):
        raise _unknown_dry_run(dry_run)
    manager = request.query.get("fieldManager", "")
    if applying and not manager:
        message = "Required value: is required for apply patch"
        raise errors.invalid(_OPTIONS, "", [Cause(reason="FieldValueRequired", message=message, field="fieldManager")])
    manager = manager or request.headers.get("User-Agent", "").split("/", 1)[0] or "unknown"
    return WriteOptions(dry_run=dry_run == "All", manager=manager, force=query_flag(request, "force"))


def _unknown_dry_run(value: str) -> errors.ApiError:
    message = f'Unsupported value: []string{{"{value}"}}: supported values: "All"'
    return errors.invalid(_OPTIONS, "", [Cause(reason="FieldValueNotSupported", message=message, field="dryRun")])


async def read_body(request: web.Request, kind: str = "object") -> Json:
    """The JSON or YAML object that was sent; raises 400 or 415."""
    if request.content_type == protobuf.MEDIA_TYPE:
        return protobuf.decode(await request.read())
    if request.content_type not in ("application/json", "application/yaml", "application/octet-stream"):
        raise errors.unsupported_media_type("application/json, application/yaml")
    parsed = _parsed(await request.text(), yaml_too=request.content_type != "application/json")
    if not isinstance(parsed, dict):
        raise errors.bad_request(f"the object provided is unrecognized (must be of type {kind})")
    return parsed


async def read_patch(request: web.Request, kind: str) -> Any:
    """What was sent, of whatever shape; raises 400 for what is no JSON (nor YAML, where that is allowed)."""
    return _parsed(await request.text(), yaml_too=kind == APPLY)


async def read_delete_options(request: web.Request) -> Json:
    """The DeleteOptions, from the body or the query."""
    text = await request.text()
    options = _parsed(text) if text else {}
    if not isinstance(options, dict):
        raise errors.bad_request("the object provided is unrecognized (must be of type DeleteOptions)")
    if "propagationPolicy" in request.query:
        options["propagationPolicy"] = request.query["propagationPolicy"]
    if "gracePeriodSeconds" in request.query:
        options["gracePeriodSeconds"] = query_int(request, "gracePeriodSeconds")
    if "dryRun" in request.query:
        options["dryRun"] = request.query.getall("dryRun")
    if options.get("dryRun", ["All"]) != ["All"]:
        raise _unknown_dry_run(options["dryRun"][0])
    return options


def _parsed(text: str, *, yaml_too: bool = False) -> Any:
    try:
        return yaml.safe_load(text) if yaml_too and text.lstrip()[:1] != "{" else json.loads(text)
    except (ValueError, yaml.YAMLError) as error:
        raise errors.bad_request(f"error decoding the body: {error}") from error


def reason_of(status: int) -> str:
    phrases = {known.value: known.phrase.replace(" ", "") for known in HTTPStatus}
    return _REASONS.get(status) or phrases.get(status, "Unknown")


async def pause(seconds: float) -> None:
    await asyncio.sleep(seconds)


def cut_connection(request: web.Request) -> web.Response:
    """Ends the connection; the answer that is returned goes nowhere."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()
