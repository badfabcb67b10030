"""Names of incident channels."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incident_channels",
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("incident_id", sa.String(64), nullable=False),
        sa.Column("channel_id", sa.String(64), nullable=True),
        sa.Column("busy_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_incident_channels")),
    )
    op.create_index("ix_incident_channels_incident_id", "incident_channels", ["incident_id"], unique=False)
    op.create_index("ix_incident_channels_channel_id", "incident_channels", ["channel_id"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_incident_channels_channel_id", "incident_channels")
    op.drop_index("ix_incident_channels_incident_id", "incident_channels")
    op.drop_table("incident_channels")
