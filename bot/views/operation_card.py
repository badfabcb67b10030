"""The card of an operation in each of its states, and the replies in its thread."""

from datetime import datetime

from bot.views import phrases
from bot.views.markup.document import Actions, Block, Button, CodeBlock, Confirm, Context, Document, Header, Paragraph, Quote
from bot.views.markup.mrkdwn import progress_bar
from bot.views.markup.spans import Line, Strong, join_dots, line, stack
from bot.views.plan import plan_paragraph, present_blocks, versions_line, warning_blocks
from domain.notes import OperationNote
from domain.operations.operation import Decision, OperationRecord, Phase, Progress, State
from domain.rich_text import Code, CommandMention, Text, Timestamp, UserMention, plain_text
from domain.text import format_duration

APPROVE = "operation.approve"
REJECT = "operation.reject"
CANCEL = "operation.cancel"
UNSCALE = "operation.unscale"

_STATES_WITH_WARNINGS = (State.WAITING, State.RUNNING, State.FAILED, State.NEEDS_PERSON)


def card(record: OperationRecord, now: datetime | None = None) -> Document:
    """The card of an operation, edited in place. With ``now``, running services show their elapsed time."""
    buttons = card_buttons(record)
    blocks: list[Block] = [Header(phrases.headline(record.plan)), Paragraph(_status(record, now))]
    blocks += _bullets(record.end_state)
    blocks += [Quote(record.reason), _body(record, now)]
    blocks += present_blocks(record.plan) if record.state is State.WAITING else ()
    blocks += warning_blocks(record.plan) if record.state in _STATES_WITH_WARNINGS else ()
    blocks += [Actions(buttons)] if buttons else []
    blocks += [Context(_footer(record))]
    return Document(summary=summary(record), blocks=tuple(blocks), overflows_to_file=False)


def summary(record: OperationRecord) -> Line:
    """One line for a lock screen: state, title, reason, id."""
    if record.state.final and record.outcome:
        return join_dots(
            line(f"{phrases.STATE_EMOJI[record.state]} ", record.outcome),
            phrases.title(record.plan),
            record.id,
        )
    return join_dots(
        f"{phrases.STATE_EMOJI[record.state]} {phrases.state(record)}: {phrases.title(record.plan)}",
        record.reason,
        record.id,
    )


def card_buttons(record: OperationRecord) -> tuple[Button, ...]:
    """Actions that are possible now. Once the operation has ended, only a temporary scale has one, until it is put back."""
    if record.state is State.WAITING:
        cancel = Button(text="Cancel", action=CANCEL, value=record.id)
        open_to_decide = record.approval is not None and record.approval.decision is None
        return (*decision_buttons(record), cancel) if open_to_decide else (cancel,)
    if record.state is State.RUNNING and record.cancellation is None:
        return (stop_button(record),)
    if record.state is State.SUCCEEDED and record.duration is not None:
        return (_scale_back_button(record),)
    return ()


def decision_buttons(record: OperationRecord) -> tuple[Button, Button]:
    """Approve, with a confirmation, and Reject."""
    changes = record.plan.changes
    confirm = Confirm(
        f"Approve for {record.environment}?",
        f"{phrases.title(record.plan)}: {phrases.pluralize(len(changes), 'service')}, "
        f"{phrases.pluralize(phrases.pod_count(record.plan), 'pod')}. It starts at once.",
        "Approve",
        "Not yet",
    )
    return (
        Button(text="Approve", action=APPROVE, value=record.id, style="primary", confirm=confirm),
        Button(text="Reject", action=REJECT, value=record.id, style="danger"),
    )


def stop_button(record: OperationRecord) -> Button:
    """Stop, with a confirmation."""
    text = "It stops at the next safe point. What was changed until then stays, and the card says what that is."
    return Button(
        text="Stop", action=CANCEL, value=record.id, style="danger", confirm=Confirm("Stop it?", text, "Stop", "Keep going")
    )


def _scale_back_button(record: OperationRecord) -> Button:
    """Put a temporary scale back now. The card does not know whether it has ended; the command refuses then."""
    (change,) = record.plan.changes
    text = f"{change.target} goes back to {change.before.replicas} pods before its time is over."
    confirm = Confirm("Scale back now?", text, "Scale back now", "Leave it")
    return Button(text="Scale back now", action=UNSCALE, value=record.id, confirm=confirm)


def note(fact: OperationNote) -> Document:
    """A reply in the operation's thread."""
    text = line(phrases.TONE_EMOJI[fact.tone], fact.text)
    blocks: list[Block] = [Paragraph((text,))]
    blocks += _bullets(fact.lines)
    blocks += [CodeBlock(fact.log)] if fact.log else []
    blocks += [
        Context(join_dots(Timestamp(fact.at, time_only=True), f"audit record {fact.audit_number}" if fact.audit_number else None))
    ]
    return Document(summary=join_dots(text, fact.operation_id), blocks=tuple(blocks))


def _bullets(texts: tuple[Text, ...]) -> list[Block]:
    """Sentences as a list, with bullets where there are several."""
    bullet = "• " if len(texts) > 1 else ""
    return [Paragraph(tuple(line(bullet, each) for each in texts))] if texts else []


def _status(record: OperationRecord, now: datetime | None) -> tuple[Line, ...]:
    emoji = f"{phrases.STATE_EMOJI[record.state]} "
    if record.state is State.WAITING:
        return _waiting(record, emoji)
    if record.state is State.RUNNING:
        return _running(record, emoji, now)
    label = phrases.STATE_LABELS[record.state]
    if record.state is State.SUCCEEDED and record.outcome:
        return (join_dots(line(emoji, Strong(plain_text(record.outcome).rstrip("."))), phrases.duration(record)),)
    outcome = line(record.outcome)
    if plain_text(record.outcome).startswith(label):
        return (line(emoji, outcome),)
    return (line(emoji, Strong(label)), *([outcome] if outcome else []))


def _waiting(record: OperationRecord, emoji: str) -> tuple[Line, ...]:
    approval = record.approval
    if approval is None:
        return (line(emoji, Strong("About to start")),)
    needs = line(
        emoji, Strong(f"Needs {phrases.with_article(approval.role.value)}"), " other than ", UserMention(record.requested_by)
    )
    until = (
        line("expires ", Timestamp(approval.expires_at, time_only=True))
        if approval.expires_at
        else line(f"within {format_duration(approval.within)}")
    )
    return (needs, until)


def _running(record: OperationRecord, emoji: str, now: datetime | None) -> tuple[Line, ...]:
    began = next((each.started_at for each in record.progress if each.started_at), None)
    first = join_dots(
        line(emoji, Strong(phrases.current_action(record))), phrases.services_done(record), phrases.elapsed(began, now)
    )
    if (cancellation := record.cancellation) is not None:
        return (first, line("as ", UserMention(cancellation.by), " asked"))
    blocked_by = next((each.detail for each in record.progress if each.phase is Phase.WAITING and each.detail), "")
    return (first, line(blocked_by)) if blocked_by else (first,)


def _body(record: OperationRecord, now: datetime | None) -> Paragraph:
    has_progress = any(each.phase not in (Phase.WAITING, Phase.UNTOUCHED) for each in record.progress)
    if not has_progress and not record.state.final:
        return plan_paragraph(record.plan, record.duration)
    versions = versions_line(record.plan)
    if not has_progress:
        return Paragraph((join_dots(versions, phrases.join_names(record.plan.services)),))
    # An ended operation took as long as it took, whenever its card is drawn.
    counts = tuple(_progress(each, record.ended_at or now) for each in record.progress)
    return Paragraph((versions, *counts) if versions else counts, spaced=True)


def _progress(progress: Progress, now: datetime | None) -> Line:
    name = Strong(progress.service)
    match progress.phase:
        case Phase.WAITING | Phase.UNTOUCHED:
            return join_dots(name, "next in line" if progress.phase is Phase.WAITING else "not touched")
        case Phase.CHANGING:
            return join_dots(name, "being changed", progress.detail)
        case Phase.UNKNOWN:
            return join_dots(line("❔ ", name), "whether it was changed is not known")
        case Phase.ROLLING:
            return _pod_counts(line(name), progress, "ready", now)
        case Phase.VERIFIED:
            return _verified(name, progress, now)
        case Phase.FAILED:
            return _pod_counts(line("❌ ", name), progress, "ready", now)


def _verified(name: Strong, progress: Progress, now: datetime | None) -> Line:
    if progress.desired == 0:
        return join_dots(name, "set, and nothing runs it: 0 pods")
    if progress.ready < progress.desired:
        return join_dots(line("✅ ", name), f"set, and {progress.ready} of {progress.desired} pods have it")
    return _pod_counts(line("✅ ", name), progress, "verified", now)


def _pod_counts(name: Line, progress: Progress, word: str, now: datetime | None) -> Line:
    ready = min(progress.ready, progress.updated)
    counts = f"{progress_bar(ready, progress.desired)} {ready}/{progress.desired} {word}".strip()
    time = phrases.elapsed(progress.started_at, progress.ended_at or now)
    return stack(name, join_dots(counts, time, progress.detail))


def _footer(record: OperationRecord) -> Line:
    approval = record.approval
    requested = line("asked by ", UserMention(record.requested_by), " ", Timestamp(record.requested_at, time_only=True))
    approved: Line = ()
    if approval and approval.decided_by and approval.decided_at and approval.decision is Decision.APPROVED:
        approved = line("approved by ", UserMention(approval.decided_by), " ", Timestamp(approval.decided_at, time_only=True))
    command: Line = ()
    if record.state is State.WAITING and approval is not None:
        command = line("or type ", CommandMention(f"approve {record.id}"))
    return join_dots(Code(record.id), requested, approved, command)
