"""What concerns one person now: the Home tab, and the answer to the bare command. Also who they are, and help."""

from typing import Any

from bot.views import phrases
from bot.views.answers import operation_line
from bot.views.locks import lock_line
from bot.views.markup import limits
from bot.views.markup.document import Block, Button, Buttons, Confirm, Lines, Page, Quote, Rule, Title
from bot.views.markup.message import blocks_of, redacted
from bot.views.markup.spans import Code, Line, Strong, Who, dotted, line, rows
from bot.views.operation_card import CANCEL, decision_buttons, stop_button
from bot.views.plan import careful, plan_lines
from domain.answers.answers import HelpAnswer, HelpGroup, HelpLine, HomeAnswer, MayDo, WhoAmI
from domain.operations.locks import LockRecord
from domain.operations.operation import OperationRecord
from domain.people import Person
from domain.policies import NEEDS, Action

UNLOCK = "lock.unlock"
REFRESH = "home.refresh"

_SHOWN = 10
"""Operations of each kind: with their buttons, more would not be read on a phone."""


def home(fact: HomeAnswer) -> Page:
    """Approvals that wait first, then what runs, what is locked, and what this person may do."""
    blocks: list[Block] = [*_waiting(fact), *_running(fact), *_locked(fact)]
    if not blocks:
        blocks = [Title("🟢 All quiet"), Lines((line("Nothing runs, nothing waits, nothing is locked."),))]
    blocks += [Rule(), Title("What you may do"), Lines(tuple(may_line(each) for each in fact.may), is_airy=True)]
    return Page(summary=_in_short(fact), blocks=tuple(blocks))


def home_view(fact: HomeAnswer) -> dict[str, Any]:
    """The Home tab."""
    refresh = Buttons((Button(text="Refresh", action=REFRESH, value="home"),))
    blocks, _ = limits.fit(
        redacted(blocks_of((*home(fact).blocks, refresh))), most=limits.VIEW_BLOCKS, characters=limits.VIEW_CHARACTERS
    )
    return {"type": "home", "callback_id": "home", "blocks": list(blocks)}


def who_am_i(fact: WhoAmI) -> Page:
    """How the bot knows somebody, and what that lets them do."""
    known = line("You are ", Who(fact.person), ", ", Code(fact.person.user_id), " of ", Code(fact.person.team_id))
    kind = ""
    if fact.stranger:
        kind = "You belong to another workspace, so you may look and change nothing."
    elif fact.guest:
        kind = "You are a guest here, so you may look and change nothing."
    also = dotted(f"time zone {fact.zone}", "security" if fact.security else "")
    blocks = (
        Lines((known, also, *([line(kind)] if kind else []))),
        Lines(tuple(may_line(each) for each in fact.roles), is_airy=True),
    )
    return Page(summary=known, blocks=blocks)


def may_line(fact: MayDo) -> Line:
    """One environment: the role, what it allows alone, what needs somebody else."""
    role = f" · {fact.role.value}" if fact.role else " · no role"
    alone = f"yourself: {', '.join(fact.alone)}" if fact.alone else ""
    asks = f"with an approval: {', '.join(fact.asks)}" if fact.asks else ""
    look = "" if alone or asks else "you may look"
    return rows(line(Strong(fact.environment), role), line(alone), line(asks), line(look))


def help_answer(fact: HelpAnswer) -> Page:
    """Every command, grouped, with one real example each."""
    blocks: list[Block] = []
    if fact.here:
        blocks += [*home(fact.here).blocks, Rule()]
    for group in fact.groups:
        blocks += _group(group)
    return Page(summary=line("What deepecho can do"), blocks=tuple(blocks))


def _group(fact: HelpGroup) -> list[Block]:
    return [Title(fact.name), Lines(tuple(_help_line(each) for each in fact.lines), most=30, is_airy=True)]


def _help_line(fact: HelpLine) -> Line:
    needs = f" ({fact.needs.value})" if fact.needs else ""
    example = line("e.g. ", Code(f"/deepecho {fact.example}")) if fact.example and fact.example != fact.usage else ()
    return rows(line(Code(fact.usage)), line(fact.text, needs), example)


def _waiting(fact: HomeAnswer) -> list[Block]:
    if not fact.waiting:
        return []
    blocks: list[Block] = [Title(f"🟡 {phrases.counted(len(fact.waiting), 'operation')} waiting for approval")]
    for record in fact.waiting[:_SHOWN]:
        blocks += [Lines((operation_line(record),)), *_waiting_details(record, fact)]
    return [*blocks, *_and_more(len(fact.waiting))]


def _waiting_details(record: OperationRecord, fact: HomeAnswer) -> list[Block]:
    mine = record.requested_by == fact.person
    buttons = [*decision_buttons(record)] if record.id in fact.decidable else []
    buttons += [Button(text="Cancel", action=CANCEL, value=record.id)] if mine else []
    details: list[Block] = []
    if record.id in fact.decidable:
        details = [Quote(record.reason), plan_lines(record.plan, record.lasts), *careful(record.plan)]
    return [*details, Buttons(tuple(buttons))] if buttons else details


def _running(fact: HomeAnswer) -> list[Block]:
    if not fact.running:
        return []
    blocks: list[Block] = [Title(f"🔵 {phrases.counted(len(fact.running), 'operation')} running")]
    for record in fact.running[:_SHOWN]:
        blocks += [Lines((operation_line(record),))]
        blocks += [Buttons((stop_button(record),))] if _may_stop(record, fact.person) else []
    return [*blocks, *_and_more(len(fact.running))]


def _may_stop(record: OperationRecord, person: Person) -> bool:
    return record.requested_by == person and record.cancellation is None


def _locked(fact: HomeAnswer) -> list[Block]:
    if not fact.locks:
        return []
    blocks: list[Block] = [Title("🔒 Locked")]
    for lock in fact.locks[:_SHOWN]:
        blocks += [Lines((lock_line(lock),))]
        blocks += [Buttons((_unlock(lock),))] if _may_unlock(lock, fact) else []
    return [*blocks, *_and_more(len(fact.locks))]


def _may_unlock(lock: LockRecord, fact: HomeAnswer) -> bool:
    """Their own, or anybody's for those whom the rule usually allows it. The click asks the rule itself."""
    role = next((each.role for each in fact.may if each.environment == lock.environment), None)
    others = role is not None and role.rank >= NEEDS[Action.UNLOCK_ANOTHERS].rank
    return not lock.operation and (lock.by == fact.person or others)


def _unlock(lock: LockRecord) -> Button:
    asked = Confirm(
        f"Unlock {lock.environment}?", "Deploys, restarts and scaling become possible again at once.", "Unlock", "Keep it"
    )
    return Button(text="Unlock", action=UNLOCK, value=lock.environment, confirm=asked)


def _and_more(count: int) -> list[Block]:
    return [Lines((line(f"and {count - _SHOWN} more"),))] if count > _SHOWN else []


def _in_short(fact: HomeAnswer) -> Line:
    counts = [
        f"{len(fact.waiting)} waiting for approval" if fact.waiting else "",
        f"{len(fact.running)} running" if fact.running else "",
        phrases.counted(len(fact.locks), "lock") if fact.locks else "",
    ]
    return dotted(*counts) or line("All quiet: nothing runs, nothing waits, nothing is locked.")
