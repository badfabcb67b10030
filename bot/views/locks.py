"""The list of locks: scope, holder, reason, end."""

from bot.views.markup.document import Block, Document, Header, Paragraph
from bot.views.markup.spans import Line, Strong, join_dots, line, stack
from domain.answers.answers import LocksAnswer
from domain.operations.locks import LockRecord
from domain.rich_text import Code, Timestamp, UserMention


def locks(fact: LocksAnswer) -> Document:
    """All current locks."""
    if not fact.locks:
        text = "🔓 Nothing is locked."
        return Document(summary=line(text), blocks=(Paragraph((line(text),)),))
    blocks: tuple[Block, ...] = (
        Header("🔒 Locks"),
        Paragraph(tuple(lock_line(each) for each in fact.locks), max_lines=20, spaced=True),
    )
    return Document(
        summary=line(f"🔒 {len(fact.locks)} held: ", ", ".join(each.environment for each in fact.locks)), blocks=blocks
    )


def lock_line(fact: LockRecord) -> Line:
    """One lock: `production is locked by @kim`, its reason below."""
    scope = f"{fact.service} in {fact.environment}" if fact.service else fact.environment
    holder = _holder(fact)
    until = line("until ", Timestamp(fact.until)) if fact.until else line("since ", Timestamp(fact.since))
    return stack(line("🔒 ", Strong(scope), holder), join_dots(fact.reason, until))


def _holder(fact: LockRecord) -> Line:
    if fact.operation:
        return line(" is held by ", Code(fact.operation))
    if fact.window:
        return line(" is frozen for maintenance ", Code(fact.window), " by ", UserMention(fact.by))
    return line(" is locked by ", UserMention(fact.by))
