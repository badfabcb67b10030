"""Phrases for plans and operations that all views share. Plain text without markup."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from domain.notes import Tone
from domain.operations.operation import OperationRecord, Phase, State
from domain.operations.plans import Plan, ServiceChange, Verb
from domain.text import first_names, format_duration

TONE_EMOJI = {Tone.PLAIN: "", Tone.GOOD: "✅ ", Tone.WARNING: "⚠️ ", Tone.BAD: "🔴 "}
VERB_EMOJI = {Verb.DEPLOY: "🚀", Verb.ROLLBACK: "⏪", Verb.RESTART: "🔄", Verb.SCALE: "📐"}
VERBS_IN_PROGRESS = {Verb.DEPLOY: "Deploying", Verb.ROLLBACK: "Rolling back", Verb.RESTART: "Restarting", Verb.SCALE: "Scaling"}

STATE_EMOJI = {
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
STATE_LABELS = {
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


def pluralize(count: int, noun: str) -> str:
    """`1 pod`, `3 pods`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`, `22nd`."""
    teen = 10 < number % 100 < 14
    return f"{number:,}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def with_article(word: str) -> str:
    """The word with its article."""
    return f"{'an' if word[:1].lower() in 'aeiou' or word == 'sre' else 'a'} {word}"


def join_names(names: Sequence[str], max_names: int = 3) -> str:
    """`a`, `a and b`, `a, b and c`, `a, b and 5 more`."""
    if len(names) > max_names:
        return first_names(names, max_names - 1)
    return " and ".join([*filter(None, [", ".join(names[:-1])]), *names[-1:]])


def shortened(names: Sequence[str], max_names: int = 6) -> str:
    """The first ``max_names`` names with commas, and how many more there are."""
    return first_names(names, max_names)


def title(plan: Plan) -> str:
    """What the plan does: `Roll back production to main-abc1234`."""
    environment, services = plan.environment, join_names(plan.services)
    single_service = services if len(plan.changes) == 1 else ""
    version = single_value({change.after.label for change in plan.changes})
    match plan.verb:
        case Verb.DEPLOY:
            return f"Deploy {' '.join(filter(None, [single_service, version])) or services} to {environment}"
        case Verb.ROLLBACK:
            return (
                f"Roll back {f'{single_service} in ' if single_service else ''}{environment}{f' to {version}' if version else ''}"
            )
        case Verb.RESTART:
            return f"Restart {services} in {environment}"
        case Verb.SCALE:
            replicas = single_value({str(change.after.replicas) for change in plan.changes})
            return f"Scale {services} in {environment}{f' to {replicas}' if replicas else ''}"


def headline(plan: Plan) -> str:
    """The title with the verb's emoji."""
    return f"{VERB_EMOJI[plan.verb]} {title(plan)}"


def single_value(values: Collection[str]) -> str:
    """The one value that all share; empty where there are several or none."""
    return next(iter(values)) if len(values) == 1 else ""


def pod_change(change: ServiceChange) -> str:
    """`3 pods`, `3 → 8 pods`, and the autoscaler's range."""
    before, after, scaler = change.before.replicas, change.after.replicas, change.autoscaler
    pods = pluralize(after, "pod") if before == after else f"{before} → {pluralize(after, 'pod')}"
    return f"{pods} (autoscaled {scaler.min_replicas} to {scaler.max_replicas})" if scaler else pods


def pod_count(plan: Plan) -> int:
    """How many pods the services have after the plan."""
    return sum(change.after.replicas for change in plan.changes)


def current_action(record: OperationRecord) -> str:
    """What a running operation is doing."""
    if record.cancellation is not None:
        return "Stopping at the next safe point"
    started = any(each.phase is not Phase.WAITING for each in record.progress)
    return VERBS_IN_PROGRESS[record.verb] if started else "Starting"


def state(record: OperationRecord) -> str:
    """The state's label."""
    stopping = record.state is State.RUNNING and record.cancellation is not None
    return "Stopping" if stopping else STATE_LABELS[record.state]


def services_done(record: OperationRecord) -> str:
    """How many services a running operation has done; empty for a single service or another state."""
    if record.state is not State.RUNNING or len(record.progress) < 2:
        return ""
    ready = sum(each.phase is Phase.VERIFIED for each in record.progress)
    return f"{ready} of {len(record.progress)} services done"


def duration(record: OperationRecord) -> str:
    """How long an ended operation took; empty where it changed nothing."""
    began = next((each.started_at for each in record.progress if each.started_at), None)
    return f"took {format_duration(record.ended_at - began)}" if began and record.ended_at else ""


def elapsed(since: datetime | None, now: datetime | None) -> str:
    """Time from ``since`` to ``now``; empty where either is unknown."""
    return format_duration(max(timedelta(), now - since)) if since and now else ""
