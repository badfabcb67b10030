"""The kinds of object that the stand-in cluster keeps, and how the API names them."""

from dataclasses import dataclass

READ_ONLY = ("get", "list", "watch")
ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """One kind of object in one API version.

    ``stored_as`` names the plural.group under which the objects are kept when this is another version's view of them.
    """

    group: str = ""
    version: str = "v1"
    plural: str
    kind: str
    short_names: tuple[str, ...] = ()
    namespaced: bool = True
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    """Paths that field selectors may name, beside metadata.name and metadata.namespace."""
    counts_generations: bool = False
    custom: bool = False
    in_all: bool = False
    stored_as: str = ""

    @property
    def qualified(self) -> str:
        """``deployments.apps``; the core group has no suffix."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def kind_qualified(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def storage(self) -> str:
        return self.stored_as or self.qualified

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


_EVENT_FIELDS = tuple(f"involvedObject.{part}" for part in ("kind", "namespace", "name", "uid", "apiVersion", "fieldPath"))

NAMESPACES = ResourceType(plural="namespaces", kind="Namespace", short_names=("ns",), namespaced=False, fields=("status.phase",))
PODS = ResourceType(
    plural="pods",
    kind="Pod",
    short_names=("po",),
    subresources=("log", "status"),
    fields=("spec.nodeName", "status.phase", "status.podIP", "spec.restartPolicy", "spec.schedulerName"),
    in_all=True,
)
NODES = ResourceType(plural="nodes", kind="Node", short_names=("no",), namespaced=False, subresources=("status",))
CONFIGMAPS = ResourceType(plural="configmaps", kind="ConfigMap", short_names=("cm",))
SECRETS = ResourceType(plural="secrets", kind="Secret", fields=("type",))
SERVICES = ResourceType(plural="services", kind="Service", short_names=("svc",), in_all=True)
EVENTS = ResourceType(plural="events", kind="Event", short_names=("ev",), fields=(*_EVENT_FIELDS, "reason", "type", "source"))
DEPLOYMENTS = ResourceType(
    group="apps",
    plural="deployments",
    kind="Deployment",
    short_names=("deploy",),
    subresources=("scale", "status"),
    counts_generations=True,
    in_all=True,
)
REPLICASETS = ResourceType(
    group="apps",
    plural="replicasets",
    kind="ReplicaSet",
    short_names=("rs",),
    subresources=("scale", "status"),
    fields=("status.replicas",),
    counts_generations=True,
    in_all=True,
)
STATEFULSETS = ResourceType(
    group="apps",
    plural="statefulsets",
    kind="StatefulSet",
    short_names=("sts",),
    subresources=("status",),
    counts_generations=True,
    in_all=True,
)
DAEMONSETS = ResourceType(
    group="apps",
    plural="daemonsets",
    kind="DaemonSet",
    short_names=("ds",),
    subresources=("status",),
    counts_generations=True,
    in_all=True,
)
CONTROLLER_REVISIONS = ResourceType(group="apps", plural="controllerrevisions", kind="ControllerRevision")
JOBS = ResourceType(group="batch", plural="jobs", kind="Job", subresources=("status",), in_all=True)
CRON_JOBS = ResourceType(
    group="batch", plural="cronjobs", kind="CronJob", short_names=("cj",), subresources=("status",), in_all=True
)
HPAS = ResourceType(
    group="autoscaling",
    version="v2",
    plural="horizontalpodautoscalers",
    kind="HorizontalPodAutoscaler",
    short_names=("hpa",),
    subresources=("status",),
    in_all=True,
)
HPAS_V1 = ResourceType(
    group="autoscaling",
    plural="horizontalpodautoscalers",
    kind="HorizontalPodAutoscaler",
    short_names=("hpa",),
    verbs=READ_ONLY,
    stored_as="horizontalpodautoscalers.autoscaling",
)
NEW_EVENTS = ResourceType(
    group="events.k8s.io",
    plural="events",
    kind="Event",
    verbs=READ_ONLY,
    fields=(*(f"regarding.{part}" for part in ("kind", "namespace", "name", "uid")), "reason", "type"),
    stored_as="events",
)
POD_METRICS = ResourceType(group="metrics.k8s.io", version="v1beta1", plural="pods", kind="PodMetrics", verbs=("get", "list"))
APPLICATIONS = ResourceType(
    group="argoproj.io",
    version="v1alpha1",
    plural="applications",
    kind="Application",
    short_names=("app", "apps"),
    counts_generations=True,
    custom=True,
)
ROLLOUTS = ResourceType(
    group="argoproj.io",
    version="v1alpha1",
    plural="rollouts",
    kind="Rollout",
    short_names=("ro",),
    counts_generations=True,
    custom=True,
)
KUSTOMIZATIONS = ResourceType(
    group="kustomize.toolkit.fluxcd.io",
    plural="kustomizations",
    kind="Kustomization",
    short_names=("ks",),
    counts_generations=True,
    custom=True,
)

RESOURCES = (
    NAMESPACES,
    PODS,
    NODES,
    CONFIGMAPS,
    SECRETS,
    SERVICES,
    EVENTS,
    DEPLOYMENTS,
    REPLICASETS,
    STATEFULSETS,
    DAEMONSETS,
    CONTROLLER_REVISIONS,
    JOBS,
    CRON_JOBS,
    HPAS,
    HPAS_V1,
    NEW_EVENTS,
    POD_METRICS,
    APPLICATIONS,
    ROLLOUTS,
    KUSTOMIZATIONS,
)


WORKLOADS = (DEPLOYMENTS, REPLICASETS, STATEFULSETS, DAEMONSETS)
"""What has a pod template."""


def find_resource(group: str, version: str, plural: str) -> ResourceType | None:
    wanted = (group, version, plural)
    return next((known for known in RESOURCES if (known.group, known.version, known.plural) == wanted), None)


def resource_of_kind(api_version: str, kind: str) -> ResourceType | None:
    return next((known for known in RESOURCES if (known.api_version, known.kind) == (api_version, kind)), None)
