"""When operations ended, and indexes for what is deleted after its time."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_INDEXES = (("ix_inbox_answered", "inbox", "answered_at"), ("ix_outbox_settled", "outbox", "settled_at"))


def upgrade() -> None:
    with op.batch_alter_table("operations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("operations", schema=None) as batch_op:
        batch_op.create_index("ix_operations_ended_at", ["ended_at"], unique=False)
    _fill_ended_at()
    for name, table, column in _INDEXES:
        where = sa.text(f"{column} IS NOT NULL")
        op.create_index(name, table, [column], unique=False, sqlite_where=where, postgresql_where=where)


def _fill_ended_at() -> None:
    """Copy the time from the records, where it was before."""
    connection = op.get_bind()
    is_sqlite = connection.dialect.name == "sqlite"
    ended_at = "json_extract(record, '$.ended_at')" if is_sqlite else "record::json ->> 'ended_at'"
    rows = connection.execute(sa.text(f"SELECT id, {ended_at} FROM operations")).all()  # noqa: S608 -- one of the two above
    operations = sa.table("operations", sa.column("id"), sa.column("ended_at", sa.DateTime(timezone=True)))
    for operation_id, text in rows:
        if text:
            values = {"ended_at": datetime.fromisoformat(text)}
            connection.execute(operations.update().where(operations.c.id == operation_id).values(**values))


def downgrade() -> None:
    for name, table, _ in _INDEXES:
        op.drop_index(name, table)
    with op.batch_alter_table("operations", schema=None) as batch_op:
        batch_op.drop_index("ix_operations_ended_at")
        batch_op.drop_column("ended_at")
