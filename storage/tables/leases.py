"""The table of leases: what the bot has set in other systems, until when."""

from sqlalchemy import Column, Index, String, Table, Text

from storage.tables.base import UtcDateTime, metadata

leases = Table(
    "leases",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("environment", String(64), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("record", Text, nullable=False),
    Index("ix_leases_until", "until"),
    Index("ix_leases_owner", "owner"),
)
