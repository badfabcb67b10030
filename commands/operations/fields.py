"""How forms ask for a version, an operation, a temporary scale and a number of pods."""

from collections.abc import Mapping

from commands.core.fields import MAX_OPTIONS, ArgumentField
from commands.core.request import Request
from commands.operations.start import planner
from domain.answers.answers import FieldKind, Form, FormOption
from domain.leases.lease import LeaseKind
from domain.operations.operation import State
from domain.operations.version_selection import LAST
from storage.leases import LeaseRepository


async def _version_options(request: Request, form: Form) -> tuple[FormOption, ...]:
    fields = {each.id: each for each in form.fields}
    service = fields["service"].value or None
    found = await planner(request).versions(fields["env"].value, service)
    # Without a service a revision's number says nothing: every service counts its own.
    versions = [each for each in found if service or not each.revision]
    last = (FormOption(value=LAST, label="last", hint="The last different version"),) if versions else ()
    return last + tuple(
        FormOption(value=each.name, label=each.label, hint=f"{', '.join(each.services)} · {each.created_at:%d %b %H:%M} UTC")
        for each in versions
    )


async def _operation_options(request: Request, _: Form) -> tuple[FormOption, ...]:
    async with request.services.store.read() as tx:
        operations = await tx.operations.recent(unfinished=True, limit=MAX_OPTIONS)
    return tuple(
        FormOption(
            value=operation.id,
            label=f"{operation.id} · {operation.verb.value} {', '.join(operation.plan.services)} in {operation.environment}",
            hint="waits for an approval" if operation.state is State.WAITING else "is running",
        )
        for operation in operations
    )


async def _scale_options(request: Request, _: Form) -> tuple[FormOption, ...]:
    async with request.services.store.read() as tx:
        found = await tx.of(LeaseRepository).standing(request.visible_environments, request.at)
    scales = [lease for lease in found if lease.kind is LeaseKind.SCALE]
    return tuple(
        FormOption(value=lease.key, label=f"{lease.key} · {lease.environment}", hint=lease.purpose)
        for lease in scales[:MAX_OPTIONS]
    )


FIELDS: Mapping[str, ArgumentField] = {
    "version": ArgumentField(label="Version", hint="A tag like main-abc1234."),
    "sha|tag|last": ArgumentField(
        label="Version",
        hint=f"A tag, a SHA of six or more characters, {LAST}, or a revision like #12.",
        load_options=_version_options,
        needs_environment=True,
    ),
    "id": ArgumentField(label="Operation", load_options=_operation_options),
    "scale": ArgumentField(label="Temporary scale", load_options=_scale_options),
    "n": ArgumentField(label="Number of pods", kind=FieldKind.NUMBER),
}
