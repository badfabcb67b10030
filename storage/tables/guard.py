"""The table of the deploy guard: one row for each guarded deploy."""

from sqlalchemy import Column, Index, String, Table, Text

from storage.tables.base import UtcDateTime, metadata

guards = Table(
    "guards",
    metadata,
    Column("operation", String(64), primary_key=True),
    Column("environment", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("record", Text, nullable=False),
    Index("ix_guards_environment_state", "environment", "state"),
    Index("ix_guards_began_at", "began_at"),
)
