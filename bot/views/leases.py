"""Leases: what is set for a time, what of it is no longer so, and what nobody has recorded."""

from bot.views.markup.document import Block, Context, Document, Paragraph
from bot.views.markup.spans import Line, Strong, join_dots, line
from domain.answers.leases import LeasesAnswer
from domain.leases.lease import LeaseReading, Orphan, Reality
from domain.rich_text import Code, CommandMention, Timestamp, UserMention

_EMOJI = {Reality.HELD: "🟢", Reality.CHANGED: "🟡", Reality.GONE: "🔴", Reality.UNKNOWN: "⚪"}
MAX_SHOWN = 20


def leases(fact: LeasesAnswer) -> Document:
    """Orphans first, then leases in the order of their ends, those that are no longer so first."""
    readings = sorted(fact.readings, key=lambda each: each.reality is Reality.HELD)
    blocks: list[Block] = [Paragraph(_orphan(each)) for each in fact.orphans[:MAX_SHOWN]]
    blocks += [Paragraph(_reading(each)) for each in readings[:MAX_SHOWN]]
    left = max(0, len(fact.orphans) - MAX_SHOWN) + max(0, len(readings) - MAX_SHOWN)
    if left:
        blocks.append(Context(line(f"and {left} more: name an environment to see fewer")))
    if not blocks:
        blocks.append(Paragraph((line(f"Nothing is set for a time in {', '.join(fact.environments)}."),)))
    blocks += [Context(line("Not compared: ", each)) for each in fact.problems]
    wrong = len(fact.orphans) + sum(each.reality in (Reality.CHANGED, Reality.GONE) for each in readings)
    summary = line(f"Leases: {len(readings)} set", f", {wrong} not as recorded" if wrong else "")
    return Document(summary=summary, blocks=tuple(blocks))


def _reading(reading: LeaseReading) -> tuple[Line, ...]:
    lease = reading.lease
    what = line(f"{_EMOJI[reading.reality]} ", Strong(f"{lease.kind} in {lease.environment}"))
    owner = line("by ", UserMention(lease.owner))
    return (
        join_dots(what, line("until ", Timestamp(lease.until)), owner),
        *((line(lease.purpose),) if lease.purpose else ()),
        *((_difference(reading),) if reading.reality is not Reality.HELD else ()),
        join_dots(Code(lease.key), line("to end it: ", CommandMention(lease.undo))),
    )


def _difference(reading: LeaseReading) -> Line:
    if reading.reality is Reality.GONE:
        return line("It is no longer there: it was ended elsewhere, so what it hid notifies again.")
    if reading.found_until is not None:
        return line("Somebody has changed it: there it ends ", Timestamp(reading.found_until), ".")
    return line("Whether it is still there is not known.")


def _orphan(orphan: Orphan) -> tuple[Line, ...]:
    what = line("🟡 ", Strong(f"silence in {orphan.environment} that nobody recorded"))
    end = line("to end it: ", CommandMention(orphan.undo)) if orphan.undo else line("to end it: in Alertmanager itself")
    return (
        join_dots(what, line("until ", Timestamp(orphan.until)), f"by {orphan.made_by}"),
        line(orphan.purpose),
        join_dots(Code(orphan.key), end),
    )
