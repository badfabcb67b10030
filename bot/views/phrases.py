"""The words for plans and operations that every page shares. Plain text, no markup."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from domain.notes import Tone
from domain.operations.operation import OperationRecord, Phase, State
from domain.operations.plans import Plan, ServiceChange, Verb
from domain.text import format_span

TONE_SIGNS = {Tone.PLAIN: "", Tone.GOOD: "✅ ", Tone.WARNING: "⚠️ ", Tone.BAD: "🔴 "}
VERB_SIGNS = {Verb.DEPLOY: "🚀", Verb.ROLLBACK: "⏪", Verb.RESTART: "🔄", Verb.SCALE: "📐"}
DOING = {Verb.DEPLOY: "Deploying", Verb.ROLLBACK: "Rolling back", Verb.RESTART: "Restarting", Verb.SCALE: "Scaling"}

STATE_SIGNS = {
    State.WAITING: "🟡",
    State.RUNNING: "🔵",
    State.SUCCEEDED: "✅",
    State.FAILED: "🔴",
    State.REJECTED: "⛔",
    State.EXPIRED: "⌛",
    State.CANCELLED: "⏹️",
    State.DRIFTED: "🟠",
    State.NEEDS_PERSON: "🆘",
}
STATE_WORDS = {
    State.WAITING: "Waiting for approval",
    State.RUNNING: "Running",
    State.SUCCEEDED: "Done",
    State.FAILED: "Failed",
    State.REJECTED: "Rejected",
    State.EXPIRED: "Expired",
    State.CANCELLED: "Cancelled",
    State.DRIFTED: "Stopped, something changed meanwhile",
    State.NEEDS_PERSON: "A person must decide",
}


def counted(count: int, noun: str) -> str:
    """`1 pod`, `3 pods`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`, `22nd`."""
    teen = 10 < number % 100 < 14
    return f"{number:,}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def an(word: str) -> str:
    """The word with its article."""
    return f"{'an' if word[:1].lower() in 'aeiou' or word == 'sre' else 'a'} {word}"


def listed(names: Sequence[str], most: int = 3) -> str:
    """`a`, `a and b`, `a, b and c`, `a, b and 5 more`."""
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
    return " and ".join([*filter(None, [", ".join(names[:-1])]), *names[-1:]])


def few(names: Sequence[str], most: int = 6) -> str:
    """The names with commas, the first ``most`` of them."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def title(plan: Plan) -> str:
    """What it does, as a person would say it: `Roll back production to main-abc1234`."""
    where, what = plan.environment, listed(plan.services)
    one = what if len(plan.changes) == 1 else ""
    to = only({change.after.version for change in plan.changes})
    match plan.verb:
        case Verb.DEPLOY:
            return f"Deploy {' '.join(filter(None, [one, to])) or what} to {where}"
        case Verb.ROLLBACK:
            return f"Roll back {f'{one} in ' if one else ''}{where}{f' to {to}' if to else ''}"
        case Verb.RESTART:
            return f"Restart {what} in {where}"
        case Verb.SCALE:
            size = only({str(change.after.replicas) for change in plan.changes})
            return f"Scale {what} in {where}{f' to {size}' if size else ''}"


def headline(plan: Plan) -> str:
    """The title with its sign."""
    return f"{VERB_SIGNS[plan.verb]} {title(plan)}"


def only(values: Collection[str]) -> str:
    """The one value that all share; empty where there are several or none."""
    return next(iter(values)) if len(values) == 1 else ""


def size(change: ServiceChange) -> str:
    """`3 pods`, `3 → 8 pods`, and who else decides about their number."""
    before, after, scaler = change.before.replicas, change.after.replicas, change.autoscaler
    pods = counted(after, "pod") if before == after else f"{before} → {counted(after, 'pod')}"
    return f"{pods} (autoscaled {scaler.minimum} to {scaler.maximum})" if scaler else pods


def pods(plan: Plan) -> int:
    """How many pods it replaces, as far as the plan knows."""
    return sum(change.after.replicas for change in plan.changes)


def doing(record: OperationRecord) -> str:
    """What a running operation does now."""
    if record.cancellation is not None:
        return "Stopping at the next safe point"
    started = any(each.phase is not Phase.WAITING for each in record.progress)
    return DOING[record.verb] if started else "Starting"


def state(record: OperationRecord) -> str:
    """Where it stands, in a few words."""
    stopping = record.state is State.RUNNING and record.cancellation is not None
    return "Stopping" if stopping else STATE_WORDS[record.state]


def done(record: OperationRecord) -> str:
    """How many of several services a running operation has done; empty where that says nothing."""
    if record.state is not State.RUNNING or len(record.progress) < 2:
        return ""
    ready = sum(each.phase is Phase.VERIFIED for each in record.progress)
    return f"{ready} of {len(record.progress)} services done"


def took(record: OperationRecord) -> str:
    """How long an ended operation worked; empty where it never began."""
    began = next((each.started_at for each in record.progress if each.started_at), None)
    return f"took {format_span(record.ended_at - began)}" if began and record.ended_at else ""


def elapsed(since: datetime | None, now: datetime | None) -> str:
    """How long it has been; empty where that is not known."""
    return format_span(max(timedelta(), now - since)) if since and now else ""
