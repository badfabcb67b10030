"""Sentences about the state of each service when an operation ends early, for all procedures."""

from domain.operations.operation import Phase, Progress
from domain.operations.plans import ServiceChange
from domain.rich_text import CommandMention, Text, sentence


def describe_end_state(change: ServiceChange, progress: Progress, *, certain: bool = True) -> tuple[Text, ...]:
    """Describe the state of one service in one or two sentences.

    ``certain`` is False if it is unknown whether the cluster has the change.
    """
    name, before = change.target.service, change.before.label
    match progress.phase:
        case Phase.VERIFIED:
            return (_verified_sentence(change, progress),)
        case Phase.WAITING | Phase.UNTOUCHED:
            return (f"{name} was not touched; it runs {before}.",)
        case Phase.CHANGING if certain:
            return (f"{name} was not changed; it ran {before} when this was planned.",)
        case Phase.CHANGING:
            status = CommandMention(f"status {change.target.environment} {name}")
            return (sentence(f"Whether {name} was changed is not known; ", status, " shows it."),)
        case Phase.ROLLING:
            return (_unfinished_sentence(change, progress),)
        case Phase.FAILED:
            return (_unfinished_sentence(change, progress), *_undo_hint(change))


def _verified_sentence(change: ServiceChange, progress: Progress) -> str:
    name = change.target.service
    if progress.desired == 0 and not _is_scale(change):
        return f"{name} is set to {change.after.label}, and nothing runs it: it has 0 pods."
    if _is_scale(change):
        return f"{name} has {change.after.replicas} pods, verified."
    return f"{name} was restarted, verified." if _is_restart(change) else f"{name} runs {change.after.label}, verified."


def _unfinished_sentence(change: ServiceChange, progress: Progress) -> str:
    name, before, after = change.target.service, change.before, change.after
    reason = f" ({progress.detail})" if progress.detail else ""
    if _is_scale(change):
        was_set = f"{name} was set to {after.replicas} pods (there were {before.replicas})"
        return f"{was_set}; when last seen, {progress.ready} of them were ready{reason}."
    seen = f"when last seen, {progress.updated} of {progress.desired} pods were new, {progress.ready} of them ready{reason}."
    old_pods = "Its old pods" if _is_restart(change) else f"Pods of {before.label}"
    old_pods_hint = f" {old_pods} keep running until the new ones are ready." if progress.ready < progress.desired else ""
    return f"{name} {'was restarted' if _is_restart(change) else f'was set to {after.label}'}; {seen}{old_pods_hint}"


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
