"""Columns, stored keys and stored values under the names that the program uses now; sentences as values, without markup."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
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

NOTE_TEXT = "text"
TEXTS = {
    "operation-card": ("plan.warnings", "outcome", "end_state"),
    "operation-note": (NOTE_TEXT, "lines"),
    "alert-note": (NOTE_TEXT, "lines"),
}
"""By kind: the paths of texts in which people and code were marked, and which are sentences now."""
MARKUP = re.compile(r"`(?P<code>[^`\n]+)`|<@(?P<person>[UW][A-Z0-9]{2,20})>")
WORDS_OF_THE_BOT = re.compile(r"(?:\S+ has already ended: )?[^:“\n]*")
"""In a note's text, what comes before the first colon or quotation. Behind it are words of others, which must mention nobody."""
SLASH_COMMAND = "/deepecho "

Fact = dict[str, Any]

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
    _convert_facts(_upgraded)


def downgrade() -> None:
    _convert_facts(_downgraded)
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


def _convert_facts(convert: Callable[[str, Fact], None]) -> None:
    _convert_rows("operations", "record", "operation-card", convert)
    _convert_rows("alert_groups", "record", "alert-card", convert)
    for kind in FACT_KEYS:
        _convert_rows("outbox", "fact", kind, convert)


def _convert_rows(table: str, column: str, kind: str, convert: Callable[[str, Fact], None]) -> None:
    rows = sa.table(table, sa.column("id"), sa.column("kind"), sa.column(column))
    write = sa.update(rows).where(rows.c.id == sa.bindparam("row")).values({column: sa.bindparam("json")})
    statement = sa.select(rows.c.id, rows.c[column])
    if table == "outbox":
        statement = statement.where(rows.c.kind == kind)
    for page in _pages(statement, rows.c.id):
        values = []
        for row, text in page:
            fact = json.loads(text)
            convert(kind, fact)
            values.append({"row": row, "json": json.dumps(fact, ensure_ascii=False, separators=(",", ":"))})
        op.get_bind().execute(write, values)


def _pages(statement: sa.Select[Any], row: sa.ColumnClause[Any]) -> Iterator[list[tuple[Any, str]]]:
    """Ids and texts in the order of the ids. A page begins after the last id of the page before, which may be written meanwhile."""
    ordered = statement.order_by(row).limit(PAGE_ROWS)
    page = [tuple(found) for found in op.get_bind().execute(ordered)]
    while page:
        yield page
        page = [tuple(found) for found in op.get_bind().execute(ordered.where(row > page[-1][0]))]


def _upgraded(kind: str, fact: Fact) -> None:
    for path, new in FACT_KEYS[kind].items():
        *parents, old = path.split(".")
        _rename_key(fact, parents, old, new)
    people = {person["user_id"]: person for person in _people(fact)}
    for path in TEXTS.get(kind, ()):
        _replace_texts(fact, path.split("."), partial(_sentence, people, is_note_text=path == NOTE_TEXT))
    if kind == "alert-note":
        del fact["people"]


def _downgraded(kind: str, fact: Fact) -> None:
    if kind == "alert-note":
        fact["people"] = list(_people(fact["lines"]))
    for path in TEXTS.get(kind, ()):
        _replace_texts(fact, path.split("."), _with_markup)
    for path, new in FACT_KEYS[kind].items():
        *parents, old = path.split(".")
        _rename_key(fact, parents, new, old)


def _rename_key(fact: Fact, parents: list[str], old: str, new: str) -> None:
    for parent in _objects_at(fact, parents):
        if old in parent:
            parent[new] = parent.pop(old)


def _objects_at(value: Any, path: list[str]) -> Iterator[Fact]:
    """The objects at the end of a path. A list on the way stands for its items; what is null or absent ends the way."""
    if isinstance(value, list):
        for item in value:
            yield from _objects_at(item, path)
    elif isinstance(value, dict) and path:
        yield from _objects_at(value.get(path[0]), path[1:])
    elif isinstance(value, dict):
        yield value


def _people(value: Any) -> Iterator[Fact]:
    """Every person in a fact, wherever it is."""
    if isinstance(value, dict) and value.keys() == {"user_id", "team_id"}:
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _people(item)


def _replace_texts(fact: Fact, path: list[str], replace: Callable[[Any], Any]) -> None:
    """Replace the text, or each text of the list, at the end of the path."""
    *parents, key = path
    for parent in _objects_at(fact, parents):
        if key in parent:
            value = parent[key]
            parent[key] = [replace(item) for item in value] if isinstance(value, list) else replace(value)


def _sentence(people: Mapping[str, Fact], text: str, *, is_note_text: bool) -> str | Fact:
    """The text as ``domain.rich_text`` stores it: a plain string if it names nothing, otherwise its parts."""
    trusted = WORDS_OF_THE_BOT.match(text) if is_note_text and not people else None
    parts: list[str | Fact] = []
    end = 0
    for markup in MARKUP.finditer(text):
        is_trusted = trusted is not None and markup.start() < trusted.end()
        parts += [text[end : markup.start()], _part(markup, people, is_trusted=is_trusted)]
        end = markup.end()
    merged: list[str | Fact] = []
    for part in [*parts, text[end:]]:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif part:
            merged.append(part)
    return text if all(isinstance(part, str) for part in merged) else {"parts": merged}


def _part(markup: re.Match[str], people: Mapping[str, Fact], *, is_trusted: bool) -> str | Fact:
    if code := markup["code"]:
        is_command = code.startswith(SLASH_COMMAND)
        return {"command": code.removeprefix(SLASH_COMMAND)} if is_command else {"code": code}
    user_id = markup["person"]
    if user_id in people:
        return {"person": people[user_id]}
    return {"person": {"user_id": user_id, "team_id": ""}} if is_trusted else markup[0]


def _with_markup(text: str | Fact) -> str:
    if isinstance(text, str):
        return text
    return "".join(part if isinstance(part, str) else _marked(part) for part in text["parts"])


def _marked(part: Fact) -> str:
    match part:
        case {"person": {"user_id": user_id}}:
            return f"<@{user_id}>"
        case {"command": command}:
            return f"`{SLASH_COMMAND}{command}`"
        case _:
            return f"`{part['code']}`" if "code" in part else str(next(iter(part.values())))
