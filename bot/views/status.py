"""The status of environments, and the versions that ran in them."""

from bot.views import phrases
from bot.views.locks import lock_line
from bot.views.markup.document import Block, Context, Divider, Document, Header, Paragraph
from bot.views.markup.spans import Line, Strong, join, join_dots, line, stack
from domain.answers.answers import (
    EnvironmentStatus,
    ServiceStatus,
    ServiceVersions,
    StatusAnswer,
    UnwellServices,
    VersionLine,
    VersionsAnswer,
)
from domain.rich_text import Code, CommandMention, Text, Timestamp
from domain.workloads.deployments import Owner, OwnerKind
from domain.workloads.revisions import revision_name

_OWNER_NAMES = {OwnerKind.HELM: "Helm", OwnerKind.ARGO_CD: "Argo CD", OwnerKind.FLUX: "Flux"}
_MAX_SERVICES = 20
_WORST_FIRST = ("🔴", "🟡", "❔", "🔵", "🟢")
_MAX_REVISIONS = 10
_MAX_UNWELL = 8
"""Lines for each environment on the Home tab."""


def status(fact: StatusAnswer) -> Document:
    """One paragraph for each environment; a single environment is shown in more detail."""
    blocks: list[Block] = []
    for environment in fact.environments:
        blocks += [Divider()] if blocks else []
        blocks += _environment(environment, in_detail=len(fact.environments) == 1)
    summary = join_dots(*(f"{_emoji(each)} {each.environment}: {_summary(each)}" for each in fact.environments))
    return Document(summary=summary or line("No environments"), blocks=(*blocks, Context(line("as of ", Timestamp(fact.at)))))


def unwell(fact: UnwellServices) -> Document:
    """What does not run as it was asked for, one paragraph for each environment."""
    blocks: list[Block] = [Header("🔴 Not well")]
    for environment in fact.environments:
        name = Strong(environment.environment)
        if environment.problem:
            blocks.append(Paragraph((line("❔ ", name, " · ", environment.problem),)))
            continue
        services = sorted(environment.services, key=_rank)
        blocks.append(Paragraph((line(name), *(_service(each, in_detail=False) for each in services)), max_lines=_MAX_UNWELL))
    return Document(summary=line("Not well"), blocks=tuple(blocks))


def versions(fact: VersionsAnswer) -> Document:
    """The versions that ran in an environment, one paragraph for each service, newest first."""
    blocks: list[Block] = [Header(f"🗂️ Versions in {fact.environment}")]
    for service in fact.services:
        blocks += _revisions(service)
    hint = line("to go back: ", CommandMention(f"rollback {fact.environment} <version|#number> <service>"))
    return Document(summary=line(f"Versions in {fact.environment}"), blocks=(*blocks, Context(hint)))


def _environment(fact: EnvironmentStatus, *, in_detail: bool) -> list[Block]:
    protected = " · protected" if fact.protected else ""
    blocks: list[Block] = [Header(f"{_emoji(fact)} {fact.environment} · {_summary(fact)}{protected}")]
    if fact.problem:
        return [*blocks, Paragraph((line(fact.problem),))]
    services = tuple(_service(each, in_detail=in_detail) for each in sorted(fact.services, key=_rank))
    waiting = tuple(line("🟡 ", Code(each.id), f" {phrases.title(each.plan)} · waits for approval") for each in fact.waiting)
    blocks += [Paragraph(tuple(lock_line(each) for each in fact.locks), max_lines=5)] if fact.locks else []
    blocks += [Paragraph(services, max_lines=_MAX_SERVICES, spaced=in_detail)] if services else []
    return [*blocks, Paragraph(waiting, max_lines=5)] if waiting else blocks


def _summary(fact: EnvironmentStatus) -> str:
    if fact.problem:
        return "not known"
    if not fact.services:
        return "no services"
    emojis = [_service_emoji(each) for each in fact.services]
    changing = emojis.count("🔵")
    unwell = len(emojis) - changing - emojis.count("🟢")
    counts = [f"{unwell} of {len(emojis)} not well" if unwell else "", f"{changing} changing" if changing else ""]
    return ", ".join(filter(None, counts)) or "all well"


def _emoji(fact: EnvironmentStatus) -> str:
    if fact.problem:
        return "❔"
    emojis = {_service_emoji(each) for each in fact.services}
    return next((emoji for emoji in _WORST_FIRST if emoji in emojis), "🟢")


def _rank(fact: ServiceStatus) -> int:
    """The sick first: a list that is cut must not hide them. Those that are equally well stay in the catalogue's order."""
    return _WORST_FIRST.index(_service_emoji(fact))


def _service_emoji(fact: ServiceStatus) -> str:
    if fact.problem:
        return "❔"
    if fact.active_operation is not None:
        return "🔵"
    if fact.ready < fact.desired:
        return "🟡" if fact.ready else "🔴"
    if fact.has_arrived:
        return "🟢"
    return "🟡" if fact.obstacle else "🔵"


def _service(fact: ServiceStatus, *, in_detail: bool) -> Line:
    name = line(f"{_service_emoji(fact)} ", Strong(fact.service))
    if fact.problem:
        return stack(name, line(fact.problem))
    ready = f"{fact.ready}/{fact.desired} ready" if fact.desired else "scaled to 0"
    paused = "⏸️ paused" if fact.paused else ""
    if _runs_what_was_asked(fact):
        runs = join_dots(Code(fact.version), ready, paused)
    else:
        runs = stack(join_dots(line("runs ", _running(fact)), ready, paused), _asked(fact.version, fact.obstacle))
    now = (
        line("🔵 ", Code(fact.active_operation.id), f" {phrases.title(fact.active_operation.plan)}")
        if fact.active_operation
        else ()
    )
    if not in_detail:
        return stack(line(name, "  ", runs), now)
    since = line("since " if fact.has_arrived else "asked for ", Timestamp(fact.since)) if fact.since else ()
    scaler = f"autoscaled {fact.autoscaler.min_replicas} to {fact.autoscaler.max_replicas}" if fact.autoscaler else ""
    made_by = line("by ", Code(fact.last_operation_id)) if fact.last_operation_id else ()
    return stack(name, runs, now, join_dots(since, made_by), join_dots(scaler, owner_text(fact.owner)))


def _runs_what_was_asked(fact: ServiceStatus) -> bool:
    versions = {group.version for group in fact.pods.groups} if fact.pods else set()
    return fact.has_arrived and versions <= {fact.version}


def _running(fact: ServiceStatus) -> Line:
    if fact.pods is None:
        return line("what was not counted")
    groups = (line(Code(group.version), f" {group.ready}/{group.total}") for group in fact.pods.groups)
    return join(" and ", groups) or line("nothing")


def _asked(version: str, obstacle: Text) -> Line:
    """What was asked for, and why it is not what runs."""
    return line("asked for ", Code(version), ": ", obstacle or "it is still rolling out.")


def owner_text(fact: Owner) -> str:
    """The GitOps or Helm owner of a Deployment; empty where there is none."""
    if fact.kind is OwnerKind.NOBODY:
        return ""
    return f"{_OWNER_NAMES[fact.kind]} {fact.name}".rstrip() + (", puts changes back" if fact.reverts else "")


def _revisions(fact: ServiceVersions) -> list[Block]:
    name = line(Strong(fact.service))
    if fact.problem:
        return [Paragraph((line("❔ ", name), line(fact.problem)))]
    if not fact.lines:
        return [Paragraph((name, line("nothing ran here yet")))]
    asked = next((each for each in fact.lines if each.running), None)
    waits = () if fact.has_arrived or asked is None else (_asked(asked.version, fact.obstacle),)
    lines = (name, *waits, *(_revision(each) for each in fact.lines))
    return [Paragraph(lines, max_lines=_MAX_REVISIONS + 1 + len(waits), spaced=True)]


def _present_use(fact: VersionLine) -> str:
    """Whether it runs now and whether it is what is asked for, which are two things; empty for neither."""
    if not fact.pods:
        return "asked for now, no pod of it was counted" if fact.running else ""
    counted = f"{fact.ready} of {phrases.pluralize(fact.pods, 'pod')} ready"
    return f"runs now, {counted}" if fact.running else f"still runs, {counted}"


def _revision(fact: VersionLine) -> Line:
    now = _present_use(fact)
    first = join_dots(line("▶️ " if now else "", Code(fact.version)), revision_name(fact.revision), now)
    made_by = Code(fact.operation_id) if fact.operation_id and fact.operation_id not in fact.change_cause else None
    return stack(first, join_dots(Timestamp(fact.created_at), fact.change_cause, made_by))
