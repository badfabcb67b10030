"""The table of tripwires: what fired when a silence was made, and what is done about more."""

from sqlalchemy import Column, Index, String, Table, Text

from storage.tables.base import UtcDateTime, metadata

tripwires = Table(
    "tripwires",
    metadata,
    Column("silence_id", String(128), primary_key=True),
    Column("environment", String(64), nullable=False),
    Column("source", String(64), nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("record", Text, nullable=False),
    Index("ix_tripwires_place", "environment", "source", "until"),
)
