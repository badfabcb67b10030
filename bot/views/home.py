"""The Home tab, the answers to ``/deepecho`` alone, ``whoami`` and ``help``."""

from collections.abc import Iterable
from typing import Any

from bot.views import phrases
from bot.views.answers import operation_line
from bot.views.locks import lock_line
from bot.views.markup import limits
from bot.views.markup.document import Actions, Block, Button, Confirm, Divider, Document, Header, Paragraph, Quote
from bot.views.markup.message import blocks_of, redacted
from bot.views.markup.spans import Line, Strong, join_dots, line, stack
from bot.views.operation_card import CANCEL, decision_buttons, stop_button
from bot.views.plan import plan_paragraph, present_blocks, warning_blocks
from domain.answers.answers import HelpAnswer, HelpGroup, HelpLine, HomeAnswer, Permissions, WhoAmI
from domain.operations.locks import LockRecord
from domain.operations.operation import OperationRecord
from domain.policies import REQUIRED_ROLES, Action
from domain.rich_text import Code, CommandMention, UserMention
from domain.text import and_more

UNLOCK = "lock.unlock"
REFRESH = "home.refresh"

_MAX_SHOWN = 10
"""Operations of each kind: more, with their buttons, would be too long for a phone."""


def home(fact: HomeAnswer) -> Document:
    """Waiting approvals, running operations, locks, and this person's permissions, in this order."""
    blocks: list[Block] = [*_waiting(fact), *_running(fact), *_locked(fact)]
    if not blocks:
        blocks = [Header("🟢 All quiet"), Paragraph((line("Nothing runs, nothing waits, nothing is locked."),))]
    blocks += [
        Divider(),
        Header("What you may do"),
        Paragraph(tuple(permissions_line(each) for each in fact.permissions), spaced=True),
    ]
    return Document(summary=_summary(fact), blocks=tuple(blocks))


def home_view(fact: HomeAnswer, sections: Iterable[Document] = ()) -> dict[str, Any]:
    """The Home tab: what concerns everybody, then the families' ``sections``."""
    refresh = Actions((Button(text="Refresh", action=REFRESH, value="home"),))
    added = [block for section in sections for block in (Divider(), *section.blocks)]
    blocks, _ = limits.fit(
        redacted(blocks_of((*home(fact).blocks, *added, refresh))),
        max_blocks=limits.VIEW_BLOCKS,
        max_characters=limits.VIEW_CHARACTERS,
    )
    return {"type": "home", "callback_id": "home", "blocks": list(blocks)}


def who_am_i(fact: WhoAmI) -> Document:
    """A person's account, time zone and permissions."""
    identity = line("You are ", UserMention(fact.person), ", ", Code(fact.person.user_id), " of ", Code(fact.person.team_id))
    kind = ""
    if fact.stranger:
        kind = "You belong to another workspace, so you may look and change nothing."
    elif fact.guest:
        kind = "You are a guest here, so you may look and change nothing."
    also = join_dots(f"time zone {fact.time_zone}", "security" if fact.security else "")
    blocks = (
        Paragraph((identity, also, *([line(kind)] if kind else []))),
        Paragraph(tuple(permissions_line(each) for each in fact.permissions), spaced=True),
    )
    return Document(summary=identity, blocks=blocks)


def permissions_line(fact: Permissions) -> Line:
    """One environment: the role, what it allows, and what it allows with an approval."""
    role = f" · {fact.role.value}" if fact.role else " · no role"
    without_approval = f"yourself: {', '.join(fact.allowed)}" if fact.allowed else ""
    with_approval = f"with an approval: {', '.join(fact.allowed_with_approval)}" if fact.allowed_with_approval else ""
    read_only = "" if without_approval or with_approval else "you may look"
    return stack(line(Strong(fact.environment), role), line(without_approval), line(with_approval), line(read_only))


def help_answer(fact: HelpAnswer) -> Document:
    """All commands by group, each with an example."""
    blocks: list[Block] = []
    if fact.home:
        blocks += [*home(fact.home).blocks, Divider()]
    for group in fact.groups:
        blocks += _group(group)
    return Document(summary=line("What deepecho can do"), blocks=tuple(blocks))


def _group(fact: HelpGroup) -> list[Block]:
    return [Header(fact.name), Paragraph(tuple(_help_line(each) for each in fact.lines), max_lines=30, spaced=True)]


def _help_line(fact: HelpLine) -> Line:
    needs = f" ({fact.needs.value})" if fact.needs else ""
    example = line("e.g. ", CommandMention(fact.example)) if fact.example and fact.example != fact.usage else ()
    return stack(line(Code(fact.usage)), line(fact.text, needs), example)


def _waiting(fact: HomeAnswer) -> list[Block]:
    if not fact.waiting:
        return []
    blocks: list[Block] = [Header(f"🟡 {phrases.pluralize(len(fact.waiting), 'operation')} waiting for approval")]
    for record in fact.waiting[:_MAX_SHOWN]:
        blocks += [Paragraph((operation_line(record),)), *_waiting_details(record, fact)]
    return [*blocks, *_and_more(len(fact.waiting))]


def _waiting_details(record: OperationRecord, fact: HomeAnswer) -> list[Block]:
    buttons = [*decision_buttons(record)] if record.id in fact.approvable else []
    buttons += [Button(text="Cancel", action=CANCEL, value=record.id)] if record.id in fact.requested else []
    details: list[Block] = []
    if record.id in fact.approvable:
        details = [
            Quote(record.reason),
            plan_paragraph(record.plan, record.duration),
            *present_blocks(record.plan),
            *warning_blocks(record.plan),
        ]
    return [*details, Actions(tuple(buttons))] if buttons else details


def _running(fact: HomeAnswer) -> list[Block]:
    if not fact.running:
        return []
    blocks: list[Block] = [Header(f"🔵 {phrases.pluralize(len(fact.running), 'operation')} running")]
    for record in fact.running[:_MAX_SHOWN]:
        blocks += [Paragraph((operation_line(record),))]
        blocks += [Actions((stop_button(record),))] if _may_stop(record, fact) else []
    return [*blocks, *_and_more(len(fact.running))]


def _may_stop(record: OperationRecord, fact: HomeAnswer) -> bool:
    return record.id in fact.requested and record.cancellation is None


def _locked(fact: HomeAnswer) -> list[Block]:
    if not fact.locks:
        return []
    blocks: list[Block] = [Header("🔒 Locked")]
    for lock in fact.locks[:_MAX_SHOWN]:
        blocks += [Paragraph((lock_line(lock),))]
        blocks += [Actions((_unlock_button(lock),))] if _may_unlock(lock, fact) else []
    return [*blocks, *_and_more(len(fact.locks))]


def _may_unlock(lock: LockRecord, fact: HomeAnswer) -> bool:
    """Whether to show the button: for the person's own locks, and by the usual role for others'. The click checks the rule."""
    role = next((each.role for each in fact.permissions if each.environment == lock.environment), None)
    others = role is not None and role.rank >= REQUIRED_ROLES[Action.UNLOCK_OTHERS].rank
    return not (lock.operation or lock.window) and (lock.environment in fact.own_locks or others)


def _unlock_button(lock: LockRecord) -> Button:
    confirm = Confirm(
        f"Unlock {lock.environment}?", "Deploys, restarts and scaling become possible again at once.", "Unlock", "Keep it"
    )
    return Button(text="Unlock", action=UNLOCK, value=lock.environment, confirm=confirm)


def _and_more(count: int) -> list[Block]:
    more = and_more(count - _MAX_SHOWN)
    return [Paragraph((line(more),))] if more else []


def _summary(fact: HomeAnswer) -> Line:
    counts = [
        f"{len(fact.waiting)} waiting for approval" if fact.waiting else "",
        f"{len(fact.running)} running" if fact.running else "",
        phrases.pluralize(len(fact.locks), "lock") if fact.locks else "",
    ]
    return join_dots(*counts) or line("All quiet: nothing runs, nothing waits, nothing is locked.")
