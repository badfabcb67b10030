"""When the newest event about each message, member and channel of an incident happened."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "channel_event_times",
        sa.Column("channel_id", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", "subject", name=op.f("pk_channel_event_times")),
    )
    op.create_index("ix_channel_event_times_at", "channel_event_times", ["at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_channel_event_times_at", "channel_event_times")
    op.drop_table("channel_event_times")
