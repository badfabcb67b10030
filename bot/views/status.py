"""How the environments stand, and what ran in them."""

from bot.views import phrases
from bot.views.locks import lock_line
from bot.views.markup.document import Block, Lines, Page, Rule, Small, Title
from bot.views.markup.spans import Code, Line, Strong, When, dotted, line, rows, sentence
from domain.answers.answers import (
    EnvironmentStatus,
    ServiceStatus,
    ServiceVersions,
    StatusAnswer,
    VersionLine,
    VersionsAnswer,
)
from domain.workloads.deployments import Owner, OwnerKind

_OWNERS = {OwnerKind.HELM: "Helm", OwnerKind.ARGO_CD: "Argo CD", OwnerKind.FLUX: "Flux"}
_SERVICES = 20
_REVISIONS = 10


def status(fact: StatusAnswer) -> Page:
    """One paragraph for each environment; one alone is told in more detail than several."""
    blocks: list[Block] = []
    for environment in fact.environments:
        blocks += [Rule()] if blocks else []
        blocks += _environment(environment, in_detail=len(fact.environments) == 1)
    told = dotted(*(f"{_sign(each)} {each.environment}: {_in_short(each)}" for each in fact.environments))
    return Page(summary=told or line("No environments"), blocks=(*blocks, Small(line("as of ", When(fact.at)))))


def versions(fact: VersionsAnswer) -> Page:
    """What ran in an environment, a paragraph for each service, newest first."""
    blocks: list[Block] = [Title(f"🗂️ Versions in {fact.environment}")]
    for service in fact.services:
        blocks += _revisions(service)
    hint = line("to go back: ", Code(f"/deepecho rollback {fact.environment} <version>"))
    return Page(summary=line(f"Versions in {fact.environment}"), blocks=(*blocks, Small(hint)))


def _environment(fact: EnvironmentStatus, *, in_detail: bool) -> list[Block]:
    protected = " · protected" if fact.protected else ""
    blocks: list[Block] = [Title(f"{_sign(fact)} {fact.environment} · {_in_short(fact)}{protected}")]
    if fact.problem:
        return [*blocks, Lines((sentence(fact.problem, ()),))]
    services = tuple(_service(each, in_detail=in_detail) for each in fact.services)
    waiting = tuple(line("🟡 ", Code(each.id), f" {phrases.title(each.plan)} · waits for approval") for each in fact.waiting)
    blocks += [Lines(tuple(lock_line(each) for each in fact.locks), most=5)] if fact.locks else []
    blocks += [Lines(services, most=_SERVICES, is_airy=in_detail)] if services else []
    return [*blocks, Lines(waiting, most=5)] if waiting else blocks


def _in_short(fact: EnvironmentStatus) -> str:
    if fact.problem:
        return "not known"
    if not fact.services:
        return "no services"
    signs = [_service_sign(each) for each in fact.services]
    changing = signs.count("🔵")
    unwell = len(signs) - changing - signs.count("🟢")
    counts = [f"{unwell} of {len(signs)} not well" if unwell else "", f"{changing} changing" if changing else ""]
    return ", ".join(filter(None, counts)) or "all well"


def _sign(fact: EnvironmentStatus) -> str:
    if fact.problem:
        return "❔"
    signs = {_service_sign(each) for each in fact.services}
    return next((sign for sign in ("🔴", "🟡", "❔", "🔵") if sign in signs), "🟢")


def _service_sign(fact: ServiceStatus) -> str:
    if fact.problem:
        return "❔"
    if fact.operation is not None:
        return "🔵"
    if fact.ready >= fact.desired:
        return "🟢"
    return "🟡" if fact.ready else "🔴"


def _service(fact: ServiceStatus, *, in_detail: bool) -> Line:
    name = line(f"{_service_sign(fact)} ", Strong(fact.service))
    if fact.problem:
        return rows(name, sentence(fact.problem, ()))
    pods = f"{fact.ready}/{fact.desired} ready" if fact.desired else "scaled to 0"
    runs = dotted(Code(fact.version), pods, "⏸️ paused" if fact.paused else "")
    now = line("🔵 ", Code(fact.operation.id), f" {phrases.title(fact.operation.plan)}") if fact.operation else ()
    if not in_detail:
        return rows(line(name, "  ", runs), now)
    since = line("since ", When(fact.since)) if fact.since else ()
    scaler = f"autoscaled {fact.autoscaler.minimum} to {fact.autoscaler.maximum}" if fact.autoscaler else ""
    made_by = line("by ", Code(fact.made_by)) if fact.made_by else ()
    return rows(name, runs, now, dotted(since, made_by), dotted(scaler, owner(fact.owner)))


def owner(fact: Owner) -> str:
    """Who else writes it; empty where nobody does."""
    if fact.kind is OwnerKind.NOBODY:
        return ""
    return f"{_OWNERS[fact.kind]} {fact.name}".rstrip() + (", puts changes back" if fact.reverts else "")


def _revisions(fact: ServiceVersions) -> list[Block]:
    name = line(Strong(fact.service))
    if fact.problem:
        return [Lines((line("❔ ", name), sentence(fact.problem, ())))]
    if not fact.lines:
        return [Lines((name, line("nothing ran here yet")))]
    return [Lines((name, *(_revision(each) for each in fact.lines)), most=_REVISIONS + 1, is_airy=True)]


def _revision(fact: VersionLine) -> Line:
    first = dotted(line("▶️ " if fact.running else "", Code(fact.version)), "runs now" if fact.running else "")
    made_by = Code(fact.operation) if fact.operation and fact.operation not in fact.change_cause else None
    return rows(first, dotted(When(fact.created_at), fact.change_cause, made_by))
