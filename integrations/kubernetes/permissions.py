"""Whether the bot's account has the permissions that its commands need (SelfSubjectAccessReview)."""

import asyncio
from typing import NamedTuple

from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.resources import (
    ACCESS_REVIEWS,
    AUTOSCALERS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    EVENTS,
    PODS,
    REPLICA_SETS,
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
"""Verb, resource and subresource. Reading Secrets and objects of Argo CD and Flux is optional and not checked."""


class Permission(NamedTuple):
    """``resource`` is in kubectl's notation: ``deployments.apps``, ``pods/log``."""

    verb: str
    resource: str
    allowed: bool


async def permissions(client: KubernetesClient, namespace: str) -> tuple[Permission, ...]:
    return tuple(await asyncio.gather(*(_check_permission(client, namespace, *required) for required in REQUIRED_PERMISSIONS)))


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
