"""Tables of operations: their records, the locks they hold, the images that verified rollouts ran."""

from sqlalchemy import Column, Index, Integer, String, Table, Text, UniqueConstraint

from storage.tables.base import UtcDateTime, metadata

operations = Table(
    "operations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("source", String(255), nullable=False),
    Column("environment", String(64), nullable=False),
    Column("state", String(32), nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("owner", String(64), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("procedures_version", Integer, nullable=False),
    Column("record", Text, nullable=False),
    UniqueConstraint("source"),
    Index("ix_operations_state_owner", "state", "owner"),
    Index("ix_operations_requested_at", "requested_at"),
    Index("ix_operations_ended_at", "ended_at"),
)

locks = Table(
    "locks",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("environment", String(64), nullable=False),
    Column("service", String(64), nullable=False, server_default=""),
    Column("operation", String(32), nullable=False, server_default=""),
    Column("holder", String(64), nullable=False),
    Column("holder_team", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("until", UtcDateTime),
    Index("ix_locks_operation", "operation"),
)

images = Table(
    "images",
    metadata,
    Column("image", String(1024), primary_key=True),
    Column("platform", String(320), primary_key=True, server_default=""),
    Column("image_id", String(1024), nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)
