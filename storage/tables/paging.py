"""Tables of paging: pages, their messages, and what pagers reported."""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text, UniqueConstraint

from storage.tables.base import RowId, UtcDateTime, metadata

pages = Table(
    "pages",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("subject", String(200), nullable=False),
    Column("kind", String(100), nullable=False),
    Column("cause", String(200), nullable=False),
    Column("team", String(64), nullable=False),
    Column("rank", Integer, nullable=False),
    Column("is_test", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime),
    Column("due_since", UtcDateTime, nullable=False),
    Column("recheck", Boolean, nullable=False),
    Column("folded_into", String(32), nullable=False, server_default=""),
    Column("settled_at", UtcDateTime),
    Column("record", Text, nullable=False),
    UniqueConstraint("subject", "kind"),
)
_unsettled_page = pages.c.settled_at.is_(None)
Index("ix_pages_due", pages.c.rank, pages.c.due_at, sqlite_where=_unsettled_page, postgresql_where=_unsettled_page)
Index("ix_pages_cause", pages.c.cause, sqlite_where=_unsettled_page, postgresql_where=_unsettled_page)
Index("ix_pages_recheck", pages.c.rank, sqlite_where=pages.c.recheck, postgresql_where=pages.c.recheck)
Index("ix_pages_folded_into", pages.c.folded_into)
Index("ix_pages_settled_at", pages.c.settled_at)

page_messages = Table(
    "page_messages",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("key", String(400), nullable=False),
    Column("page_id", String(32), nullable=False),
    Column("call", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("person", String(100), nullable=False),
    Column("way", String(32), nullable=False),
    Column("destination", String(320), nullable=False),
    Column("dedup_key", String(64), nullable=False),
    Column("action", String(16), nullable=False),
    Column("mirrors", Boolean, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("is_late", Boolean, nullable=False),
    Column("is_repeated", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("noted", Boolean, nullable=False),
    Column("bundle", String(32), nullable=False, server_default=""),
    Column("carries", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("not_before", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("attempted_at", UtcDateTime),
    Column("claimed_by", String(64), nullable=False, server_default=""),
    Column("settled_at", UtcDateTime),
    Column("error", Text, nullable=False, server_default=""),
    Column("reference", String(200), nullable=False, server_default=""),
    UniqueConstraint("key"),
    sqlite_autoincrement=True,
)
_unsettled = page_messages.c.settled_at.is_(None)
Index("ix_page_messages_due", page_messages.c.rank, page_messages.c.id, sqlite_where=_unsettled, postgresql_where=_unsettled)
Index("ix_page_messages_page_id", page_messages.c.page_id)
Index("ix_page_messages_destination", page_messages.c.way, page_messages.c.destination, page_messages.c.attempted_at)
Index("ix_page_messages_dedup_key", page_messages.c.dedup_key)
Index("ix_page_messages_bundle", page_messages.c.bundle)

pager_events = Table(
    "pager_events",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("received_at", UtcDateTime, nullable=False),
    Index("ix_pager_events_received_at", "received_at"),
)
