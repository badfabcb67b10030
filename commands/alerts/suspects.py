"""The command ``rollback-suspect``: starts an ordinary rollback, with its approval, of an alert group's suspect."""

from dataclasses import replace

from commands.alerts.alerts import parse_alert_id
from commands.core.arguments import MAX_TEXT_LENGTH, Arguments
from commands.core.quoting import format_command
from commands.core.request import Request
from commands.core.router import Router
from commands.core.usage import Usage
from commands.operations.start import ROLLBACK_USAGE, planner, start_operation
from domain.alerts.alerts import AlertGroup, GroupState
from domain.alerts.remediation import RollbackTarget, rollback_of
from domain.answers.answers import OperationStarted
from domain.errors import Refused
from domain.facts import Answer
from domain.operations.plans import Plan
from domain.operations.version_selection import AmbiguousVersion
from domain.policies import Action
from domain.redaction import redact
from domain.rich_text import CommandMention, join, sentence
from runbooks.alerts.service import AlertRequest, AlertService

router = Router()

ROLLBACK_SUSPECT_USAGE = "<alert> [--reason …] [--dry-run]"


@router.command(
    "rollback-suspect",
    needs=Action.ROLLBACK,
    usage=ROLLBACK_SUSPECT_USAGE,
    example="rollback-suspect al-k7m2",
    group="Alerts",
    audit_action="rollback",
)
async def rollback_suspect_command(request: Request, args: Arguments) -> Answer:
    """Roll back the change that is the suspect of an alert group, to what ran before it. The reason is filled in."""
    group = await request.services.of(AlertService).find(parse_alert_id(args[0]))
    target = _authorize_rollback(request, group)
    args = replace(args, flags={**args.flags, "reason": args.reason or _default_reason(group)})
    try:
        plan = _with_warnings(await _plan_rollback(request, target), group)
    except AmbiguousVersion as ambiguous:
        choices = (
            replace(choice, command=_rollback_command(target, choice.name, choice.only_service))
            for choice in ambiguous.choices.choices
        )
        return replace(ambiguous.choices, choices=tuple(choices))
    answer = await start_operation(request, args, plan, command=_command_line(group, args))
    # After the start: a crash in between loses only the note in the thread.
    if isinstance(answer, OperationStarted):
        alert_request = AlertRequest(group=group.id, by=request.member, source=request.key)
        await request.services.of(AlertService).note_rollback(alert_request, answer.record.id)
    return answer


def _authorize_rollback(request: Request, group: AlertGroup) -> RollbackTarget:
    """What to roll back, if the person may do so. Raises ``Denied`` or ``Refused``."""
    environments = request.catalogue.environments
    required_role = environments[group.environment].rule(Action.ROLLBACK).needs if group.environment in environments else None
    # Checked for the group first: whoever may not act there should not learn of its suspect.
    if required_role is not None:
        request.require(required_role, group.environment)
    target = rollback_of(group)
    if target.environment not in environments:
        raise Refused(f"The catalogue no longer has the environment {target.environment}, so nothing was rolled back.")
    request.require(environments[target.environment].rule(Action.ROLLBACK).needs, target.environment)
    if gone := [name for name in target.services if name not in request.catalogue.services]:
        raise Refused(f"The catalogue no longer has {' and '.join(gone)}, so nothing was rolled back.")
    return target


async def _plan_rollback(request: Request, target: RollbackTarget) -> Plan:
    """Plan the rollback of exactly the suspect's services. Raises ``AmbiguousVersion`` or ``Refused``."""
    service = target.services[0] if len(target.services) == 1 else None
    plan = await planner(request).rollback(target.environment, target.version, service)
    if set(plan.services) != set(target.services):
        suggestions = join(" ", (CommandMention(_rollback_command(target, target.version, name)) for name in target.services))
        refusal = f"{target.version} does not fit {' and '.join(target.services)} together and nothing else, "
        raise Refused(sentence(refusal, "so each goes back by itself: ", suggestions, " Nothing was changed."))
    return plan


def _with_warnings(plan: Plan, group: AlertGroup) -> Plan:
    """Add a warning for each service whose version has changed since the suspect: the rollback reverts that too."""
    suspect_change = group.suspect.change.description if group.suspect else ""
    warnings = tuple(
        f"{change.target.service} runs {change.before.version} by now, which did not come with the suspect ({suspect_change}): "
        "this takes back what came after it too."
        for change in plan.changes
        if change.before.version not in suspect_change.split()
    )
    return replace(plan, warnings=(*warnings, *plan.warnings))


def _rollback_command(target: RollbackTarget, version: str, service: str = "") -> str:
    service_name = service or (target.services[0] if len(target.services) == 1 else "")
    positional = [target.environment, version, service_name]
    return format_command(Usage.parse("rollback", ROLLBACK_USAGE), positional, {})


def _command_line(group: AlertGroup, args: Arguments) -> str:
    flags = {flag: value for flag, value in args.flags.items() if flag != "dry-run"}
    return format_command(Usage.parse("rollback-suspect", ROLLBACK_SUSPECT_USAGE), [group.id], flags)


def _default_reason(group: AlertGroup) -> str:
    """The default reason, such as ``HighErrorRate (al-k7m2), suspect op-h3c9``."""
    change = group.suspect.change if group.suspect else None
    suspect = f", suspect {change.operation_id or f'{change.description} of {change.at:%d %b %H:%M} UTC'}" if change else ""
    is_resolved = group.state is GroupState.RESOLVED and group.resolved_at is not None
    resolved = f", resolved at {group.resolved_at:%H:%M} UTC" if is_resolved else ""
    # Redact before cutting: half of a secret would not be recognised.
    title = redact(group.title)[: MAX_TEXT_LENGTH - 150]
    return redact(f"{title} ({group.id}{resolved}){suspect}")[:MAX_TEXT_LENGTH]
