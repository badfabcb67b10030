"""Long lists, page by page: of each object only what is needed is kept."""

from collections.abc import Callable
from typing import TypeVar

from domain.errors import TemporaryError
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.errors import ResourceVersionExpired
from integrations.kubernetes.resources import Json, Resource

PAGE_OBJECTS = 250
"""A pod is some ten kilobytes: two and a half megabytes a page, and thirty while it is parsed."""
_ATTEMPTS = 3

T = TypeVar("T")


async def shrink_list(
    client: KubernetesClient,
    resource: Resource,
    namespace: str,
    shrink: Callable[[Json], T],
    *,
    label_selector: str = "",
    field_selector: str = "",
) -> list[T]:
    """Read a list and keep ``shrink`` of each object.

    A server that has forgotten the version of the first page is asked anew, from the beginning. Raises ``TemporaryError`` where
    that happens again and again: the list changes faster than it can be read.
    """
    for _ in range(_ATTEMPTS):
        try:
            return await _read(client, resource, namespace, shrink, label_selector, field_selector)
        except ResourceVersionExpired:
            continue
    raise TemporaryError(f"The list of {resource} changes faster than it can be read.")


async def _read(
    client: KubernetesClient, resource: Resource, namespace: str, shrink: Callable[[Json], T], labels: str, fields: str
) -> list[T]:
    found: list[T] = []
    token = ""
    while True:
        page = await client.get_list(
            resource, namespace, label_selector=labels, field_selector=fields, limit=PAGE_OBJECTS, token=token
        )
        found += [shrink(each) for each in page.get("items") or []]
        token = str(page["metadata"].get("continue") or "")
        if not token:
            return found
