"""The table of maintenance windows."""

from sqlalchemy import Boolean, Column, Index, String, Table, Text

from storage.tables.base import UtcDateTime, metadata

maintenance_windows = Table(
    "maintenance_windows",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("source", String(255), unique=True, nullable=False),
    Column("environment", String(64), nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("frozen_until", UtcDateTime, nullable=False),
    Column("over_at", UtcDateTime),
    Column("record", Text, nullable=False),
    Index("ix_maintenance_windows_environment_is_open", "environment", "is_open"),
    Index("ix_maintenance_windows_over_at", "over_at"),
)
