"""Versions of a Deployment that no operation of the bot brought: kubectl, Helm, Argo CD or a pipeline did. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from domain.changes.own_changes import changed_services
from domain.changes.platform_changes import ChangeKind, PlatformChange
from domain.operations.operation import OperationRecord
from domain.operations.plans import Verb
from domain.text import first_names
from domain.workloads.deployments import RESTARTED_AT_ANNOTATION, Revision, Template, Workload, template_differences
from domain.workloads.field_managers import FieldManager, FieldManagers
from domain.workloads.images import version_of
from domain.workloads.revisions import name_in_commands

BOT_FIELD_MANAGER = "deepecho"
"""The field manager under which the bot itself writes."""
_KNOWN_PROGRAMS = ("argocd", "flux", "helm", "kubectl")
"""Programs whose change causes begin with their name. Any other change cause is a sentence of a person."""
_CLOCK_SKEW = timedelta(seconds=30)
"""Maximum difference between the bot's clock and the cluster's, which records whole seconds."""
_MERGE_INTERVAL = timedelta(minutes=2)
"""Equal changes within this time count as one: a ``helm upgrade`` changes several Deployments one after the other."""
_MAX_DIFFERENCES = 3
"""Maximum number of differences between templates that are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalChange:
    """A version that started to run: when, what ran before, and by which field manager, if that is known."""

    workload: Workload
    revision: Revision
    previous: Revision | None
    at: datetime
    reactivated: bool = False
    """An earlier ReplicaSet was activated again, as ``kubectl rollout undo`` does."""
    manager: FieldManager | None = None
    operation: OperationRecord | None = None
    """The operation that made the change without recording it, because the cluster's answer was lost."""

    @property
    def same_image(self) -> bool:
        """Whether only the rest of the template changed. Then the two templates have to be compared."""
        return self.previous is not None and self.previous.image == self.revision.image


def external_changes(
    workload: Workload, managers: FieldManagers, operations: Iterable[OperationRecord], since: datetime
) -> tuple[ExternalChange, ...]:
    """The versions that started to run since then and that none of these operations recorded, oldest first."""
    records = {record.id: record for record in operations}
    changes = [_reactivation(workload, managers)]
    for revision in workload.revisions:
        record = _originating_operation(workload, revision, records)
        # An operation that recorded the service as changed is reported by ``own_changes``.
        if record is None or workload.target.service not in [each.service for each in changed_services(record)]:
            changes.append(_external_change(workload, revision, managers, record))
    return tuple(sorted((each for each in changes if each and since <= each.at), key=lambda each: each.at))


def _external_change(
    workload: Workload, revision: Revision, managers: FieldManagers, record: OperationRecord | None
) -> ExternalChange:
    manager = managers.image if revision.number == workload.revision else None
    return ExternalChange(
        workload=workload,
        revision=revision,
        previous=_predecessor(workload, revision),
        at=revision.created_at,
        manager=manager if manager and abs(manager.at - revision.created_at) <= _CLOCK_SKEW else None,
        operation=record,
    )


def _reactivation(workload: Workload, managers: FieldManagers) -> ExternalChange | None:
    """The reactivation of the revision that runs now, if another program activated an earlier ReplicaSet again.

    Such a ReplicaSet keeps its creation time, so that only the field manager's time tells when. Earlier reactivations leave no
    trace.
    """
    manager = managers.image
    current = next((each for each in workload.revisions if each.number == workload.revision), None)
    if current is None or manager is None or manager.name == BOT_FIELD_MANAGER:
        return None
    # Without a newer ReplicaSet this one was never left. A write that is older than a newer ReplicaSet did not activate it.
    newer = [each.created_at for each in workload.revisions if each.created_at > current.created_at]
    if not newer or manager.at < max(newer):
        return None
    previous = max((each for each in workload.revisions if each.number < current.number), key=_revision_number, default=None)
    return ExternalChange(
        workload=workload, revision=current, previous=previous, at=manager.at, reactivated=True, manager=manager
    )


def _originating_operation(
    workload: Workload, revision: Revision, records: Mapping[str, OperationRecord]
) -> OperationRecord | None:
    """The operation that created this ReplicaSet.

    The annotation is not enough: a ReplicaSet inherits that of the Deployment, which names the last operation, and ``scale``
    writes it to the ReplicaSet that runs.
    """
    service, record = workload.target.service, records.get(revision.operation_id)
    if record is None or record.verb is Verb.SCALE or service not in record.plan.services:
        return None
    change = next(each for each in record.plan.changes if each.target.service == service)
    if record.verb is not Verb.RESTART:
        return record if change.after.template_hash == revision.template_hash else None
    # A restart's plan does not know the new template's hash: the first ReplicaSet since the restart began is its own.
    not_before = (record.progress_of(service).started_at or record.requested_at) - _CLOCK_SKEW
    candidates = [each for each in workload.revisions if each.operation_id == record.id and each.created_at >= not_before]
    return record if candidates and revision.number == min(map(_revision_number, candidates)) else None


def _predecessor(workload: Workload, revision: Revision) -> Revision | None:
    """The revision that ran before this one.

    It has the next lower number, unless it was activated again since and got a higher one: then creation times decide.
    """
    older = [each for each in workload.revisions if _creation_order(each) < _creation_order(revision)]
    lower = max((each for each in older if each.number < revision.number), key=_revision_number, default=None)
    renumbered = max((each for each in older if each.number > revision.number), key=_creation_order, default=None)
    return max((each for each in (lower, renumbered) if each is not None), key=_creation_order, default=None)


def _creation_order(revision: Revision) -> tuple[datetime, int]:
    return revision.created_at, revision.number


def _revision_number(revision: Revision) -> int:
    return revision.number


def change_from_external(change: ExternalChange, templates: Mapping[str, Template]) -> PlatformChange:
    """Describe an external change. ``templates``, by hash, are compared if the image is the same; some may be missing."""
    target, previous, operation = change.workload.target, change.previous, change.operation
    kind, what = _template_change(change, templates) if change.same_image else _version_change(change)
    replaced = previous if kind in (ChangeKind.DEPLOY, ChangeKind.ROLLBACK) else None
    return PlatformChange(
        kind=kind,
        environment=target.environment,
        services=(target.service,),
        at=change.at,
        description=what,
        by=operation.requested_by if operation else None,
        by_manager="" if operation else _program_name(change),
        operation_id=operation.id if operation else "",
        previous_versions={target.service: name_in_commands(replaced, change.workload)} if replaced else {},
    )


def _version_change(change: ExternalChange) -> tuple[ChangeKind, str]:
    version, image = version_of(change.revision.image), change.revision.image
    earlier = [each for each in change.workload.revisions if _creation_order(each) < _creation_order(change.revision)]
    if change.reactivated or any(each.image == image for each in earlier):
        return ChangeKind.ROLLBACK, f"rollback to {version}"
    return ChangeKind.DEPLOY, f"deploy {version}"


def _template_change(change: ExternalChange, templates: Mapping[str, Template]) -> tuple[ChangeKind, str]:
    target, previous = change.workload.target, change.previous
    before = templates.get(previous.template_hash) if previous else None
    after = templates.get(change.revision.template_hash)
    if before is None or after is None:
        return ChangeKind.CONFIG, f"another template of {target.service}"
    names = template_differences(before, after, target.container)
    if names == ("annotations",) and _restarted_at(before) != _restarted_at(after):
        return ChangeKind.RESTART, f"restart of {target.service}"
    return ChangeKind.CONFIG, f"{first_names(names, _MAX_DIFFERENCES)} of {target.service}"


def _restarted_at(template: Template) -> str:
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(RESTARTED_AT_ANNOTATION, ""))


def _program_name(change: ExternalChange) -> str:
    """The program that did it. A change cause that was there before is left over from the change before."""
    cause = change.revision.change_cause
    if change.manager is not None and not (change.same_image and not change.reactivated):
        return change.manager.name
    if change.previous is not None and cause == change.previous.change_cause:
        return ""
    program = cause.partition(" ")[0]
    return program if program in _KNOWN_PROGRAMS else ""


def merge_simultaneous(changes: Iterable[PlatformChange]) -> tuple[PlatformChange, ...]:
    """The same version brought to several services by the same hand within two minutes is one change."""
    merged: list[PlatformChange] = []
    for _, alike in groupby(sorted(changes, key=_merge_key), key=lambda each: _merge_key(each)[:4]):
        for change in alike:
            if merged and _merge_key(merged[-1])[:4] == _merge_key(change)[:4] and change.at - merged[-1].at <= _MERGE_INTERVAL:
                merged[-1] = _merge(merged[-1], change)
            else:
                merged.append(change)
    return tuple(sorted(merged, key=lambda each: (each.at, each.description)))


def _merge_key(change: PlatformChange) -> tuple[str, str, str, str, datetime]:
    return change.kind.value, change.description, change.by_manager, change.operation_id, change.at


def _merge(first: PlatformChange, second: PlatformChange) -> PlatformChange:
    services = tuple(dict.fromkeys((*first.services, *second.services)))
    return replace(first, services=services, previous_versions={**second.previous_versions, **first.previous_versions})
