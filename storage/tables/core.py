"""Tables that serve every family: inbox, outbox, timers, replicas, audit log."""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text, UniqueConstraint

from storage.tables.base import RowId, UtcDateTime, metadata

inbox = Table(
    "inbox",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("body", Text, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("claimed_by", String(64), nullable=False, server_default=""),
    Column("answered_at", UtcDateTime),
    Column("outcome", String(32), nullable=False, server_default=""),
    Column("source", String(64), nullable=False, server_default=""),
)
Index(
    "ix_inbox_unanswered",
    inbox.c.received_at,
    sqlite_where=inbox.c.answered_at.is_(None),
    postgresql_where=inbox.c.answered_at.is_(None),
)
_answered = inbox.c.answered_at.is_not(None)
Index("ix_inbox_answered", inbox.c.answered_at, sqlite_where=_answered, postgresql_where=_answered)

outbox = Table(
    "outbox",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("key", String(200), nullable=False),
    Column("stream", String(200), nullable=False),
    Column("parent", String(200), nullable=False, server_default=""),
    Column("channel", String(64), nullable=False),
    Column("urgency", Integer, nullable=False),
    Column("low_priority", Boolean, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("fact", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("not_before", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("attempted_at", UtcDateTime),
    Column("claimed_by", String(64), nullable=False, server_default=""),
    Column("file_id", String(64), nullable=False, server_default=""),
    Column("settled_at", UtcDateTime),
    Column("error", Text, nullable=False, server_default=""),
    sqlite_autoincrement=True,
)
_unsettled = outbox.c.settled_at.is_(None)
Index("ix_outbox_unsettled", outbox.c.stream, outbox.c.id, sqlite_where=_unsettled, postgresql_where=_unsettled)
Index("ix_outbox_due", outbox.c.urgency, outbox.c.id, sqlite_where=_unsettled, postgresql_where=_unsettled)
_settled = outbox.c.settled_at.is_not(None)
Index("ix_outbox_settled", outbox.c.settled_at, sqlite_where=_settled, postgresql_where=_settled)
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
    Column("available_at", UtcDateTime, nullable=False),
    Column("set_at", UtcDateTime),
)

timers = Table(
    "timers",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("claimed_by", String(64), nullable=False, server_default=""),
    Column("claimed_at", UtcDateTime),
    Column("set_at", UtcDateTime),
    Index("ix_timers_due_at", "due_at"),
    Index("ix_timers_set_at", "set_at"),
)

replicas = Table(
    "replicas",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("started_at", UtcDateTime, nullable=False),
    Column("heartbeat_at", UtcDateTime, nullable=False),
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
