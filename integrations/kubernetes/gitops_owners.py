"""Which tool owns a Deployment: Argo CD, Flux or Helm, in this order, since the first two often apply Helm's output."""

from domain.errors import Forbidden, NotFound
from domain.workloads.deployments import Owner, OwnerKind
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.resources import (
    APPLICATIONS,
    HELM_RELEASES,
    KUSTOMIZATIONS,
    Json,
    Resource,
    annotations,
    labels,
    metadata,
)

ARGO_TRACKING_ANNOTATION = "argocd.argoproj.io/tracking-id"
ARGO_INSTANCE_LABEL = "argocd.argoproj.io/instance"
INSTANCE_LABEL = "app.kubernetes.io/instance"
HELM_RELEASE_ANNOTATION = "meta.helm.sh/release-name"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"


async def owner_of(client: KubernetesClient, deployment: Json) -> Owner:
    """The first owner in this order. Whether it reverts changes is read from its object; if unreadable, it is assumed to."""
    return await _argo_owner(client, deployment) or await _flux_owner(client, deployment) or _helm_owner(deployment) or Owner()


async def _argo_owner(client: KubernetesClient, deployment: Json) -> Owner | None:
    namespace = client.settings.argocd_namespace
    tracking = annotations(deployment).get(ARGO_TRACKING_ANNOTATION, "").partition(":")[0] or labels(deployment).get(
        ARGO_INSTANCE_LABEL, ""
    )
    if tracking:
        # An Application outside Argo CD's own namespace is written <namespace>_<name>.
        application_namespace, _, name = tracking.rpartition("_")
        application = await _get_if_readable(client, APPLICATIONS, application_namespace or namespace, name)
        return Owner(OwnerKind.ARGO_CD, name, reverts=application is None or _auto_syncs(application))
    name = labels(deployment).get(INSTANCE_LABEL, "")
    if not name or HELM_RELEASE_ANNOTATION in annotations(deployment):
        return None
    # Other tools set this label too: it counts only with an Application of this name that lists the Deployment.
    application = await _get_if_readable(client, APPLICATIONS, namespace, name)
    if application is None or not _manages(application, deployment):
        return None
    return Owner(OwnerKind.ARGO_CD, name, reverts=_auto_syncs(application))


def _auto_syncs(application: Json) -> bool:
    automated = ((application.get("spec") or {}).get("syncPolicy") or {}).get("automated")
    return automated is not None and automated.get("enabled", True)


def _manages(application: Json, deployment: Json) -> bool:
    identity = (deployment["kind"], metadata(deployment)["namespace"], metadata(deployment)["name"])
    resources = (application.get("status") or {}).get("resources") or []
    return any((item.get("kind"), item.get("namespace"), item.get("name")) == identity for item in resources)


async def _flux_owner(client: KubernetesClient, deployment: Json) -> Owner | None:
    for resource in (KUSTOMIZATIONS, HELM_RELEASES):
        name = labels(deployment).get(f"{resource.group}/name")
        if name:
            namespace = labels(deployment).get(f"{resource.group}/namespace") or metadata(deployment)["namespace"]
            flux_object = await _get_if_readable(client, resource, namespace, name)
            return Owner(
                OwnerKind.FLUX, name, reverts=flux_object is None or not (flux_object.get("spec") or {}).get("suspend", False)
            )
    return None


def _helm_owner(deployment: Json) -> Owner | None:
    release = annotations(deployment).get(HELM_RELEASE_ANNOTATION, "")
    if release or labels(deployment).get(MANAGED_BY_LABEL) == "Helm":
        return Owner(OwnerKind.HELM, release or labels(deployment).get(INSTANCE_LABEL, ""), reverts=False)
    return None


async def _get_if_readable(client: KubernetesClient, resource: Resource, namespace: str, name: str) -> Json | None:
    try:
        return await client.get(resource, namespace, name)
    except (Forbidden, NotFound):
        return None
