"""The table of digests: one row for each audience and period, made before it is due."""

from sqlalchemy import Column, Index, String, Table, Text

from storage.tables.base import UtcDateTime, metadata

digests = Table(
    "digests",
    metadata,
    Column("audience", String(64), primary_key=True),
    Column("period", String(10), primary_key=True),
    Column("environment", String(64), nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("record", Text, nullable=False),
    Index("ix_digests_environment_period", "environment", "period"),
)
