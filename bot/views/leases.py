"""Leases: what is set for a time, what of it is no longer so, and what nobody has recorded."""

import re

from bot.views.markup.document import Actions, Block, Button, Confirm, Context, Document, Paragraph
from bot.views.markup.spans import Line, Strong, join_dots, line
from domain.answers.leases import LeasesAnswer
from domain.leases.lease import Lease, LeaseKind, LeaseReading, Orphan, Reality
from domain.people import Person
from domain.rich_text import Code, CommandMention, Timestamp, UserMention

_EMOJI = {Reality.HELD: "🟢", Reality.CHANGED: "🟡", Reality.OVERDUE: "🔴", Reality.GONE: "🔴", Reality.UNKNOWN: "⚪"}
MAX_SHOWN = 10
"""Of leases and of orphans each, so that all have room for their buttons."""
UNDO = "leases.undo"
_UNDO_COMMAND = re.compile(r"(unsilence|unscale) [a-z0-9][a-z0-9-]{0,63}")


def leases(fact: LeasesAnswer) -> Document:
    """Orphans first, then leases in the order of their ends, those that are no longer so first."""
    readings = sorted(fact.readings, key=lambda each: each.reality is Reality.HELD)
    blocks: list[Block] = []
    for orphan in fact.orphans[:MAX_SHOWN]:
        blocks += (Paragraph(_orphan(orphan)), *_button(orphan.kind, orphan.key, orphan.undo))
    for reading in readings[:MAX_SHOWN]:
        blocks += (Paragraph(_reading(reading)), *_own_button(reading, fact.reader))
    left = max(0, len(fact.orphans) - MAX_SHOWN) + max(0, len(readings) - MAX_SHOWN)
    if left:
        blocks.append(Context(line(f"and {left} more: name an environment to see fewer")))
    if not blocks:
        nothing = "Nothing of yours is set" if fact.only_mine else "Nothing is set"
        blocks.append(Paragraph((line(f"{nothing} for a time in {', '.join(fact.environments)}."),)))
    blocks += [Context(line("Not compared: ", each)) for each in fact.problems]
    wrong = len(fact.orphans) + sum(each.reality not in (Reality.HELD, Reality.UNKNOWN) for each in readings)
    summary = line(f"Leases: {len(readings)} set", f", {wrong} not as recorded" if wrong else "")
    return Document(summary=summary, blocks=tuple(blocks))


def undo_command(value: str) -> str | None:
    """The command of a button; None where it is none that ends a lease."""
    return value if _UNDO_COMMAND.fullmatch(value) else None


def _reading(reading: LeaseReading) -> tuple[Line, ...]:
    lease = reading.lease
    where = f" in {lease.environment}" if lease.environment else ""
    what = line(f"{_EMOJI[reading.reality]} ", Strong(f"{lease.kind}{where}"))
    owner = line("by ", UserMention(lease.owner))
    return (
        join_dots(what, line("until ", Timestamp(lease.until)), owner),
        *((line(lease.purpose),) if lease.purpose else ()),
        *((_difference(reading),) if reading.reality is not Reality.HELD or reading.remark else ()),
        join_dots(Code(lease.key), *_end(reading)),
    )


def _end(reading: LeaseReading) -> tuple[Line, ...]:
    """Nothing for a scale whose number is somebody else's by now, and for a group, which follows the catalogue."""
    is_of_others = reading.lease.kind is LeaseKind.SCALE and reading.reality in (Reality.CHANGED, Reality.GONE)
    return () if is_of_others or not reading.lease.undo else (line("to end it: ", CommandMention(reading.lease.undo)),)


def _difference(reading: LeaseReading) -> Line:
    if reading.remark:
        changed = "Somebody has changed it. " if reading.reality is Reality.CHANGED else ""
        return line(f"{changed}{reading.remark}")
    if reading.reality is Reality.GONE:
        return line("It is no longer there: it was ended elsewhere, so what it hid notifies again.")
    if reading.reality is Reality.OVERDUE:
        is_group = reading.lease.kind is LeaseKind.USER_GROUP
        return line(f"Its time is over, and it {'does not hold the next people' if is_group else 'is not put back'} yet.")
    if reading.found_until is not None:
        return line("Somebody has changed it: there it ends ", Timestamp(reading.found_until), ".")
    return line("Whether it is still there is not known.")


def _orphan(orphan: Orphan) -> tuple[Line, ...]:
    where = f" in {orphan.environment}" if orphan.environment else ""
    how = _ORPHANED.get(orphan.kind, "nobody recorded")
    place = "Slack" if orphan.kind is LeaseKind.USER_GROUP else "Alertmanager"
    end = line("to end it: ", CommandMention(orphan.undo)) if orphan.undo else line(f"to end it: in {place} itself")
    made_by = line("by ", UserMention(orphan.owner)) if orphan.owner else line(f"by {orphan.made_by}")
    return (
        join_dots(
            line("🟡 ", Strong(f"{orphan.kind}{where} that {how}")),
            line("until ", Timestamp(orphan.until)),
            made_by,
        ),
        line(orphan.purpose),
        *((line(orphan.why),) if orphan.why else ()),
        join_dots(Code(orphan.key), end),
    )


def _own_button(reading: LeaseReading, reader: Person | None) -> tuple[Block, ...]:
    """Everybody may type the command; the button is for whoever set it, and only what is still as it was set is undone by it."""
    lease: Lease = reading.lease
    is_there = reading.reality in (Reality.HELD, Reality.OVERDUE)
    return _button(lease.kind, lease.key, lease.undo) if is_there and lease.owner == reader else ()


def _button(kind: LeaseKind, key: str, undo: str) -> tuple[Block, ...]:
    if undo_command(undo) is None:
        return ()
    label, what = _LABELS.get(kind, ("End it now", "What it hid notifies again."))
    confirm = Confirm(f"{label}?", f"{what} ({key})", label, "Leave it")
    return (Actions((Button(text=label, action=UNDO, value=undo, confirm=confirm),)),)


_ORPHANED = {LeaseKind.SCALE: "nothing puts back", LeaseKind.USER_GROUP: "nobody fills any more"}
_LABELS = {LeaseKind.SCALE: ("Scale back now", "The number of pods from before comes back.")}
