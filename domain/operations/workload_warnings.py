"""Warnings of a plan about what its workloads do at this moment, and which pods a change will not reach. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from domain.operations.plans import ServiceChange, Verb
from domain.rich_text import Code, Part, Text, sentence
from domain.targets import WorkloadKind
from domain.text import join_and
from domain.workloads.deployments import OwnerKind, Workload
from domain.workloads.field_managers import FIELD_MANAGER, AppliedFields
from domain.workloads.images import version_of
from domain.workloads.pod_counts import PodCounts, describe_pods
from domain.workloads.update_strategies import describe_ordinals

Pods = Mapping[str, PodCounts]
"""Counted pods by the uid of their workload; one that could not be counted is absent."""


def state_warnings(workloads: Iterable[Workload], pods: Pods) -> tuple[Text, ...]:
    """One warning for each workload that does not run what was asked for: a plan's first version is the one that is asked for."""
    return tuple(_state_warning(each, pods.get(each.uid)) for each in workloads if _is_elsewhere(each, pods.get(each.uid)))


def strategy_warnings(changes: Iterable[ServiceChange], verb: Verb, pods: Pods) -> tuple[str, ...]:
    """One warning for each service of which pods keep their template: how many get the new one, and which do not."""
    return tuple(
        _strategy_warning(change, verb, pods.get(change.uid))
        for change in changes
        if change.strategy.kept(change.after.replicas) and verb is not Verb.SCALE
    )


def pause_warnings(workloads: Iterable[Workload], verb: Verb) -> tuple[str, ...]:
    """One warning for each paused workload whose number of pods is to change."""
    return tuple(
        f"The rollout of {each.target.service} is paused: its number of pods changes all the same, and it stays paused."
        for each in workloads
        if each.paused and verb is Verb.SCALE
    )


def conflict_warnings(workloads: Iterable[Workload], changes: Iterable[ServiceChange], verb: Verb) -> tuple[Text, ...]:
    """One warning for each program that owns by server-side apply what the change sets: its next apply will not just pass."""
    by_uid = {each.uid: each for each in workloads}
    names = dict[str, list[str]]()
    for change in changes:
        workload = by_uid[change.uid]
        # Argo CD and Flux force their applies: the warning about the owner says what then happens.
        if workload.owner.kind not in (OwnerKind.ARGO_CD, OwnerKind.FLUX):
            for applied in workload.applied:
                if _sets(applied, change, verb):
                    names.setdefault(applied.manager, []).append(change.target.service)
    return tuple(_conflict_warning(manager, services) for manager, services in names.items())


def _sets(applied: AppliedFields, change: ServiceChange, verb: Verb) -> bool:
    """Whether the change sets what the program owns. A restart adds an annotation, which nobody applies."""
    match verb:
        case Verb.SCALE:
            return applied.replicas
        case Verb.DEPLOY:
            return bool(applied.images & set(change.own_containers))
        case Verb.ROLLBACK:
            return applied.template
        case Verb.RESTART:
            return False


def _conflict_warning(manager: str, services: Sequence[str]) -> Text:
    return sentence(
        Code(manager),
        f" sets this of {join_and(services)} by server-side apply: its next apply fails with a conflict with ",
        Code(FIELD_MANAGER),
        ", or, if it forces conflicts, puts its own value back.",
    )


def _is_elsewhere(workload: Workload, pods: PodCounts | None) -> bool:
    asked = version_of(workload.image)
    return not workload.has_arrived or (pods is not None and any(group.version != asked for group in pods.groups))


def _state_warning(workload: Workload, pods: PodCounts | None) -> Text:
    service, asked = workload.target.service, version_of(workload.image)
    by: tuple[Part, ...] = (" (by ", Code(workload.template_set_by), ")") if workload.template_set_by else ()
    runs = "its pods could not be counted" if pods is None else f"it has {describe_pods(pods)}"
    reason = f" {workload.obstacle}" if workload.obstacle else " It is still rolling out." if not workload.has_arrived else ""
    return sentence(f"{service} does not run just what was asked for: that is {asked}", *by, f", and {runs}.{reason}")


def _strategy_warning(change: ServiceChange, verb: Verb, pods: PodCounts | None) -> str:
    strategy, replicas = change.strategy, change.after.replicas
    reached, rolls = strategy.reached(replicas) or "none", "restarts" if verb is Verb.RESTART else "rolls"
    what = f"{change.target.service}: {strategy.reason}, so this {rolls} {reached} of its {replicas} pods."
    versions = sorted({group.version for group in pods.groups}) if pods else []
    now = f" ({join_and(versions)})" if versions else ""
    them = "it" if strategy.kept(replicas) == 1 else "them"
    until = f" until somebody deletes {them}" if strategy.on_delete else f", even if somebody deletes {them}"
    return f"{what} {_kept_names(change)} what runs there now{now}{until}."


def _kept_names(change: ServiceChange) -> str:
    strategy, replicas = change.strategy, change.after.replicas
    is_numbered = change.target.kind is WorkloadKind.STATEFUL_SET
    names = describe_ordinals(strategy.kept_ordinals(replicas)) if is_numbered else f"all {replicas}"
    return f"{names[0].upper()}{names[1:]} {'keeps' if strategy.kept(replicas) == 1 else 'keep'}"
