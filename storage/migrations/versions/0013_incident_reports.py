"""Drafts of post-mortems, and what statistics read of incidents."""

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TIMES = ("acknowledged_at", "mitigated_at", "resolved_at")


def upgrade() -> None:
    op.create_table(
        "postmortems",
        sa.Column("incident_id", sa.String(32), nullable=False),
        sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("draft", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_postmortems")),
    )
    with op.batch_alter_table("incidents", schema=None) as batch_op:
        for name in _TIMES:
            batch_op.add_column(sa.Column(name, sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("cause", sa.String(400), server_default="", nullable=False))
        batch_op.add_column(sa.Column("services", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("reopened", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("is_counted", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.create_index("ix_incidents_declared_at", "incidents", ["declared_at"])
    _fill()


def _fill() -> None:
    """Copy what is in the records already."""
    connection = op.get_bind()
    columns = [sa.column(name, sa.DateTime(timezone=True)) for name in _TIMES]
    names = ("id", "record", "cause", "services", "reopened", "is_counted")
    others: list[sa.ColumnClause[Any]] = [sa.column(name) for name in names]
    incidents = sa.table("incidents", *others, *columns)
    for incident_id, record in connection.execute(sa.select(incidents.c.id, incidents.c.record)).all():
        values = _values(json.loads(record))
        connection.execute(incidents.update().where(incidents.c.id == incident_id).values(**values))


def _values(record: dict[str, Any]) -> dict[str, Any]:
    marks = {name: record.get(name.removesuffix("_at")) for name in _TIMES}
    times = {name: datetime.fromisoformat(mark["at"]) if mark else None for name, mark in marks.items()}
    return {
        **times,
        "cause": (record.get("cause") or "")[:400],
        "services": "\n".join(record.get("services") or ()),
        "reopened": record.get("reopened") or 0,
        "is_counted": not record.get("is_test") and not record.get("merged_into"),
    }


def downgrade() -> None:
    op.drop_index("ix_incidents_declared_at", "incidents")
    with op.batch_alter_table("incidents", schema=None) as batch_op:
        for name in (*_TIMES, "cause", "services", "reopened", "is_counted"):
            batch_op.drop_column(name)
    op.drop_table("postmortems")
