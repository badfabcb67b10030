"""Names what runs where there is no workload of the catalogue's kind: another kind, perhaps one that is not changed from here."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from domain.errors import Forbidden, NotFound
from domain.rich_text import Code, Text, sentence
from domain.targets import Target
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.resources import (
    CRON_JOBS,
    DAEMON_SETS,
    DEPLOYMENT_CONFIGS,
    DEPLOYMENTS,
    ROLLOUTS,
    STATEFUL_SETS,
    Resource,
)

MAX_LOOKED_UP = 20
"""Names looked up for one answer: each costs a request for each kind."""


@dataclass(frozen=True, slots=True)
class _OtherKind:
    resource: Resource
    name: str
    """With its article, for people."""
    key: str = ""
    """Its key in the catalogue; empty for a kind that the bot does not change."""
    command: str = ""
    """How a person looks at one, without its name and namespace."""


_OTHER_KINDS = (
    _OtherKind(ROLLOUTS, "a Rollout of Argo Rollouts", command="kubectl argo rollouts get rollout"),
    _OtherKind(DEPLOYMENTS, "a Deployment", key="deployment"),
    _OtherKind(STATEFUL_SETS, "a StatefulSet", key="statefulset"),
    _OtherKind(DAEMON_SETS, "a DaemonSet", key="daemonset"),
    _OtherKind(CRON_JOBS, "a CronJob", command="kubectl get cronjob"),
    _OtherKind(DEPLOYMENT_CONFIGS, "a DeploymentConfig of OpenShift", command="oc rollout status deploymentconfig"),
)


async def missing_deployment(client: KubernetesClient, target: Target, missing: NotFound) -> NotFound:
    """The error for a workload that does not exist: it names the other kind of workload that has the name, if one has."""
    kind = await _other_kind(client, target)
    return missing if kind is None else NotFound(sentence(f"{target} ", *_description(kind, target), " Nothing was changed."))


async def other_kinds(client: KubernetesClient, targets: Iterable[Target]) -> dict[Target, Text]:
    """A sentence about each of these that is another kind of workload than the catalogue says; the others are absent."""
    looked_up = list(targets)[:MAX_LOOKED_UP]
    kinds = await asyncio.gather(*(_other_kind(client, target) for target in looked_up))
    found = ((target, kind) for target, kind in zip(looked_up, kinds, strict=True) if kind is not None)
    return {target: sentence("It ", *_description(kind, target)) for target, kind in found}


async def _other_kind(client: KubernetesClient, target: Target) -> _OtherKind | None:
    for kind in _OTHER_KINDS:
        if kind.resource.kind == target.kind:
            continue
        try:
            await client.get(kind.resource, target.namespace, target.deployment)
        except (NotFound, Forbidden):
            continue
        return kind
    return None


def _description(kind: _OtherKind, target: Target) -> tuple[str | Code, ...]:
    """What follows the subject of a sentence, with the way to go on."""
    what = f"is {kind.name}, and the catalogue calls it a {target.kind}."
    if kind.key:
        return f"{what} There it has to be ", Code(f"{kind.key}: {target.deployment}"), "."
    command = Code(f"{kind.command} {target.deployment} --namespace {target.namespace}")
    return f"{what} Such a one is not changed from here. To look at it: ", command, "."
