"""The tables. Constraints are named, because SQLite's migrations cannot drop a nameless one."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING_CONVENTION)


class UtcDateTime(TypeDecorator[datetime]):
    """A time in UTC, aware on both sides; SQLite, which has no zones, keeps it without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        stored: datetime = value
        return stored.replace(tzinfo=UTC) if dialect.name == "sqlite" else stored.astimezone(UTC)


RowId = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts rows by itself only in a column that is exactly ``INTEGER PRIMARY KEY``."""

inbox = Table(
    "inbox",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("body", Text, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("taken_by", String(64), nullable=False, server_default=""),
    Column("answered_at", UtcDateTime),
    Column("answer", String(32), nullable=False, server_default=""),
)
Index(
    "ix_inbox_unanswered",
    inbox.c.received_at,
    sqlite_where=inbox.c.answered_at.is_(None),
    postgresql_where=inbox.c.answered_at.is_(None),
)

operations = Table(
    "operations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("source", String(255), nullable=False),
    Column("environment", String(64), nullable=False),
    Column("state", String(32), nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("owner", String(64), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("procedures", Integer, nullable=False),
    Column("record", Text, nullable=False),
    UniqueConstraint("source"),
    Index("ix_operations_state_owner", "state", "owner"),
    Index("ix_operations_requested_at", "requested_at"),
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

outbox = Table(
    "outbox",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("key", String(200), nullable=False),
    Column("stream", String(200), nullable=False),
    Column("parent", String(200), nullable=False, server_default=""),
    Column("channel", String(64), nullable=False),
    Column("urgency", Integer, nullable=False),
    Column("quiet", Boolean, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("fact", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("not_before", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("tried_at", UtcDateTime),
    Column("taken_by", String(64), nullable=False, server_default=""),
    Column("file_id", String(64), nullable=False, server_default=""),
    Column("settled_at", UtcDateTime),
    Column("error", Text, nullable=False, server_default=""),
    sqlite_autoincrement=True,
)
_unsettled = outbox.c.settled_at.is_(None)
Index("ix_outbox_unsettled", outbox.c.stream, outbox.c.id, sqlite_where=_unsettled, postgresql_where=_unsettled)
Index("ix_outbox_due", outbox.c.urgency, outbox.c.id, sqlite_where=_unsettled, postgresql_where=_unsettled)
Index("ix_outbox_key", outbox.c.key)

messages = Table(
    "messages",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("channel", String(64), nullable=False),
    Column("ts", String(32), nullable=False),
    Column("parent", String(200), nullable=False, server_default=""),
    Column("edited_at", UtcDateTime, nullable=False),
)

budgets = Table(
    "budgets",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("free_at", UtcDateTime, nullable=False),
)

timers = Table(
    "timers",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("taken_by", String(64), nullable=False, server_default=""),
    Column("taken_at", UtcDateTime),
    Index("ix_timers_due_at", "due_at"),
)

replicas = Table(
    "replicas",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("started_at", UtcDateTime, nullable=False),
    Column("beat_at", UtcDateTime, nullable=False),
)

images = Table(
    "images",
    metadata,
    Column("image", String(512), primary_key=True),
    Column("image_id", String(512), nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("number", RowId, primary_key=True, autoincrement=False),
    Column("key", String(400), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("who", String(64), nullable=False),
    Column("team", String(64), nullable=False),
    Column("what", String(64), nullable=False),
    Column("where", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("approval", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("operation", String(32), nullable=False),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    UniqueConstraint("key"),
    Index("ix_audit_at", "at"),
    Index("ix_audit_operation", "operation"),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", RowId, nullable=False),
    Column("digest", String(64), nullable=False),
)

alert_groups = Table(
    "alert_groups",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("channel", String(64), nullable=False),
    Column("environment", String(64), nullable=False),
    Column("severity", String(8), nullable=False),
    Column("title", Text, nullable=False),
    Column("firing", Boolean, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("resolved_at", UtcDateTime),
    Column("storm", String(32), nullable=False, server_default=""),
    Column("acknowledged_by", String(64), nullable=False, server_default=""),
    Column("silenced", Boolean, nullable=False),
    Column("record", Text, nullable=False),
    Index("ix_alert_groups_channel_seen_at", "channel", "seen_at"),
    Index("ix_alert_groups_firing_seen_at", "firing", "seen_at"),
    Index("ix_alert_groups_storm", "storm"),
)

alert_keys = Table(
    "alert_keys",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("group_id", String(32), nullable=False),
    Index("ix_alert_keys_group_id", "group_id"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("group_id", String(32), primary_key=True),
    Column("fingerprint", String(64), primary_key=True),
    Column("firing", Boolean, nullable=False),
    Column("alert", Text, nullable=False),
    Index("ix_alerts_fingerprint", "fingerprint"),
)

storms = Table(
    "storms",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("channel", String(64), nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Index("ix_storms_channel_last_at", "channel", "last_at"),
)
