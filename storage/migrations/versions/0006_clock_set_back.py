"""When budgets and timers were set: a time in the future shows that the clock was set back since."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("budgets", "timers"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("set_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("timers", schema=None) as batch_op:
        batch_op.create_index("ix_timers_set_at", ["set_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("timers", schema=None) as batch_op:
        batch_op.drop_index("ix_timers_set_at")
    for table in ("timers", "budgets"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("set_at")
