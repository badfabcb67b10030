"""The part of the Kubernetes API that the bot uses: paths, names and selectors."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object and its place in the API."""

    group: str
    version: str
    plural: str
    kind: str

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The path of one object, of a ``subresource`` such as ``log``, or of all objects in a namespace."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        namespace_path = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
        object_path = f"/{quote(name, safe='')}" if name else ""
        return f"{root}{namespace_path}/{self.plural}{object_path}{f'/{subresource}' if subresource else ''}"


DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
STATEFUL_SETS = Resource("apps", "v1", "statefulsets", "StatefulSet")
DAEMON_SETS = Resource("apps", "v1", "daemonsets", "DaemonSet")
CONTROLLER_REVISIONS = Resource("apps", "v1", "controllerrevisions", "ControllerRevision")
JOBS = Resource("batch", "v1", "jobs", "Job")
CRON_JOBS = Resource("batch", "v1", "cronjobs", "CronJob")
DEPLOYMENT_CONFIGS = Resource("apps.openshift.io", "v1", "deploymentconfigs", "DeploymentConfig")
ROLLOUTS = Resource("argoproj.io", "v1alpha1", "rollouts", "Rollout")
REPLICA_SETS = Resource("apps", "v1", "replicasets", "ReplicaSet")
PODS = Resource("", "v1", "pods", "Pod")
NODES = Resource("", "v1", "nodes", "Node")
POD_METRICS = Resource("metrics.k8s.io", "v1beta1", "pods", "PodMetrics")
EVENTS = Resource("", "v1", "events", "Event")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
SECRETS = Resource("", "v1", "secrets", "Secret")
AUTOSCALERS = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
AUTOSCALERS_V1 = Resource("autoscaling", "v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
APPLICATIONS = Resource("argoproj.io", "v1alpha1", "applications", "Application")
KUSTOMIZATIONS = Resource("kustomize.toolkit.fluxcd.io", "v1", "kustomizations", "Kustomization")
HELM_RELEASES = Resource("helm.toolkit.fluxcd.io", "v2", "helmreleases", "HelmRelease")
ACCESS_REVIEWS = Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview")
REVISION_ANNOTATION = "deployment.kubernetes.io/revision"


def metadata(obj: Mapping[str, Any]) -> Json:
    """``metadata`` of an object or a pod template; a template may have none."""
    return obj.get("metadata") or {}


def annotations(obj: Mapping[str, Any]) -> dict[str, str]:
    return metadata(obj).get("annotations") or {}


def labels(obj: Mapping[str, Any]) -> dict[str, str]:
    return metadata(obj).get("labels") or {}


def controller_uid(obj: Mapping[str, Any]) -> str:
    """The uid of the controller that owns this object, empty without one."""
    owners = metadata(obj).get("ownerReferences") or []
    return next((str(owner["uid"]) for owner in owners if owner.get("controller")), "")


def parse_time(text: str) -> datetime:
    """Parse an RFC 3339 time into an aware time in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def label_selector(selector: Mapping[str, Any]) -> str:
    """Format a LabelSelector object for the ``labelSelector`` query parameter."""
    equalities = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    return ",".join([*equalities, *(_format_requirement(requirement) for requirement in selector.get("matchExpressions") or [])])


def _format_requirement(requirement: Mapping[str, Any]) -> str:
    key, values = str(requirement["key"]), ",".join(requirement.get("values") or [])
    formats = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key, "DoesNotExist": f"!{key}"}
    return formats[requirement["operator"]]
