"""What a plan will do, as lines: the same on an operation's card and in a preview."""

from datetime import timedelta

from bot.views import phrases
from bot.views.markup.document import Block, Lines
from bot.views.markup.spans import Code, Line, Strong, dotted, line, rows, sentence
from domain.operations.plans import Plan, ServiceChange, Verb
from domain.text import format_span

_WITH_VERSIONS = (Verb.DEPLOY, Verb.ROLLBACK)


def plan_lines(plan: Plan, lasts: timedelta | None = None) -> Lines:
    """The versions, and one entry for each service in the order in which they are changed."""
    shared = _shared_versions(plan)
    entries = tuple(_entry(plan.verb, change, lasts, with_versions=shared is None) for change in plan.changes)
    return Lines((shared, *entries) if shared else entries, is_airy=True)


def versions_line(plan: Plan) -> Line:
    """`main-9f00d12 → main-abc1234`; empty where the services differ, or where no version changes."""
    return _shared_versions(plan) or ()


def careful(plan: Plan) -> tuple[Block, ...]:
    """What a person should know before it happens."""
    if not plan.warnings:
        return ()
    return (Lines((line("⚠️ ", Strong("Careful")), *(line("• ", sentence(each, ())) for each in plan.warnings)), most=8),)


def _shared_versions(plan: Plan) -> Line | None:
    before = {change.before.version for change in plan.changes}
    after = {change.after.version for change in plan.changes}
    if plan.verb not in _WITH_VERSIONS or not plan.changes or len(before) > 1 or len(after) > 1:
        return None
    return _versions(plan.changes[0])


def _versions(change: ServiceChange) -> Line:
    before, after = change.before.version, change.after.version
    if before == after:
        return line(Code(after), ", the same version with another template")
    return line(Code(before), " → ", Code(after))


def _entry(verb: Verb, change: ServiceChange, lasts: timedelta | None, *, with_versions: bool) -> Line:
    seen = "⚠️ never seen here" if change.never_seen else ""
    first = dotted(Strong(change.target.service), phrases.size(change), seen)
    below: list[Line] = []
    if verb in _WITH_VERSIONS:
        changed = f"template differs: {phrases.few(change.differences)}" if change.differences else ""
        below = [_versions(change) if with_versions else (), line(changed)]
    elif verb is Verb.RESTART:
        below = [line("new pods of the same version, ", Code(change.before.version))]
    elif lasts is not None:
        below = [line(f"for {format_span(lasts)}, then back to {change.before.replicas}")]
    return rows(first, *below)
