"""Finds the connected cluster of an environment."""

from collections.abc import Mapping
from typing import TypeVar

from domain.catalogue.catalogue import Catalogue
from domain.errors import PermanentError

AnyCluster = TypeVar("AnyCluster")


def cluster_of(environment: str, catalogue: Catalogue, clusters: Mapping[str, AnyCluster]) -> AnyCluster:
    """The cluster of an environment. Raises ``PermanentError`` for one that a reload of the catalogue added or removed."""
    if environment not in catalogue.environments:
        raise PermanentError(f"{environment} is no longer in the catalogue.")
    name = catalogue.environments[environment].cluster
    if name not in clusters:
        raise PermanentError(f"The cluster {name} of {environment} is not connected: it needs a restart of deepecho.")
    return clusters[name]
