"""Versions of a Deployment that came without an operation of ours: by kubectl, Helm, Argo CD, a pipeline."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from domain.changes.own_changes import touched
from domain.changes.platform_changes import ChangeKind, PlatformChange
from domain.operations.operation import OperationRecord
from domain.operations.plans import Verb
from domain.workloads.deployments import RESTARTED_AT, Revision, Template, Workload, differences
from domain.workloads.field_managers import Hand, Hands
from domain.workloads.versions import version_of

MANAGER = "deepecho"
"""The name under which the bot itself writes."""
_PROGRAMS = ("argocd", "flux", "helm", "kubectl")
"""A change cause begins with the program that wrote it; anything else is a sentence of a person."""
_SKEW = timedelta(seconds=30)
"""Between the bot's clock and the cluster's, which notes whole seconds."""
_TOGETHER = timedelta(minutes=2)
"""One ``helm upgrade`` changes several Deployments, one after the other."""
_NAMED = 3
"""How many differences of a template are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A version that came: when, after which, by whose hand, where that is known."""

    workload: Workload
    revision: Revision
    previous: Revision | None
    at: datetime
    again: bool = False
    """An earlier ReplicaSet was taken up again, as ``kubectl rollout undo`` does."""
    hand: Hand | None = None
    operation: OperationRecord | None = None
    """The operation of ours that made it and does not know: its cluster's answer was lost."""

    @property
    def same_image(self) -> bool:
        """Only the rest of the template changed: the two templates have to be compared to name it."""
        return self.previous is not None and self.previous.image == self.revision.image


def steps(workload: Workload, hands: Hands, operations: Iterable[OperationRecord], since: datetime) -> tuple[Step, ...]:
    """The versions that came since then and that none of these operations tells of, oldest first."""
    records = {record.id: record for record in operations}
    found = [_again(workload, hands)]
    for revision in workload.revisions:
        record = _maker(workload, revision, records)
        if record is None or workload.target.service not in [each.service for each in touched(record)]:
            found.append(_made(workload, revision, hands, record))
    return tuple(sorted((each for each in found if each and since <= each.at), key=lambda each: each.at))


def _made(workload: Workload, revision: Revision, hands: Hands, record: OperationRecord | None) -> Step:
    hand = hands.image if revision.number == workload.revision else None
    return Step(
        workload=workload,
        revision=revision,
        previous=_before(workload, revision),
        at=revision.created_at,
        hand=hand if hand and abs(hand.at - revision.created_at) <= _SKEW else None,
        operation=record,
    )


def _again(workload: Workload, hands: Hands) -> Step | None:
    """An earlier version that was put back: its ReplicaSet keeps its first date, so that only the hand that did it tells when.

    That is known of the one that runs now, and of no earlier one.
    """
    hand = hands.image
    runs = next((each for each in workload.revisions if each.number == workload.revision), None)
    if runs is None or hand is None or hand.manager == MANAGER:
        return None
    newer = [each.created_at for each in workload.revisions if each.created_at > runs.created_at]
    if not newer or hand.at < max(newer):
        return None
    previous = max((each for each in workload.revisions if each.number < runs.number), key=_number, default=None)
    return Step(workload=workload, revision=runs, previous=previous, at=hand.at, again=True, hand=hand)


def _maker(workload: Workload, revision: Revision, records: Mapping[str, OperationRecord]) -> OperationRecord | None:
    """The operation that made this ReplicaSet.

    The annotation alone does not say so: a ReplicaSet inherits the Deployment's, which names the last operation, and a
    ``scale`` writes it onto the one that runs.
    """
    service, record = workload.target.service, records.get(revision.operation_id)
    if record is None or record.verb is Verb.SCALE or service not in record.plan.services:
        return None
    change = next(each for each in record.plan.changes if each.target.service == service)
    if record.verb is not Verb.RESTART:
        return record if change.after.template_hash == revision.template_hash else None
    began = (record.of(service).started_at or record.requested_at) - _SKEW
    same = [each for each in workload.revisions if each.operation_id == record.id and each.created_at >= began]
    return record if same and revision.number == min(map(_number, same)) else None


def _before(workload: Workload, revision: Revision) -> Revision | None:
    """What ran before this came.

    By number, unless it was taken up again since and has a higher one; then by date.
    """
    older = [each for each in workload.revisions if _age(each) < _age(revision)]
    lower = max((each for each in older if each.number < revision.number), key=_number, default=None)
    moved = max((each for each in older if each.number > revision.number), key=_age, default=None)
    return max((each for each in (lower, moved) if each is not None), key=_age, default=None)


def _age(revision: Revision) -> tuple[datetime, int]:
    return revision.created_at, revision.number


def _number(revision: Revision) -> int:
    return revision.number


def made_by_step(step: Step, templates: Mapping[str, Template]) -> PlatformChange:
    """What came with a version. ``templates`` by their hash, as far as they are kept, are compared where the image stayed."""
    target, previous, operation = step.workload.target, step.previous, step.operation
    kind, what = _same_version(step, templates) if step.same_image else _other_version(step)
    moved = previous if kind in (ChangeKind.DEPLOY, ChangeKind.ROLLBACK) else None
    return PlatformChange(
        kind=kind,
        environment=target.environment,
        services=(target.service,),
        at=step.at,
        what=what,
        by=operation.requested_by if operation else None,
        by_name="" if operation else _who(step),
        operation=operation.id if operation else "",
        before={target.service: version_of(moved.image)} if moved else {},
    )


def _other_version(step: Step) -> tuple[ChangeKind, str]:
    version, image = version_of(step.revision.image), step.revision.image
    earlier = [each for each in step.workload.revisions if _age(each) < _age(step.revision)]
    if step.again or any(each.image == image for each in earlier):
        return ChangeKind.ROLLBACK, f"rollback to {version}"
    return ChangeKind.DEPLOY, f"deploy {version}"


def _same_version(step: Step, templates: Mapping[str, Template]) -> tuple[ChangeKind, str]:
    target, previous = step.workload.target, step.previous
    before = templates.get(previous.template_hash) if previous else None
    after = templates.get(step.revision.template_hash)
    if before is None or after is None:
        return ChangeKind.CONFIG, f"another template of {target.service}"
    found = differences(before, after, target.container)
    if found == ("annotations",) and _restarted(before) != _restarted(after):
        return ChangeKind.RESTART, f"restart of {target.service}"
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ChangeKind.CONFIG, f"{', '.join(found[:_NAMED])}{more} of {target.service}"


def _restarted(template: Template) -> str:
    notes = (template.get("metadata") or {}).get("annotations") or {}
    return str(notes.get(RESTARTED_AT, ""))


def _who(step: Step) -> str:
    """The program that did it. A change cause that was there before is left over from the change before."""
    cause = step.revision.change_cause
    if step.hand is not None and not (step.same_image and not step.again):
        return step.hand.manager
    if step.previous is not None and cause == step.previous.change_cause:
        return ""
    program = cause.partition(" ")[0]
    return program if program in _PROGRAMS else ""


def together(changes: Iterable[PlatformChange]) -> tuple[PlatformChange, ...]:
    """The same version brought to several services by the same hand within two minutes is one change."""
    found: list[PlatformChange] = []
    for _, alike in groupby(sorted(changes, key=_sameness), key=lambda each: _sameness(each)[:4]):
        for change in alike:
            if found and _sameness(found[-1])[:4] == _sameness(change)[:4] and change.at - found[-1].at <= _TOGETHER:
                found[-1] = _joined(found[-1], change)
            else:
                found.append(change)
    return tuple(sorted(found, key=lambda each: (each.at, each.what)))


def _sameness(change: PlatformChange) -> tuple[str, str, str, str, datetime]:
    return change.kind.value, change.what, change.by_name, change.operation, change.at


def _joined(first: PlatformChange, second: PlatformChange) -> PlatformChange:
    services = tuple(dict.fromkeys((*first.services, *second.services)))
    return replace(first, services=services, before={**second.before, **first.before})
