"""The tables, by family. Importing the package completes ``metadata``, which migrations compare with the database."""

from storage.tables import (
    alerts,
    core,
    digest,
    guard,
    incident_channels,
    incidents,
    leases,
    logs,
    maintenance,
    oncall,
    operations,
    paging,
    tripwires,
)
from storage.tables.base import metadata

__all__ = [
    "alerts",
    "core",
    "digest",
    "guard",
    "incident_channels",
    "incidents",
    "leases",
    "logs",
    "maintenance",
    "metadata",
    "oncall",
    "operations",
    "paging",
    "tripwires",
]
