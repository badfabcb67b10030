"""Locks: who holds what, why and until when."""

from bot.views.markup.document import Block, Lines, Page, Title
from bot.views.markup.spans import Code, Line, Strong, When, Who, dotted, line, rows
from domain.answers.answers import LocksAnswer
from domain.operations.locks import LockRecord


def locks(fact: LocksAnswer) -> Page:
    """Every lock that is held now."""
    if not fact.locks:
        text = "🔓 Nothing is locked."
        return Page(summary=line(text), blocks=(Lines((line(text),)),))
    blocks: tuple[Block, ...] = (Title("🔒 Locks"), Lines(tuple(lock_line(each) for each in fact.locks), most=20, is_airy=True))
    return Page(summary=line(f"🔒 {len(fact.locks)} held: ", ", ".join(each.environment for each in fact.locks)), blocks=blocks)


def lock_line(fact: LockRecord) -> Line:
    """One lock: `production is locked by @kim`, its reason below."""
    where = f"{fact.service} in {fact.environment}" if fact.service else fact.environment
    holder = line(" is held by ", Code(fact.operation)) if fact.operation else line(" is locked by ", Who(fact.by))
    until = line("until ", When(fact.until)) if fact.until else line("since ", When(fact.since))
    return rows(line("🔒 ", Strong(where), holder), dotted(fact.reason, until))
