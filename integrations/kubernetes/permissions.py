"""Whether the bot's account has the permissions that its commands need (SelfSubjectAccessReview)."""

import asyncio
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from domain.targets import WorkloadKind
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.resources import (
    ACCESS_REVIEWS,
    APPLICATIONS,
    AUTOSCALERS,
    CONFIG_MAPS,
    CONTROLLER_REVISIONS,
    CRON_JOBS,
    DAEMON_SETS,
    DEPLOYMENT_CONFIGS,
    DEPLOYMENTS,
    EVENTS,
    HELM_RELEASES,
    JOBS,
    KUSTOMIZATIONS,
    NODES,
    POD_METRICS,
    PODS,
    REPLICA_SETS,
    ROLLOUTS,
    STATEFUL_SETS,
    Resource,
)

REQUIRED_PERMISSIONS: tuple[tuple[str, Resource, str], ...] = (
    ("get", DEPLOYMENTS, ""),
    ("list", DEPLOYMENTS, ""),
    ("watch", DEPLOYMENTS, ""),
    ("patch", DEPLOYMENTS, ""),
    ("list", REPLICA_SETS, ""),
    ("list", PODS, ""),
    ("get", PODS, "log"),
    ("list", AUTOSCALERS, ""),
    ("list", EVENTS, ""),
    ("get", CONFIG_MAPS, ""),
)
"""Verb, resource and subresource."""

OPTIONAL_PERMISSIONS: tuple[tuple[str, Resource, str], ...] = (
    *(
        ("get", resource, "")
        for resource in (APPLICATIONS, KUSTOMIZATIONS, HELM_RELEASES, ROLLOUTS, CRON_JOBS, DEPLOYMENT_CONFIGS, NODES)
    ),
    ("get", JOBS, ""),
    ("create", JOBS, ""),
    ("list", JOBS, ""),
    ("list", NODES, ""),
    ("list", POD_METRICS, ""),
)
"""What is used where it may be, and not checked: owners that put changes back, other workloads of a name, nodes, usage, and
Jobs of maintenance."""


KIND_PERMISSIONS: Mapping[WorkloadKind, tuple[tuple[str, Resource, str], ...]] = MappingProxyType(
    {
        WorkloadKind.DEPLOYMENT: (),
        WorkloadKind.STATEFUL_SET: (
            *((verb, STATEFUL_SETS, "") for verb in ("get", "list", "watch", "patch")),
            ("list", CONTROLLER_REVISIONS, ""),
        ),
        WorkloadKind.DAEMON_SET: (
            *((verb, DAEMON_SETS, "") for verb in ("get", "list", "watch", "patch")),
            ("list", CONTROLLER_REVISIONS, ""),
        ),
    }
)
"""What is needed beside that where a service is of this kind."""


class Permission(NamedTuple):
    """``resource`` is in kubectl's notation: ``deployments.apps``, ``pods/log``."""

    verb: str
    resource: str
    allowed: bool


async def permissions(client: KubernetesClient, namespace: str, kinds: Iterable[WorkloadKind]) -> tuple[Permission, ...]:
    needed = [*REQUIRED_PERMISSIONS, *(each for kind in sorted(kinds) for each in KIND_PERMISSIONS[kind])]
    return tuple(await asyncio.gather(*(_check_permission(client, namespace, *required) for required in needed)))


async def _check_permission(
    client: KubernetesClient, namespace: str, verb: str, resource: Resource, subresource: str
) -> Permission:
    attributes = {
        "namespace": namespace,
        "verb": verb,
        "group": resource.group,
        "resource": resource.plural,
        "subresource": subresource,
    }
    review = {
        "apiVersion": f"{ACCESS_REVIEWS.group}/{ACCESS_REVIEWS.version}",
        "kind": ACCESS_REVIEWS.kind,
        "spec": {"resourceAttributes": attributes},
    }
    response = await client.create_review(ACCESS_REVIEWS, review)
    return Permission(verb, f"{resource}/{subresource}" if subresource else str(resource), bool(response["status"]["allowed"]))
