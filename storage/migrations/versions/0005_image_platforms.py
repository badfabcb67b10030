"""Image ids are kept for each platform of nodes: digests of two platforms differ for one image."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_COLUMNS = ("image", "image_id", "seen_at")


def _create(*columns: sa.Column[str], key: tuple[str, ...], length: int) -> sa.Table:
    """``length``: of names, in characters."""
    return op.create_table(
        "images",
        sa.Column("image", sa.String(length=length), nullable=False),
        *columns,
        sa.Column("image_id", sa.String(length=length), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(*key, name=op.f("pk_images")),
    )


def _replace(*columns: sa.Column[str], key: tuple[str, ...], length: int) -> None:
    """Make the table anew with the rows that it has: SQLite cannot change a primary key. Of one image the newest row stays."""
    old = sa.table(
        "images", *(sa.column(name) for name in ("image", "image_id")), sa.column("seen_at", sa.DateTime(timezone=True))
    )
    rows = op.get_bind().execute(sa.select(*(old.c[name] for name in _COLUMNS)).order_by(old.c.seen_at)).mappings()
    newest = {row["image"]: dict(row) for row in rows}
    op.drop_table("images")
    op.bulk_insert(_create(*columns, key=key, length=length), list(newest.values()))


def upgrade() -> None:
    """What is there keeps an unknown platform: it is compared by equal digests only."""
    _replace(
        sa.Column("platform", sa.String(length=320), server_default="", nullable=False), key=("image", "platform"), length=1024
    )


def downgrade() -> None:
    _replace(key=("image",), length=512)
