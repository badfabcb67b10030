"""What people look at in clusters: counts first, problems first, short lines for a phone."""

from datetime import datetime

from bot.views import phrases
from bot.views.markup.document import Block, Context, Document, Header, Paragraph
from bot.views.markup.spans import Line, Strong, join_dots, line, stack
from domain.answers.workloads import (
    AutoscalersAnswer,
    ClusterPlace,
    DescribeAnswer,
    EventsAnswer,
    NodesAnswer,
    PodsAnswer,
    RolloutAnswer,
    UsageAnswer,
)
from domain.rich_text import Code, CommandMention, Timestamp
from domain.text import and_more, format_duration, join_and
from domain.workloads.deployments import Revision, Workload
from domain.workloads.images import version_of
from domain.workloads.listings import ContainerSpec, ListedAutoscaler, ListedEvent, ListedNode, ListedPod, PodUsage
from domain.workloads.quantities import cpu_text, memory_text
from domain.workloads.revisions import revision_name

_MAX_LINES = 25
_MAX_NAMES = 12


def pods(fact: PodsAnswer) -> Document:
    """How many are well, which versions they run, and the pods, those with problems first."""
    title = f"{_worst(fact.well < fact.total)} {_where(fact.place)}: {_well(fact.well, fact.total, 'pod')}"
    lines = tuple(_pod(each, fact.place.at) for each in fact.pods)
    images = join_dots(*(line(Code(version), f" on {phrases.pluralize(count, 'pod')}") for version, count in fact.images))
    return _listing(fact.place, title, lines, images, _listed(len(lines), fact.total))


def events(fact: EventsAnswer) -> Document:
    """Warnings first, the newest first."""
    warnings = f"{phrases.pluralize(fact.warnings, 'kind')} of warnings" if fact.warnings else "no warnings"
    title = f"{_worst(fact.warnings > 0)} {_where(fact.place)}: {warnings}"
    lines = tuple(_event(each, fact.place.at) for each in fact.events)
    return _listing(fact.place, title, lines, line("since ", Timestamp(fact.since)), _listed(len(lines), fact.total))


def nodes(fact: NodesAnswer) -> Document:
    """Nodes, those with problems first."""
    title = f"{_worst(fact.well < fact.total)} {_where(fact.place)}: {_well(fact.well, fact.total, 'node')}"
    lines = tuple(_node(each, fact.place.at) for each in fact.nodes)
    return _listing(fact.place, title, lines, _listed(len(lines), fact.total))


def autoscalers(fact: AutoscalersAnswer) -> Document:
    """Autoscalers, those that cannot scale first."""
    unwell = any(each.problems for each in fact.autoscalers)
    title = f"{_worst(unwell)} {_where(fact.place)}: {phrases.pluralize(len(fact.autoscalers), 'autoscaler')}"
    return _listing(fact.place, title, tuple(_autoscaler(each, fact.place.at) for each in fact.autoscalers))


def usage(fact: UsageAnswer) -> Document:
    """The sums, then the pods, the most hungry first."""
    sums = f"{cpu_text(fact.cpu)} of processor, {memory_text(fact.memory)} of memory"
    title = f"📊 {_where(fact.place)}: {phrases.pluralize(fact.total, 'pod')} use {sums}"
    lines = tuple(_usage(each) for each in fact.pods)
    return _listing(fact.place, title, lines, _listed(len(lines), fact.total))


def rollout(fact: RolloutAnswer) -> Document:
    """How far it is, what holds it up, and the revisions, newest first."""
    workload = fact.workload
    if workload is None:
        return _listing(fact.place, f"❔ {_where(fact.place)}", ())
    title = f"{_progress_emoji(workload)} {_where(fact.place)}: {_progress(workload)}"
    lines = [line(workload.obstacle)] if workload.obstacle else []
    lines += [_pod(each, fact.place.at) for each in fact.pods]
    lines += [_revision(each, workload, fact.place.at) for each in fact.revisions]
    back = line("to go back: ", CommandMention(f"rollback {fact.place.environment} last {fact.place.service}"))
    return _listing(fact.place, title, tuple(lines), back)


def describe(fact: DescribeAnswer) -> Document:
    """The workload in a few paragraphs. Of its settings only the names are shown."""
    workload = fact.workload
    if workload is None:
        return _listing(fact.place, f"❔ {_where(fact.place)}", ())
    blocks: list[Block] = [Header(f"{_progress_emoji(workload)} {_where(fact.place)}: {_progress(workload)}")]
    blocks.append(Paragraph(_about(workload, fact.place.at)))
    blocks += [Paragraph(_container(each)) for each in fact.containers]
    if fact.pods:
        blocks.append(Paragraph(tuple(_pod(each, fact.place.at) for each in fact.pods), max_lines=15))
    if fact.warnings:
        warnings = tuple(_event(each, fact.place.at) for each in fact.warnings)
        blocks.append(Paragraph((line(Strong("Warnings of the last hour")), *warnings)))
    problems = [fact.place.problem, *(f"{name}: {problem}" for name, problem in fact.missing.items())]
    blocks += [Paragraph(tuple(line("❔ ", each) for each in problems if each))] if any(problems) else []
    return Document(summary=line(_where(fact.place)), blocks=(*blocks, Context(line("as of ", Timestamp(fact.place.at)))))


def _listing(place: ClusterPlace, title: str, lines: tuple[Line, ...], *notes: Line) -> Document:
    if place.problem and not lines:
        title = f"❔ {_where(place)}: not known"
    blocks: list[Block] = [Header(title)]
    blocks += [Paragraph((line("❔ ", place.problem),))] if place.problem else []
    blocks += [Paragraph(lines, max_lines=_MAX_LINES)] if lines else []
    blocks.append(Context(join_dots(*notes, line("as of ", Timestamp(place.at)))))
    return Document(summary=line(title), blocks=tuple(blocks))


def _well(well: int, total: int, noun: str) -> str:
    return f"{well:,} of {phrases.pluralize(total, noun)} well"


def _listed(listed: int, total: int) -> Line:
    return line(f"the first {listed:,} of {total:,}") if listed < total else ()


def _where(place: ClusterPlace) -> str:
    return f"{place.service} in {place.environment}" if place.service else place.environment


def _worst(is_bad: bool) -> str:  # noqa: FBT001
    return "🔴" if is_bad else "🟢"


def _pod(pod: ListedPod, now: datetime) -> Line:
    emoji = "🟢" if pod.is_well else "🟡" if pod.state in ("Running", "Pending", "ContainerCreating", "Terminating") else "🔴"
    restarts = ""
    if pod.restarts:
        last = f", last {_ago(pod.restarted_at, now)}" if pod.restarted_at else ""
        restarts = f"{phrases.pluralize(pod.restarts, 'restart')}{last}"
    ready = "" if pod.is_done else f"{pod.ready}/{pod.containers} ready"
    first = join_dots(line(f"{emoji} ", Code(pod.name)), pod.state, ready, restarts, f"age {_age(pod.created_at, now)}")
    return stack(first, line(pod.problem)) if pod.problem else first


def _event(event: ListedEvent, now: datetime) -> Line:
    count = f"{event.count:,} times" if event.count > 1 else ""
    first = join_dots(
        line("🔴 " if event.is_warning else "▫️ ", Strong(event.reason)),
        line(f"{event.kind} ", Code(event.name)),
        count,
        _ago(event.last_at, now),
    )
    return stack(first, line(event.message)) if event.message else first


def _node(node: ListedNode, now: datetime) -> Line:
    size = [
        f"{node.cpu:g} processors" if node.cpu is not None else "",
        memory_text(node.memory) if node.memory is not None else "",
        f"{node.pods:g} pods" if node.pods is not None else "",
    ]
    state = "not ready" if not node.is_ready else "closed for new pods" if node.is_cordoned else "ready"
    emoji = "🟢" if node.is_well else "🔴" if not node.is_ready else "🟡"
    first = join_dots(line(f"{emoji} ", Code(node.name)), state, node.version, node.zone, f"age {_age(node.created_at, now)}")
    return stack(first, line(", ".join(filter(None, size))), *(line(problem) for problem in node.problems))


def _autoscaler(scaler: ListedAutoscaler, now: datetime) -> Line:
    emoji = "🔴" if scaler.problems else "🟡" if scaler.is_at_maximum else "🟢"
    size = f"{scaler.current} pods of {scaler.minimum} to {scaler.maximum}"
    wants = f"wants {scaler.desired}" if scaler.desired != scaler.current else ""
    limit = "at its maximum" if scaler.is_at_maximum else ""
    scaled = f"scaled {_ago(scaler.scaled_at, now)}" if scaler.scaled_at else ""
    first = join_dots(line(f"{emoji} ", Strong(scaler.target or scaler.name)), size, wants, limit, scaled)
    return stack(first, line(join_and(scaler.metrics) if scaler.metrics else ""), *(line(each) for each in scaler.problems))


def _usage(pod: PodUsage) -> Line:
    return join_dots(line(Code(pod.name)), cpu_text(pod.cpu), memory_text(pod.memory))


def _progress(workload: Workload) -> str:
    if workload.paused:
        return f"paused, {workload.ready}/{workload.replicas} ready"
    if workload.has_arrived:
        return f"rolled out, {workload.ready}/{workload.replicas} ready"
    return f"{'stuck' if workload.obstacle else 'rolling out'}, {workload.ready}/{workload.replicas} ready"


def _progress_emoji(workload: Workload) -> str:
    if workload.obstacle:
        return "🔴"
    return "🟢" if workload.has_arrived and not workload.paused else "🔵"


def _revision(revision: Revision, workload: Workload, now: datetime) -> Line:
    is_present = revision.number == workload.revision
    by = line(Code(revision.operation_id)) if revision.operation_id else line(revision.change_cause)
    number = line("▶️ " if is_present else "▫️ ", revision_name(revision.number), " ", Code(version_of(revision.image)))
    return join_dots(number, f"{revision.replicas} pods" if revision.replicas else "", _ago(revision.created_at, now), by)


def _about(workload: Workload, now: datetime) -> tuple[Line, ...]:
    target, scaler = workload.target, workload.autoscaler
    scaled = f"autoscaled {scaler.min_replicas} to {scaler.max_replicas}" if scaler else ""
    owner = f"managed by {workload.owner.kind.value} {workload.owner.name}".rstrip() if workload.owner.name else ""
    kind = f"{target.kind} {target.deployment} in namespace {target.namespace} of cluster {target.cluster}"
    changed = line("last changed by ", Code(workload.operation_id)) if workload.operation_id else ()
    return (
        line(kind),
        join_dots(
            phrases.pluralize(workload.replicas, "replica"), scaled, owner, f"age {_age(workload.created_at, now)}", changed
        ),
    )


def _container(container: ContainerSpec) -> tuple[Line, ...]:
    name = line(Strong(f"{'init ' if container.is_init else ''}container {container.name}"), " ", Code(container.image))
    amounts = join_dots(
        line(f"asks for {join_and(container.requests)}") if container.requests else "asks for nothing",
        line(f"at most {join_and(container.limits)}") if container.limits else "no limits",
    )
    ports = f"ports {join_and([str(port) for port in container.ports])}" if container.ports else ""
    probes = f"probes: {join_and(container.probes)}" if container.probes else "" if container.is_init else "no probes"
    shown, more = container.environment[:_MAX_NAMES], len(container.environment) - _MAX_NAMES
    settings = f"settings: {', '.join(shown)}{f' {and_more(more)}' if more > 0 else ''}" if shown else ""
    return (name, amounts, join_dots(ports, probes), line(settings))


def _age(since: datetime, now: datetime) -> str:
    return format_duration(now - since)


def _ago(at: datetime | None, now: datetime) -> str:
    return f"{format_duration(now - at)} ago" if at else ""
