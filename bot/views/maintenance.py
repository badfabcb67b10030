"""Maintenance windows: the announcement, replies in its thread, and the list."""

from bot.views.markup.document import Actions, Block, Button, CodeBlock, Confirm, Context, Document, Header, Paragraph, Quote
from bot.views.markup.spans import Line, join_dots, line
from domain.answers.maintenance import WindowAnswer, WindowsAnswer
from domain.maintenance.job_texts import outcome
from domain.maintenance.jobs import JobPurpose, JobState, WindowJob
from domain.maintenance.silence_texts import describe
from domain.maintenance.window import MaintenanceWindow, SilenceState, WindowNote, WindowState
from domain.rich_text import Code, CommandMention, Timestamp, UserMention
from domain.text import format_duration

APPROVE, END, CANCEL = "maintenance.approve", "maintenance.end", "maintenance.cancel"
BACKUP, SKIP_BACKUP = "maintenance.backup", "maintenance.skip-backup"
_STATES = {
    WindowState.WAITING: "🕓 waits for a second person",
    WindowState.PLANNED: "📅 planned",
    WindowState.RUNNING: "🛠️ running",
    WindowState.ENDED: "✅ ended",
    WindowState.CANCELLED: "✖️ cancelled",
}


def card(window: MaintenanceWindow) -> Document:
    """The announcement: what is done, when, who answers for it, what is refused meanwhile."""
    title = f"🛠️ Maintenance of {window.environment}"
    blocks: list[Block] = [
        Header(title),
        Quote(window.work),
        Paragraph((_times(window), line(_STATES[window.state]), *_what_stands(window), *_jobs(window), *_hidden(window))),
    ]
    if buttons := _buttons(window):
        blocks.append(Actions(buttons))
    blocks.append(Context(join_dots(Code(window.id), line("planned by ", UserMention(window.owner)), _approved(window))))
    summary = line(f"{title}: {window.work}, ", _STATES[window.state])
    return Document(summary=summary, blocks=tuple(blocks))


def note(fact: WindowNote) -> Document:
    """A reply in the thread of the announcement."""
    text = line("🟡 " if fact.warning else "", fact.text)
    log: tuple[Block, ...] = (CodeBlock(fact.log),) if fact.log else ()
    return Document(summary=text, blocks=(Paragraph((text,)), *log))


def window_answer(fact: WindowAnswer) -> Document:
    """The window, to who asked."""
    return card(fact.window)


def windows(fact: WindowsAnswer) -> Document:
    """What is planned or runs, and when no second person is needed."""
    title = "🛠️ Maintenance"
    lines = tuple(_entry(window) for window in fact.windows) or (line("Nothing is planned."),)
    blocks: list[Block] = [Header(title), Paragraph(lines)]
    if fact.policies:
        policies = join_dots(*(line(f"{name}: {policy}") for name, policy in fact.policies))
        blocks.append(Context(line("Without a second person: ", policies)))
    return Document(summary=line(f"{title}: {len(fact.windows)}"), blocks=tuple(blocks))


def _entry(window: MaintenanceWindow) -> Line:
    place = line(Code(window.id), f" {window.environment}: {window.work}")
    return join_dots(place, _times(window), line(_STATES[window.state]))


def _times(window: MaintenanceWindow) -> Line:
    length = format_duration(window.ends_at - window.starts_at)
    return line(Timestamp(window.starts_at), " to ", Timestamp(window.ends_at), f" ({length})")


def _what_stands(window: MaintenanceWindow) -> tuple[Line, ...]:
    match window.state:
        case WindowState.WAITING:
            why = f"It lies outside the policy of {window.environment}. To approve it: "
            return (line(why, CommandMention(f"maintenance approve {window.id}")),)
        case WindowState.PLANNED:
            return (line("In this time deploys, restarts and scaling are refused."),)
        case WindowState.RUNNING:
            refused = line("Deploys, restarts and scaling are refused, until ", Timestamp(window.frozen_until), " at the latest.")
            return (refused, line("When the work is done: ", CommandMention(f"maintenance end {window.id}")))
        case _:
            return (line(window.outcome),)


def _jobs(window: MaintenanceWindow) -> tuple[Line, ...]:
    """How far backup and verification are. While a backup is missing, its owner is to wait."""
    lines = []
    for each in window.jobs:
        match each.state:
            case JobState.DONE:
                lines.append(line("✅ ", outcome(each)))
            case JobState.FAILED | JobState.SKIPPED:
                lines.append(line("🟡 ", outcome(each)))
            case JobState.RUNNING:
                wait = ". Wait for it before you begin." if each.purpose is JobPurpose.BACKUP else "."
                lines.append(line(f"⏳ The {each.purpose.value} ", _course(each), wait))
            case _ if window.state.is_open:
                when = "now" if each.purpose is JobPurpose.BACKUP else "after the end"
                lines.append(line(f"▫️ {each.purpose.value}: {when}"))
            case _:
                lines.append(line(f"▫️ {each.purpose.value}: not begun"))
    return tuple(lines)


def _course(job: WindowJob) -> Line:
    """What a Job that has not ended does."""
    if job.waits_for:
        return line("waits until Job ", Code(job.waits_for), " has ended")
    return line("runs since ", Timestamp(job.asked_at)) if job.is_created and job.asked_at else line("is being started")


def _hidden(window: MaintenanceWindow) -> tuple[Line, ...]:
    """What is or will be hidden in Alertmanager. What was hidden in the end is in the thread."""
    if window.state not in (WindowState.WAITING, WindowState.PLANNED, WindowState.RUNNING):
        return ()
    by_hand = dict.fromkeys(each.matchers for each in window.silences if each.state is SilenceState.BY_HAND)
    standing = dict.fromkeys(each.matchers for each in window.silences if each.state is SilenceState.SET)
    hidden = standing or ({} if by_hand else dict.fromkeys(window.scopes))
    return (
        *(line("Alerts hidden meanwhile: ", Code(describe(each))) for each in hidden),
        *(line("🟡 Lifted or changed by hand, not set again: ", Code(describe(each))) for each in by_hand),
    )


def _approved(window: MaintenanceWindow) -> Line:
    return line("approved by ", UserMention(window.approved_by)) if window.approved_by else ()


def _buttons(window: MaintenanceWindow) -> tuple[Button, ...]:
    match window.state:
        case WindowState.WAITING:
            approve = Button(text="Approve", action=APPROVE, value=window.id, style="primary")
            return (approve, _cancel(window))
        case WindowState.PLANNED:
            return (_cancel(window),)
        case WindowState.RUNNING:
            text = f"Deploys in {window.environment} are possible again."
            confirm = Confirm("End the maintenance?", text, "End it", "Back")
            end = Button(text="End", action=END, value=window.id, confirm=confirm)
            return (*_backup_buttons(window), end)
        case _:
            return ()


def _backup_buttons(window: MaintenanceWindow) -> tuple[Button, ...]:
    """Of a backup that has failed or waits for another Job."""
    backup = next((each for each in window.jobs if each.purpose is JobPurpose.BACKUP), None)
    if backup is None or not (backup.state is JobState.FAILED or backup.waits_for):
        return ()
    text = "What is broken by the work cannot be put back from a backup of today."
    confirm = Confirm("Go on without a backup?", text, "Go on", "Back")
    skip = Button(text="Go on without", action=SKIP_BACKUP, value=window.id, confirm=confirm)
    if backup.waits_for:
        return (skip,)
    return (Button(text="Backup again", action=BACKUP, value=window.id, style="primary"), skip)


def _cancel(window: MaintenanceWindow) -> Button:
    confirm = Confirm("Cancel the maintenance?", f"{window.work[:200]}", "Cancel it", "Back")
    return Button(text="Cancel", action=CANCEL, value=window.id, confirm=confirm)
