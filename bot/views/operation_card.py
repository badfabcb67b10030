"""The card of an operation in each of its states, and the replies in its thread."""

from datetime import datetime

from bot.views import phrases
from bot.views.markup.document import Block, Button, Buttons, Confirm, Lines, Log, Page, Quote, Small, Title
from bot.views.markup.mrkdwn import bar
from bot.views.markup.spans import Code, Line, Strong, When, Who, dotted, line, rows, sentence
from bot.views.plan import careful, plan_lines, versions_line
from domain.notes import OperationNote
from domain.operations.operation import Decision, OperationRecord, Phase, Progress, State
from domain.people import Person
from domain.text import format_span

APPROVE = "operation.approve"
REJECT = "operation.reject"
CANCEL = "operation.cancel"

_WITH_WARNINGS = (State.WAITING, State.RUNNING, State.FAILED, State.NEEDS_PERSON)


def card(record: OperationRecord, now: datetime | None = None) -> Page:
    """One card for an operation, edited in place. ``now`` lets running services say how long they have taken."""
    buttons = card_buttons(record)
    blocks: list[Block] = [Title(phrases.headline(record.plan)), Lines(_status(record, now))]
    blocks += _points(record.stands, people(record))
    blocks += [Quote(record.reason), _body(record, now)]
    blocks += careful(record.plan) if record.state in _WITH_WARNINGS else ()
    blocks += [Buttons(buttons)] if buttons else []
    blocks += [Small(_footer(record))]
    return Page(summary=summary(record), blocks=tuple(blocks), spills=False)


def summary(record: OperationRecord) -> Line:
    """One line for a lock screen: what state, what, why, which."""
    if record.state.final and record.outcome:
        return dotted(
            line(f"{phrases.STATE_SIGNS[record.state]} ", sentence(record.outcome, people(record))),
            phrases.title(record.plan),
            record.id,
        )
    return dotted(
        f"{phrases.STATE_SIGNS[record.state]} {phrases.state(record)}: {phrases.title(record.plan)}",
        record.reason,
        record.id,
    )


def card_buttons(record: OperationRecord) -> tuple[Button, ...]:
    """What can be done about it now; none once it has ended or is being stopped."""
    if record.state is State.WAITING:
        cancel = Button(text="Cancel", action=CANCEL, value=record.id)
        open_to_decide = record.approval is not None and record.approval.decision is None
        return (*decision_buttons(record), cancel) if open_to_decide else (cancel,)
    if record.state is State.RUNNING and record.cancellation is None:
        return (stop_button(record),)
    return ()


def decision_buttons(record: OperationRecord) -> tuple[Button, Button]:
    """Approve, which asks once more, and Reject."""
    changes = record.plan.changes
    asked = Confirm(
        f"Approve for {record.environment}?",
        f"{phrases.title(record.plan)}: {phrases.counted(len(changes), 'service')}, "
        f"{phrases.counted(phrases.pods(record.plan), 'pod')}. It starts at once.",
        "Approve",
        "Not yet",
    )
    return (
        Button(text="Approve", action=APPROVE, value=record.id, style="primary", confirm=asked),
        Button(text="Reject", action=REJECT, value=record.id, style="danger"),
    )


def stop_button(record: OperationRecord) -> Button:
    """Stop what runs, at the next safe point."""
    text = "It stops at the next safe point. What was changed until then stays, and the card says what that is."
    return Button(
        text="Stop", action=CANCEL, value=record.id, style="danger", confirm=Confirm("Stop it?", text, "Stop", "Keep going")
    )


def people(record: OperationRecord) -> tuple[Person, ...]:
    """Everybody who had a part in it, so that sentences may name them."""
    approver = record.approval.decided_by if record.approval else None
    stopped_by = record.cancellation.by if record.cancellation else None
    return tuple(person for person in (record.requested_by, approver, stopped_by) if person)


def note(fact: OperationNote) -> Page:
    """A reply in the operation's thread."""
    said = line(phrases.TONE_SIGNS[fact.tone], sentence(fact.text))
    blocks: list[Block] = [Lines((said,))]
    blocks += _points(fact.lines)
    blocks += [Log(fact.log)] if fact.log else []
    blocks += [Small(dotted(When(fact.at, is_today=True), f"audit record {fact.audit}" if fact.audit else None))]
    return Page(summary=dotted(said, fact.operation), blocks=tuple(blocks))


def _points(texts: tuple[str, ...], known: tuple[Person, ...] = ()) -> list[Block]:
    """Sentences one under the other, with bullets where there are several."""
    bullet = "• " if len(texts) > 1 else ""
    return [Lines(tuple(line(bullet, sentence(each, known)) for each in texts))] if texts else []


def _status(record: OperationRecord, now: datetime | None) -> tuple[Line, ...]:
    sign = f"{phrases.STATE_SIGNS[record.state]} "
    if record.state is State.WAITING:
        return _waiting(record, sign)
    if record.state is State.RUNNING:
        return _running(record, sign, now)
    word = phrases.STATE_WORDS[record.state]
    if record.state is State.SUCCEEDED and record.outcome:
        return (dotted(line(sign, Strong(record.outcome.rstrip("."))), phrases.took(record)),)
    outcome = sentence(record.outcome, people(record))
    if record.outcome.startswith(word):
        return (line(sign, outcome),)
    return (line(sign, Strong(word)), *([outcome] if outcome else []))


def _waiting(record: OperationRecord, sign: str) -> tuple[Line, ...]:
    approval = record.approval
    if approval is None:
        return (line(sign, Strong("About to start")),)
    needs = line(sign, Strong(f"Needs {phrases.an(approval.role.value)}"), " other than ", Who(record.requested_by))
    until = (
        line("expires ", When(approval.expires_at, is_today=True))
        if approval.expires_at
        else line(f"within {format_span(approval.within)}")
    )
    return (needs, until)


def _running(record: OperationRecord, sign: str, now: datetime | None) -> tuple[Line, ...]:
    began = next((each.started_at for each in record.progress if each.started_at), None)
    first = dotted(line(sign, Strong(phrases.doing(record))), phrases.done(record), phrases.elapsed(began, now))
    if (asked := record.cancellation) is not None:
        return (first, line("as ", Who(asked.by), " asked"))
    held_up = next((each.detail for each in record.progress if each.phase is Phase.WAITING and each.detail), "")
    return (first, line(held_up)) if held_up else (first,)


def _body(record: OperationRecord, now: datetime | None) -> Lines:
    moved = any(each.phase not in (Phase.WAITING, Phase.UNTOUCHED) for each in record.progress)
    if not moved and not record.state.final:
        return plan_lines(record.plan, record.lasts)
    versions = versions_line(record.plan)
    if not moved:
        return Lines((dotted(versions, phrases.listed(record.plan.services)),))
    counts = tuple(_progress(each, now) for each in record.progress)
    return Lines((versions, *counts) if versions else counts, is_airy=True)


def _progress(progress: Progress, now: datetime | None) -> Line:
    name = Strong(progress.service)
    match progress.phase:
        case Phase.WAITING:
            return dotted(name, "next in line")
        case Phase.UNTOUCHED:
            return dotted(name, "not touched")
        case Phase.CHANGING:
            return dotted(name, "being changed", progress.detail)
        case Phase.ROLLING:
            return _counting(line(name), progress, "ready", now)
        case Phase.VERIFIED:
            return _counting(line("✅ ", name), progress, "verified", now)
        case Phase.FAILED:
            return _counting(line("❌ ", name), progress, "ready", now)


def _counting(name: Line, progress: Progress, word: str, now: datetime | None) -> Line:
    ready = min(progress.ready, progress.updated)
    counts = f"{bar(ready, progress.desired)} {ready}/{progress.desired} {word}".strip()
    time = phrases.elapsed(progress.started_at, progress.ended_at or now)
    return rows(name, dotted(counts, time, progress.detail))


def _footer(record: OperationRecord) -> Line:
    approval = record.approval
    asked = line("asked by ", Who(record.requested_by), " ", When(record.requested_at, is_today=True))
    approved: Line = ()
    if approval and approval.decided_by and approval.decided_at and approval.decision is Decision.APPROVED:
        approved = line("approved by ", Who(approval.decided_by), " ", When(approval.decided_at, is_today=True))
    typed: Line = ()
    if record.state is State.WAITING and approval is not None:
        typed = line("or type ", Code(f"/deepecho approve {record.id}"))
    return dotted(Code(record.id), asked, approved, typed)
