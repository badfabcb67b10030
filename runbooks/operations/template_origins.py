"""Which operation set the template of a workload and of its revisions, proven by the plan that is stored."""

from collections.abc import Mapping
from dataclasses import replace

from domain.operations.operation import OperationRecord
from domain.operations.plans import Verb
from domain.targets import Target
from domain.workloads.deployments import Revision, Workload
from storage.store import Store


async def with_proven_operations(store: Store, found: Mapping[Target, Workload]) -> Mapping[Target, Workload]:
    """The workloads, naming only operations that set the very template: an annotation may have been carried on by others."""
    ids = {revision.operation_id for workload in found.values() for revision in workload.revisions}
    ids = (ids | {workload.operation_id for workload in found.values()}) - {""}
    async with store.read() as tx:
        records = {operation_id: await tx.operations.get(operation_id) for operation_id in sorted(ids)}
    return {target: _with_proven(workload, records) for target, workload in found.items()}


def _with_proven(workload: Workload, records: Mapping[str, OperationRecord | None]) -> Workload:
    revisions = tuple(
        revision
        if _has_set(records.get(revision.operation_id), workload.target, revision)
        else replace(revision, operation_id="")
        for revision in workload.revisions
    )
    present = next((item for item in revisions if item.template_hash == workload.template_hash), None)
    last = records.get(workload.operation_id)
    # A ControllerRevision that is used again keeps the annotations with which it was made; the workload names who used it.
    if present is not None and last is not None and _has_set(last, workload.target, present):
        revisions = tuple(replace(item, operation_id=last.id) if item is present else item for item in revisions)
        return replace(workload, revisions=revisions, template_set_by=last.id)
    return replace(workload, revisions=revisions, template_set_by=present.operation_id if present else "")


def _has_set(record: OperationRecord | None, target: Target, revision: Revision) -> bool:
    """Whether the operation set the template of this revision. One that is no longer stored cannot be asked."""
    if record is None:
        return True
    change = next((change for change in record.plan.changes if change.target == target), None)
    if change is None or record.verb is Verb.SCALE:
        return False
    # A restart's own template has the time of the restart in it, which its plan does not know.
    is_restart = record.verb is Verb.RESTART
    if is_restart:
        return change.after.image == revision.image
    altered = record.progress_of(target.service).altered_template
    return revision.template_hash == (altered or change.after.template_hash)
