"""How forms ask for an alert group, a silence's duration and labels."""

from collections.abc import Mapping

from commands.core.fields import MAX_OPTIONS, ArgumentField
from commands.core.request import Request
from domain.alerts.silences import OnNew
from domain.answers.answers import Form, FormOption


async def _alert_options(request: Request, form: Form) -> tuple[FormOption, ...]:
    """The groups that fire; of a silence that exists, those that are silenced."""
    is_silenced = form.command in ("unsilence", "silence extend", "silence let-end")
    async with request.services.store.read() as tx:
        groups, _ = await tx.alerts.search(
            environments=request.visible_environments,
            firing=None if is_silenced else True,
            silenced=True if is_silenced else None,
            limit=MAX_OPTIONS,
        )
    return tuple(
        FormOption(
            value=group.id,
            label=f"{group.id} · {group.title}",
            hint=" · ".join(filter(None, [group.severity.value, group.environment, group.service])),
        )
        for group in groups
    )


async def _on_new_options(_request: Request, _form: Form) -> tuple[FormOption, ...]:
    return (
        FormOption(value=OnNew.TELL.value, label="Say so in the thread"),
        FormOption(value=OnNew.LIFT.value, label="Lift the silence"),
    )


FIELDS: Mapping[str, ArgumentField] = {
    "alert": ArgumentField(label="Alert", load_options=_alert_options),
    "for": ArgumentField(label="For how long", hint="Like 90m, 4h or 1d. More than 4h needs the role sre; 30d is the most."),
    "later": ArgumentField(label="How much longer, or until when", hint="Like 1h, 18:00 or tomorrow 9:00."),
    "on-new": ArgumentField(label="If something new fires under it", load_options=_on_new_options),
    "more-than": ArgumentField(label="Only if more alerts fire than", hint="Like 5. Empty: any new alert counts."),
    "labels": ArgumentField(label="Labels", hint="Like alertname=HighErrorRate severity=critical."),
}
