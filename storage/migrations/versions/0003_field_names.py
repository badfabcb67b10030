"""Columns, stored keys and stored values under the names that the program uses now."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COLUMNS = (
    ("inbox", "taken_by", "claimed_by"),
    ("inbox", "answer", "outcome"),
    ("outbox", "quiet", "low_priority"),
    ("outbox", "tried_at", "attempted_at"),
    ("outbox", "taken_by", "claimed_by"),
    ("timers", "taken_by", "claimed_by"),
    ("timers", "taken_at", "claimed_at"),
    ("operations", "procedures", "procedures_version"),
    ("replicas", "beat_at", "heartbeat_at"),
    ("budgets", "free_at", "available_at"),
)
VALUES = (
    ("inbox", "outcome", "unreadable", "invalid_payload"),
    ("inbox", "outcome", "nothing to say", "no_reply"),
    ("inbox", "outcome", "please repeat", "expired"),
    ("outbox", "file_id", "wanted", "not uploaded"),
)
TIMER_KINDS = (
    ("expire", "approval-expire"),
    ("unscale", "revert-scale"),
    ("alert-steady", "alert-flapping-check"),
)

OPERATION_KEYS = {
    "plan.changes.autoscaler.minimum": "min_replicas",
    "plan.changes.autoscaler.maximum": "max_replicas",
    "approval.why": "reason",
    "stands": "end_state",
    "lasts": "duration",
    "passes_lock": "overrides_lock",
    "procedures": "procedures_version",
}
GROUP_KEYS = {
    "earlier": "previous",
    "flips": "state_changes",
    "said": "reply_count",
    "suspect.change.what": "description",
    "suspect.change.by_name": "by_manager",
    "suspect.change.operation": "operation_id",
    "suspect.change.before": "previous_versions",
    "suspect.change.until": "ended_at",
    "suspect.change.ending": "outcome",
}
FACT_KEYS = {
    "operation-card": OPERATION_KEYS,
    "operation-note": {"operation": "operation_id", "audit": "audit_number"},
    "alert-card": GROUP_KEYS,
    "alert-note": {"group": "group_id"},
}
"""By the outbox row's kind: the path of a key, through objects and lists, to the key's new name."""

PAGE_ROWS = 500
"""Rows that are held in memory at a time: a storm leaves a hundred thousand in the outbox."""


def upgrade() -> None:
    for table, old, new in COLUMNS:
        op.alter_column(table, old, new_column_name=new)
    for table, column, old, new in VALUES:
        _replace_value(table, column, old, new)
    for old, new in TIMER_KINDS:
        _rename_timer_kind(old, new)
    _rename_inbox_index("ix_inbox_open", "ix_inbox_unanswered")
    _rename_fact_keys(FACT_KEYS)


def downgrade() -> None:
    _rename_fact_keys({kind: _reversed(keys) for kind, keys in FACT_KEYS.items()})
    _rename_inbox_index("ix_inbox_unanswered", "ix_inbox_open")
    for old, new in TIMER_KINDS:
        _rename_timer_kind(new, old)
    for table, column, old, new in VALUES:
        _replace_value(table, column, new, old)
    for table, old, new in COLUMNS:
        op.alter_column(table, new, new_column_name=old)


def _replace_value(table: str, column: str, old: str, new: str) -> None:
    target = sa.table(table, sa.column(column))
    op.execute(sa.update(target).where(target.c[column] == old).values({column: new}))


def _rename_timer_kind(old: str, new: str) -> None:
    """A timer's key begins with its kind. Who sets or removes the timer builds the key anew, so both must change."""
    timers = sa.table("timers", sa.column("key"), sa.column("kind"))
    suffix = sa.func.substr(timers.c.key, len(old) + 1)
    op.execute(sa.update(timers).where(timers.c.kind == old).values(kind=new, key=new + suffix))


def _rename_inbox_index(old: str, new: str) -> None:
    """SQLite cannot rename an index."""
    unanswered = sa.text("answered_at IS NULL")
    op.drop_index(old, "inbox")
    op.create_index(new, "inbox", ["received_at"], sqlite_where=unanswered, postgresql_where=unanswered)


def _rename_fact_keys(keys_by_kind: Mapping[str, Mapping[str, str]]) -> None:
    _rename_keys("operations", "record", keys_by_kind["operation-card"])
    _rename_keys("alert_groups", "record", keys_by_kind["alert-card"])
    for kind, keys in keys_by_kind.items():
        _rename_keys("outbox", "fact", keys, kind=kind)


def _rename_keys(table: str, column: str, keys: Mapping[str, str], *, kind: str = "") -> None:
    """Rename keys in the JSON of a column; with ``kind``, only in the rows of that kind."""
    rows = sa.table(table, sa.column("id"), sa.column("kind"), sa.column(column))
    write = sa.update(rows).where(rows.c.id == sa.bindparam("row")).values({column: sa.bindparam("text")})
    for page in _pages(rows, column, kind):
        op.get_bind().execute(write, [{"row": row, "text": _with_renamed_keys(text, keys)} for row, text in page])


def _pages(rows: sa.TableClause, column: str, kind: str) -> Iterator[list[tuple[Any, str]]]:
    """The ids and texts of a table in the order of the ids, so that a page begins where the last one ended."""
    statement = sa.select(rows.c.id, rows.c[column]).order_by(rows.c.id).limit(PAGE_ROWS)
    if kind:
        statement = statement.where(rows.c.kind == kind)
    page = [(row, text) for row, text in op.get_bind().execute(statement)]
    while page:
        yield page
        page = [(row, text) for row, text in op.get_bind().execute(statement.where(rows.c.id > page[-1][0]))]


def _with_renamed_keys(text: str, keys: Mapping[str, str]) -> str:
    fact = json.loads(text)
    for path, new in keys.items():
        *parents, old = path.split(".")
        for parent in _objects_at(fact, parents):
            if old in parent:
                parent[new] = parent.pop(old)
    return json.dumps(fact, ensure_ascii=False, separators=(",", ":"))


def _objects_at(value: Any, path: list[str]) -> Iterator[dict[str, Any]]:
    """The objects at the end of a path. A list on the way stands for its items; what is null or absent ends the way."""
    if isinstance(value, list):
        for item in value:
            yield from _objects_at(item, path)
    elif isinstance(value, dict) and path:
        yield from _objects_at(value.get(path[0]), path[1:])
    elif isinstance(value, dict):
        yield value


def _reversed(keys: Mapping[str, str]) -> dict[str, str]:
    return {".".join([*path.split(".")[:-1], new]): path.split(".")[-1] for path, new in keys.items()}
