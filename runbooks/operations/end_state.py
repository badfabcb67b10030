"""Sentences about the state of each service when an operation ends early, for all procedures."""

from domain.operations.operation import Phase, Progress
from domain.operations.outcomes import others_sentence
from domain.operations.plans import ServiceChange, VersionState
from domain.rich_text import CommandMention, Text, sentence
from domain.workloads.pod_counts import PodCounts, PodGroup, describe_group, describe_pods


def describe_end_state(
    change: ServiceChange, progress: Progress, *, certain: bool = True, pods: PodCounts | None = None, asked: str = ""
) -> tuple[Text, ...]:
    """Describe the state of one service in one or two sentences.

    ``certain`` is False if it is unknown whether the cluster has the change; ``pods`` are those counted at this moment, None if
    they could not be counted; ``asked`` is the version that the workload asks for at this moment.
    """
    name, before = change.target.service, change.before
    match progress.phase:
        case Phase.VERIFIED:
            return (_verified_sentence(change, progress) + _fewer_ready(progress, pods), *_staying(change))
        case Phase.WAITING | Phase.UNTOUCHED:
            return (f"{name} was not touched; {_runs(before, pods)}.",)
        case Phase.CHANGING if certain:
            return (f"{name} was not changed; it ran {before.label} when this was planned.",)
        case Phase.CHANGING | Phase.UNKNOWN:
            status = CommandMention(f"status {change.target.environment} {name}")
            return (sentence(f"Whether {name} was changed is not known; ", status, " shows it."),)
        case Phase.ROLLING:
            return (_unfinished_sentence(change, progress, pods, asked), *_staying(change))
        case Phase.FAILED:
            return (_unfinished_sentence(change, progress, pods, asked), *_staying(change), *_undo_hint(change))


def _staying(change: ServiceChange) -> tuple[Text, ...]:
    """The containers that were left at another image; a scaling or restart sets none."""
    return () if not change.staying or _is_scale(change) or _is_restart(change) else (others_sentence(change),)


def _verified_sentence(change: ServiceChange, progress: Progress) -> str:
    name = change.target.service
    if progress.desired == 0 and not _is_scale(change):
        return f"{name} is set to {change.after.label}, and nothing runs it: it has 0 pods."
    if _is_scale(change):
        return f"{name} has {change.after.replicas} pods, verified."
    if progress.ready < progress.desired and not change.strategy.reaches_all:
        what = "was restarted" if _is_restart(change) else f"is set to {change.after.label}"
        return f"{name} {what}; {progress.ready} of {progress.desired} pods have it, verified: {change.strategy.reason}."
    return f"{name} was restarted, verified." if _is_restart(change) else f"{name} runs {change.after.label}, verified."


def _fewer_ready(progress: Progress, pods: PodCounts | None) -> str:
    """What has changed since the verification; empty if as many pods are ready as then."""
    if pods is None or pods.ready >= progress.desired:
        return ""
    return f" Counted now, {pods.ready} of {progress.desired} pods {_are(progress.desired)} ready."


def _runs(planned: VersionState, pods: PodCounts | None) -> str:
    """What a service runs that was left alone: counted, or else as it was planned."""
    if pods is None:
        return f"it ran {planned.label} when this was planned"
    if not pods.total:
        return "it has no pods"
    if [group.version for group in pods.groups] == [planned.version] and pods.ready == pods.total:
        return f"it runs {planned.label}"
    return f"it has {describe_pods(pods)}"


def _unfinished_sentence(change: ServiceChange, progress: Progress, pods: PodCounts | None, asked: str) -> str:
    name, before, after = change.target.service, change.before, change.after
    reason = f" ({progress.detail})" if progress.detail else ""
    if _is_scale(change):
        was_set = f"{name} was set to {after.replicas} pods (there were {before.replicas})"
        return f"{was_set}; {_scaled_pods(progress, pods)}{reason}."
    was_set = f"{name} was restarted" if _is_restart(change) else f"{name} was set to {after.label}"
    if pods is None:
        seen = f"when last seen, {progress.updated} of {progress.desired} pods were new, {progress.ready} of them ready"
        return f"{was_set}; {seen}{reason}."
    if asked not in ("", after.version):
        return f"{was_set}, and by somebody else to {asked} since; it has {describe_pods(pods)}."
    new = pods.current or PodGroup(image="", is_current=True, total=0, ready=0)
    counted = f"counted now, {new.total} of {progress.desired} pods {_are(new.total)} new, {new.ready} of them ready"
    return f"{was_set}; {counted}{reason}. {_earlier_pods(change, pods)}"


def _scaled_pods(progress: Progress, pods: PodCounts | None) -> str:
    if pods is None:
        return f"when last seen, {progress.ready} of them were ready"
    return f"counted now, it has {_pods(pods.total)}, {pods.ready} of them ready"


def _earlier_pods(change: ServiceChange, pods: PodCounts) -> str:
    """What still runs of before: nothing, with a strategy that ends old pods first."""
    if not pods.earlier:
        return "No earlier pod runs." if pods.ready else "No earlier pod runs, and none is ready."
    kept = [
        describe_group(group).replace("pod", "old pod", 1) if _is_restart(change) else describe_group(group)
        for group in pods.earlier
    ]
    is_one = sum(group.total for group in pods.earlier) == 1
    return f"{' and '.join(kept)} still exist{'s' if is_one else ''}."


def _pods(number: int) -> str:
    return f"{number} pod{'' if number == 1 else 's'}"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _undo_hint(change: ServiceChange) -> tuple[Text, ...]:
    where, name = change.target.environment, change.target.service
    if _is_restart(change):
        return ()
    scale_back = f"scale {where} {name} {change.before.replicas}"
    roll_back = f"rollback {where} {change.before.name} {name}"
    return (sentence("To put it back: ", CommandMention(scale_back if _is_scale(change) else roll_back), "."),)


def _is_scale(change: ServiceChange) -> bool:
    return change.before.replicas != change.after.replicas


def _is_restart(change: ServiceChange) -> bool:
    return change.before.template_hash == change.after.template_hash and not _is_scale(change)
