"""Names what runs under a name of which there is no Deployment: another kind of workload than the catalogue says."""

from dataclasses import dataclass

from domain.errors import Forbidden, NotFound
from domain.rich_text import Code, sentence
from domain.targets import Target
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.resources import Resource


@dataclass(frozen=True, slots=True)
class _OtherKind:
    resource: Resource
    name: str
    """With its article, for people."""
    command: str
    """How a person changes one, without namespace and name."""


_OTHER_KINDS = (
    _OtherKind(
        Resource("argoproj.io", "v1alpha1", "rollouts", "Rollout"),
        "a Rollout of Argo Rollouts",
        "kubectl argo rollouts get rollout",
    ),
    _OtherKind(Resource("apps", "v1", "statefulsets", "StatefulSet"), "a StatefulSet", "kubectl rollout history statefulset"),
    _OtherKind(Resource("apps", "v1", "daemonsets", "DaemonSet"), "a DaemonSet", "kubectl rollout history daemonset"),
)


async def missing_deployment(client: KubernetesClient, target: Target, missing: NotFound) -> NotFound:
    """The error for a workload that does not exist: it names the other kind of workload that has the name, if one has."""
    for kind in _OTHER_KINDS:
        if kind.resource.kind == target.kind:
            continue
        try:
            await client.get(kind.resource, target.namespace, target.deployment)
        except (NotFound, Forbidden):
            continue
        command = Code(f"{kind.command} {target.deployment} --namespace {target.namespace}")
        refusal = f"{target} is {kind.name}, and the catalogue calls it a {target.kind}. Nothing was changed. With kubectl: "
        return NotFound(sentence(refusal, command))
    return missing
