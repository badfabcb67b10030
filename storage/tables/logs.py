"""The tables of logs: searches that a log server runs for us, and what people follow."""

from sqlalchemy import Column, Index, String, Table, Text

from storage.tables.base import UtcDateTime, metadata

log_searches = Table(
    "log_searches",
    metadata,
    Column("id", String(1024), primary_key=True),
    Column("environment", String(64), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Index("ix_log_searches_started_at", "started_at"),
)

log_follows = Table(
    "log_follows",
    metadata,
    Column("person", String(64), primary_key=True),
    Column("record", Text, nullable=False),
)
