"""Pages, their messages, and what pagers reported."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pages",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(100), nullable=False),
        sa.Column("cause", sa.String(200), nullable=False),
        sa.Column("team", sa.String(64), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recheck", sa.Boolean(), nullable=False),
        sa.Column("folded_into", sa.String(32), server_default="", nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pages")),
        sa.UniqueConstraint("subject", "kind", name=op.f("uq_pages_subject_kind")),
    )
    unsettled = sa.text("settled_at IS NULL")
    op.create_index("ix_pages_due", "pages", ["rank", "due_at"], sqlite_where=unsettled, postgresql_where=unsettled)
    op.create_index("ix_pages_cause", "pages", ["cause"], sqlite_where=unsettled, postgresql_where=unsettled)
    recheck = sa.text("recheck")
    op.create_index("ix_pages_recheck", "pages", ["rank"], sqlite_where=recheck, postgresql_where=recheck)
    op.create_index("ix_pages_folded_into", "pages", ["folded_into"])
    op.create_index("ix_pages_settled_at", "pages", ["settled_at"])
    op.create_table(
        "page_messages",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("key", sa.String(400), nullable=False),
        sa.Column("page_id", sa.String(32), nullable=False),
        sa.Column("call", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(100), nullable=False),
        sa.Column("way", sa.String(32), nullable=False),
        sa.Column("destination", sa.String(320), nullable=False),
        sa.Column("dedup_key", sa.String(64), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("mirrors", sa.Boolean(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("is_late", sa.Boolean(), nullable=False),
        sa.Column("is_repeated", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("noted", sa.Boolean(), nullable=False),
        sa.Column("bundle", sa.String(32), server_default="", nullable=False),
        sa.Column("carries", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_by", sa.String(64), server_default="", nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("reference", sa.String(200), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_page_messages")),
        sa.UniqueConstraint("key", name=op.f("uq_page_messages_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_page_messages_due", "page_messages", ["rank", "id"], sqlite_where=unsettled, postgresql_where=unsettled)
    op.create_index("ix_page_messages_page_id", "page_messages", ["page_id"])
    op.create_index("ix_page_messages_destination", "page_messages", ["way", "destination", "attempted_at"])
    op.create_index("ix_page_messages_dedup_key", "page_messages", ["dedup_key"])
    op.create_index("ix_page_messages_bundle", "page_messages", ["bundle"])
    op.create_table(
        "pager_events",
        sa.Column("id", sa.String(200), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pager_events")),
    )
    op.create_index("ix_pager_events_received_at", "pager_events", ["received_at"])


def downgrade() -> None:
    for table in ("pager_events", "page_messages", "pages"):
        op.drop_table(table)
