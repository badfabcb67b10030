"""The lines of a plan, shared by the operation's card and the preview."""

from datetime import timedelta

from bot.views import phrases
from bot.views.markup.document import Block, Paragraph
from bot.views.markup.spans import Line, Strong, join_dots, line, stack
from domain.operations.plans import Plan, ServiceChange, Verb
from domain.rich_text import Code
from domain.text import format_duration, join_and

_VERBS_WITH_VERSIONS = (Verb.DEPLOY, Verb.ROLLBACK)


def plan_paragraph(plan: Plan, duration: timedelta | None = None) -> Paragraph:
    """The versions, and one entry for each service in the order of the changes."""
    shared = _shared_versions(plan)
    entries = tuple(_entry(plan.verb, change, duration, with_versions=shared is None) for change in plan.changes)
    return Paragraph((shared, *entries) if shared else entries, spaced=True)


def versions_line(plan: Plan) -> Line:
    """`main-9f00d12 → main-abc1234`; empty where services differ, or where the verb changes no version."""
    return _shared_versions(plan) or ()


def warning_blocks(plan: Plan) -> tuple[Block, ...]:
    """The plan's warnings."""
    if not plan.warnings:
        return ()
    return (Paragraph((line("⚠️ ", Strong("Careful")), *(line("• ", each) for each in plan.warnings)), max_lines=8),)


def present_blocks(plan: Plan) -> tuple[Block, ...]:
    """How the services do now."""
    return (Paragraph((line(Strong("Now"), " ", join_dots(*(line(each) for each in plan.present))),)),) if plan.present else ()


def _shared_versions(plan: Plan) -> Line | None:
    before = {change.before.label for change in plan.changes}
    after = {change.after.label for change in plan.changes}
    if plan.verb not in _VERBS_WITH_VERSIONS or not plan.changes or len(before) > 1 or len(after) > 1:
        return None
    return _versions(plan.changes[0])


def _versions(change: ServiceChange) -> Line:
    before, after = change.before, change.after
    if before.label == after.label:
        return line(Code(after.label), ", the same version with another template")
    same = ", the same version with another template" if before.version == after.version else ""
    return line(Code(before.label), " → ", Code(after.label), same)


def _containers(change: ServiceChange) -> str:
    """The containers that run the version, where there are several or where others run something else; else empty."""
    if len(change.containers) < 2 and not change.staying:
        return ""
    return f"container{'s' if len(change.containers) > 1 else ''} {join_and(change.containers)}"


def _entry(verb: Verb, change: ServiceChange, duration: timedelta | None, *, with_versions: bool) -> Line:
    never_seen = "⚠️ never seen here" if change.never_seen else ""
    first = join_dots(Strong(change.target.service), phrases.pod_change(change), never_seen)
    details: list[Line] = []
    if verb in _VERBS_WITH_VERSIONS:
        changed = f"template differs: {phrases.shortened(change.differences)}" if change.differences else ""
        details = [_versions(change) if with_versions else (), line(changed), line(_containers(change))]
    elif verb is Verb.RESTART:
        details = [line("new pods of the same version, ", Code(change.before.version))]
    elif duration is not None:
        details = [line(f"for {format_duration(duration)}, then back to {change.before.replicas}")]
    return stack(first, *details)
