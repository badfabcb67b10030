"""Tables of on-call: overrides, requests to be relieved, and what was told or read of teams, groups and schedules."""

from sqlalchemy import Boolean, Column, Index, String, Table, Text

from storage.tables.base import UtcDateTime, metadata

oncall_overrides = Table(
    "oncall_overrides",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("team", String(64), nullable=False),
    Column("ends", UtcDateTime, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Column("record", Text, nullable=False),
    Index("ix_oncall_overrides_team_ends", "team", "ends"),
    Index("ix_oncall_overrides_ends", "ends"),
)

oncall_requests = Table(
    "oncall_requests",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("team", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("record", Text, nullable=False),
    Index("ix_oncall_requests_expires_at", "expires_at"),
)

oncall_states = Table(
    "oncall_states",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("record", Text, nullable=False),
)
