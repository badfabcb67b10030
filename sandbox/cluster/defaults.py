"""What the API server fills in where a manifest is silent, so that templates compare equal as they do on a real one."""

import base64
import hashlib
import json
from typing import Any

from domain.workloads.images import DEFAULT_TAG, parse_image
from sandbox.cluster.model import Json
from sandbox.cluster.resources import (
    DAEMONSETS,
    DEPLOYMENTS,
    HPAS,
    NAMESPACES,
    PODS,
    SECRETS,
    SERVICES,
    STATEFULSETS,
    WORKLOADS,
    ResourceType,
)

_HASH_LETTERS = "456789bcdf"
"""Kubernetes encodes the digits of a number with these."""


def apply_defaults(resource: ResourceType, obj: Json) -> None:
    """Completes ``obj`` in place; calling it again changes nothing."""
    if resource in _SPECIFIED:
        _fill_in_spec(resource, obj.setdefault("spec", {}))
    elif resource is SECRETS:
        _secret(obj)
    elif resource is NAMESPACES:
        obj["status"] = {"phase": "Active"}


def _fill_in_spec(resource: ResourceType, spec: Json) -> None:
    if resource in WORKLOADS:
        _template(spec.setdefault("template", {}))
    if resource in WORKLOADS and resource is not DAEMONSETS:
        spec.setdefault("replicas", 1)
    if resource is DEPLOYMENTS:
        _rollout(spec)
    elif resource in (STATEFULSETS, DAEMONSETS):
        _update(resource, spec)
    elif resource is PODS:
        _pod(spec)
    elif resource is HPAS:
        spec.setdefault("minReplicas", 1)
    elif resource is SERVICES:
        _service(spec)


_SPECIFIED = (*WORKLOADS, PODS, HPAS, SERVICES)


def without_nulls(value: Any) -> Any:
    """A null in JSON means "not set" to the API server."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [without_nulls(each) for each in value]
    return value


def template_hash(template: Json) -> str:
    """The ``pod-template-hash`` of a template that does not carry one yet."""
    digest = int.from_bytes(hashlib.sha256(json.dumps(template, sort_keys=True).encode()).digest()[:8], "big")
    letters = []
    for _ in range(10):
        digest, letter = divmod(digest, len(_HASH_LETTERS))
        letters.append(_HASH_LETTERS[letter])
    return "".join(letters)


def _secret(secret: Json) -> None:
    secret.setdefault("type", "Opaque")
    for name, text in secret.pop("stringData", {}).items():
        secret.setdefault("data", {})[name] = base64.b64encode(text.encode()).decode()


def _rollout(spec: Json) -> None:
    spec.setdefault("progressDeadlineSeconds", 600)
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = spec.setdefault("strategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", "25%")
        rolling.setdefault("maxUnavailable", "25%")


def _update(resource: ResourceType, spec: Json) -> None:
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = spec.setdefault("updateStrategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if resource is STATEFULSETS:
        spec.setdefault("podManagementPolicy", "OrderedReady")
    if strategy["type"] == "RollingUpdate":
        defaults: Json = {"partition": 0} if resource is STATEFULSETS else {"maxUnavailable": 1, "maxSurge": 0}
        strategy["rollingUpdate"] = {**defaults, **(strategy.get("rollingUpdate") or {})}


def _template(template: Json) -> None:
    template.setdefault("metadata", {})
    _pod(template.setdefault("spec", {}))


def _pod(spec: Json) -> None:
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    for container in [*spec.get("containers", []), *spec.get("initContainers", [])]:
        _container(container)
    for volume in spec.get("volumes", []):
        for kind in ("configMap", "secret"):
            if kind in volume:
                volume[kind].setdefault("defaultMode", 420)


def _container(container: Json) -> None:
    latest = parse_image(container.get("image", "")).effective_tag == DEFAULT_TAG
    container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
    container.setdefault("resources", {})
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    for port in container.get("ports", []):
        port.setdefault("protocol", "TCP")
    for variable in container.get("env", []):
        _variable(variable)
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if probe in container:
            _probe(container[probe])


def _variable(variable: Json) -> None:
    # An empty value is not stored, as in Kubernetes.
    if variable.get("value") == "":
        del variable["value"]
    reference = variable.get("valueFrom", {}).get("fieldRef")
    if reference is not None:
        reference.setdefault("apiVersion", "v1")


def _probe(probe: Json) -> None:
    probe.setdefault("failureThreshold", 3)
    probe.setdefault("periodSeconds", 10)
    probe.setdefault("successThreshold", 1)
    probe.setdefault("timeoutSeconds", 1)
    if "httpGet" in probe:
        probe["httpGet"].setdefault("scheme", "HTTP")
        probe["httpGet"].setdefault("path", "/")


def _service(spec: Json) -> None:
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    for port in spec.get("ports", []):
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))
