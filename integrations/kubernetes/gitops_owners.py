"""Who else writes a Deployment: Argo CD before Flux before Helm, since the first two often apply what Helm rendered."""

from domain.errors import Forbidden, NotFound
from domain.workloads.deployments import Owner, OwnerKind
from integrations.kubernetes.client import Connection
from integrations.kubernetes.resources import (
    APPLICATIONS,
    DEPLOYMENTS,
    HELM_RELEASES,
    KUSTOMIZATIONS,
    Json,
    Resource,
    annotations,
    labels,
    metadata,
)

ARGO_TRACKING = "argocd.argoproj.io/tracking-id"
ARGO_INSTANCE = "argocd.argoproj.io/instance"
INSTANCE = "app.kubernetes.io/instance"
HELM_RELEASE = "meta.helm.sh/release-name"
MANAGED_BY = "app.kubernetes.io/managed-by"


async def owner_of(connection: Connection, deployment: Json) -> Owner:
    """The strongest owner. Whether it reverts is read from its own object; what cannot be read is assumed to revert."""
    return await _argo(connection, deployment) or await _flux(connection, deployment) or _helm(deployment) or Owner()


async def _argo(connection: Connection, deployment: Json) -> Owner | None:
    namespace = connection.settings.argocd_namespace
    tracking = annotations(deployment).get(ARGO_TRACKING, "").partition(":")[0] or labels(deployment).get(ARGO_INSTANCE, "")
    if tracking:
        # An Application outside Argo CD's own namespace is written <namespace>_<name>.
        elsewhere, _, name = tracking.rpartition("_")
        application = await _read(connection, APPLICATIONS, elsewhere or namespace, name)
        return Owner(OwnerKind.ARGO_CD, name, reverts=application is None or _syncs(application))
    name = labels(deployment).get(INSTANCE, "")
    if not name or HELM_RELEASE in annotations(deployment):
        return None
    # The label is common; only an Application of this name that lists this Deployment makes it Argo CD's.
    application = await _read(connection, APPLICATIONS, namespace, name)
    if application is None or not _lists(application, deployment):
        return None
    return Owner(OwnerKind.ARGO_CD, name, reverts=_syncs(application))


def _syncs(application: Json) -> bool:
    automated = ((application.get("spec") or {}).get("syncPolicy") or {}).get("automated")
    return automated is not None and automated.get("enabled", True)


def _lists(application: Json, deployment: Json) -> bool:
    wanted = (DEPLOYMENTS.kind, metadata(deployment)["namespace"], metadata(deployment)["name"])
    known = (application.get("status") or {}).get("resources") or []
    return any((each.get("kind"), each.get("namespace"), each.get("name")) == wanted for each in known)


async def _flux(connection: Connection, deployment: Json) -> Owner | None:
    for resource in (KUSTOMIZATIONS, HELM_RELEASES):
        name = labels(deployment).get(f"{resource.group}/name")
        if name:
            namespace = labels(deployment).get(f"{resource.group}/namespace") or metadata(deployment)["namespace"]
            found = await _read(connection, resource, namespace, name)
            return Owner(OwnerKind.FLUX, name, reverts=found is None or not (found.get("spec") or {}).get("suspend", False))
    return None


def _helm(deployment: Json) -> Owner | None:
    release = annotations(deployment).get(HELM_RELEASE, "")
    if release or labels(deployment).get(MANAGED_BY) == "Helm":
        return Owner(OwnerKind.HELM, release or labels(deployment).get(INSTANCE, ""), reverts=False)
    return None


async def _read(connection: Connection, resource: Resource, namespace: str, name: str) -> Json | None:
    try:
        return await connection.get(resource, namespace, name)
    except (Forbidden, NotFound):
        return None
