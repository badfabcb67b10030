"""May the bot's account do what its commands need? Asked of the cluster itself."""

import asyncio
from typing import NamedTuple

from integrations.kubernetes.client import Connection
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

NEEDED: tuple[tuple[str, Resource, str], ...] = (
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
"""Verb, resource and part. Secrets and the objects of Argo CD and Flux are read where permitted, and not missed otherwise."""


class Permission(NamedTuple):
    """``resource`` as kubectl writes it: ``deployments.apps``, ``pods/log``."""

    verb: str
    resource: str
    allowed: bool


async def permissions(connection: Connection, namespace: str) -> tuple[Permission, ...]:
    return tuple(await asyncio.gather(*(_permission(connection, namespace, *each) for each in NEEDED)))


async def _permission(connection: Connection, namespace: str, verb: str, resource: Resource, part: str) -> Permission:
    attributes = {"namespace": namespace, "verb": verb, "group": resource.group, "resource": resource.plural, "subresource": part}
    question = {
        "apiVersion": f"{ACCESS_REVIEWS.group}/{ACCESS_REVIEWS.version}",
        "kind": ACCESS_REVIEWS.kind,
        "spec": {"resourceAttributes": attributes},
    }
    answer = await connection.ask(ACCESS_REVIEWS, question)
    return Permission(verb, f"{resource}/{part}" if part else str(resource), bool(answer["status"]["allowed"]))
