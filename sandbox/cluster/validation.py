"""What the API server refuses with 422, in its words. Only what people and bots get wrong in practice."""

import re
from typing import Any

from sandbox.cluster import errors
from sandbox.cluster.errors import Cause
from sandbox.cluster.model import Json, labels_of
from sandbox.cluster.resources import CONFIGMAPS, HPAS, PODS, SECRETS, WORKLOADS, ResourceType
from sandbox.cluster.schemas import type_errors
from sandbox.cluster.selectors import matches_labels

_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_NAME_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_NO_EXPRESSIONS = "[]v1.LabelSelectorRequirement(nil)"
_AMOUNT_RULE = "must be an integer or percentage (e.g '5%')"
_AT_LEAST_ZERO = "must be greater than or equal to 0"


def check(resource: ResourceType, new: Json, old: Json | None) -> None:
    """Raises 422 with every reason why ``new`` may not be stored (in the place of ``old``, when there is one)."""
    refuse_wrong_types(resource, new)
    causes = [*_metadata(new, old), *_spec(resource, new, old)]
    if causes:
        raise errors.invalid(resource, new["metadata"]["name"], causes)


def refuse_wrong_types(resource: ResourceType, obj: Json) -> None:
    """Raises 400 for values that the API server cannot even decode."""
    wrong = type_errors(resource, obj)
    if wrong:
        message = f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: {wrong[0]}'
        raise errors.bad_request(message)


def required(field: str) -> Cause:
    return Cause(reason="FieldValueRequired", message="Required value", field=field)


def invalid_value(field: str, value: Any, why: str) -> Cause:
    shown = f'"{value}"' if isinstance(value, str) else _go_format(value)
    return Cause(reason="FieldValueInvalid", message=f"Invalid value: {shown}: {why}", field=field)


def _go_format(value: Any) -> str:
    """As Go prints it: the API server's words carry Go's syntax."""
    if isinstance(value, dict):
        pairs = ", ".join(f'"{key}":"{value[key]}"' for key in sorted(value))
        return f"map[string]string{{{pairs}}}" if value else "map[string]string(nil)"
    return str(value)


def _metadata(new: Json, old: Json | None) -> list[Cause]:
    metadata = new["metadata"]
    causes = []
    if not re.fullmatch(_SUBDOMAIN, metadata["name"]):
        causes.append(invalid_value("metadata.name", metadata["name"], _NAME_RULE))
    if old is not None and metadata.get("uid", old["metadata"]["uid"]) != old["metadata"]["uid"]:
        causes.append(invalid_value("metadata.uid", metadata["uid"], "field is immutable"))
    return causes


def _spec(resource: ResourceType, new: Json, old: Json | None) -> list[Cause]:
    if resource in WORKLOADS:
        return _workload(new, old)
    if resource is PODS:
        return _containers(new["spec"], "spec")
    if resource is HPAS:
        return _autoscaler(new["spec"])
    frozen = resource in (CONFIGMAPS, SECRETS) and old is not None and old.get("immutable")
    if old is not None and frozen and new.get("data") != old.get("data"):
        why = "field is immutable when `immutable` is set"
        return [Cause(reason="FieldValueForbidden", message=f"Forbidden: {why}", field="data")]
    return []


def _workload(new: Json, old: Json | None) -> list[Cause]:
    spec = new["spec"]
    causes = [
        invalid_value(f"spec.{field}", spec[field], _AT_LEAST_ZERO)
        for field in ("replicas", "minReadySeconds", "revisionHistoryLimit")
        if spec.get(field, 0) < 0
    ]
    selector = spec.get("selector") or {}
    labels = labels_of(spec["template"])
    if not selector:
        causes.append(required("spec.selector"))
    if not selector or not matches_labels(selector, labels):
        why = "`selector` does not match template `labels`"
        causes.append(invalid_value("spec.template.metadata.labels", labels, why))
    causes += _containers(spec["template"]["spec"], "spec.template.spec")
    if old is not None and old["spec"].get("selector") != selector:
        shown = (
            f"v1.LabelSelector{{MatchLabels:{_go_format(selector.get('matchLabels', {}))}, MatchExpressions:{_NO_EXPRESSIONS}}}"
        )
        message = f"Invalid value: {shown}: field is immutable"
        causes.append(Cause(reason="FieldValueInvalid", message=message, field="spec.selector"))
    return [*causes, *_strategy(spec)]


def _strategy(spec: Json) -> list[Cause]:
    strategy = spec.get("strategy", {})
    if strategy.get("type") == "Recreate" and "rollingUpdate" in strategy:
        why = "may not be specified when strategy `type` is 'Recreate'"
        return [Cause(reason="FieldValueForbidden", message=f"Forbidden: {why}", field="spec.strategy.rollingUpdate")]
    rolling = strategy.get("rollingUpdate", {})
    causes = [
        invalid_value(f"spec.strategy.rollingUpdate.{name}", value, _AMOUNT_RULE)
        for name, value in rolling.items()
        if not (value >= 0 if isinstance(value, int) else re.fullmatch(r"[0-9]+%", value))
    ]
    if causes:
        return causes
    if strategy.get("type") not in (None, "RollingUpdate", "Recreate"):
        message = f'Unsupported value: "{strategy["type"]}": supported values: "Recreate", "RollingUpdate"'
        return [Cause(reason="FieldValueNotSupported", message=message, field="spec.strategy.type")]
    if rolling and all(rolling.get(bound) in (0, "0", "0%") for bound in ("maxSurge", "maxUnavailable")):
        field, why = "spec.strategy.rollingUpdate.maxUnavailable", "may not be 0 when `maxSurge` is 0"
        return [invalid_value(field, rolling["maxUnavailable"], why)]
    return []


def _containers(spec: Json, path: str) -> list[Cause]:
    containers = spec.get("containers") or []
    if not containers:
        return [required(f"{path}.containers")]
    causes = []
    for position, container in enumerate(containers):
        at = f"{path}.containers[{position}]"
        causes += [required(f"{at}.{field}") for field in ("name", "image") if not container.get(field)]
        if container.get("name") in [other.get("name") for other in containers[:position]]:
            message = f'Duplicate value: "{container["name"]}"'
            causes.append(Cause(reason="FieldValueDuplicate", message=message, field=f"{at}.name"))
    return causes


def _autoscaler(spec: Json) -> list[Cause]:
    low, high = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    causes = []
    if high < 1:
        causes.append(invalid_value("spec.maxReplicas", high, "must be greater than 0"))
    if high < low:
        causes.append(invalid_value("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`"))
    if "scaleTargetRef" not in spec:
        causes.append(required("spec.scaleTargetRef"))
    return causes
