"""Take back the change that is under suspicion. From here on it is a rollback like every other, approvals and all."""

from dataclasses import replace

from commands.alerts.alerts import alert_id
from commands.core.arguments import LONGEST_TEXT, Words
from commands.core.quoting import SLASH, written
from commands.core.request import Request
from commands.core.router import Router
from commands.core.usage import Usage
from commands.operations.deploy import ROLLBACK
from commands.operations.start import ask, planner
from domain.alerts.alerts import AlertGroup, GroupState
from domain.alerts.remediation import Undo, undo_of
from domain.answers.answers import Answer, Started
from domain.errors import Refused
from domain.operations.plans import Plan
from domain.operations.version_selection import VersionUnclear
from domain.policies import Action
from domain.redaction import redact
from runbooks.alerts.service import Wish

router = Router()

USAGE = "<alert> [--reason …] [--dry-run]"


@router.command("rollback-suspect", needs=Action.ROLLBACK, usage=USAGE, example="rollback-suspect al-k7m2", group="Alerts")
async def rollback_suspect_command(request: Request, words: Words) -> Answer:
    """Roll back the change that is the suspect of an alert group, to what ran before it. The reason is filled in."""
    group = await request.services.alerts.find(alert_id(words[0]))
    undo = _allowed(request, group)
    words = replace(words, flags={**words.flags, "reason": words.reason or _reason(group)})
    try:
        plan = _cautioned(await _plan(request, undo), group)
    except VersionUnclear as unclear:
        offered = (replace(each, command=_command(undo, each.version)) for each in unclear.choices.choices)
        return replace(unclear.choices, choices=tuple(offered))
    answer = await ask(request, words, plan, command=_again(group, words))
    if isinstance(answer, Started):
        wish = Wish(group=group.id, by=request.member, source=request.key)
        await request.services.alerts.taken_back(wish, answer.record.id)
    return answer


def _allowed(request: Request, group: AlertGroup) -> Undo:
    """What to do, for whoever may ask for it there. Raises ``Denied`` or ``Refused``."""
    known = request.catalogue.environments
    needed = known[group.environment].rule(Action.ROLLBACK).needs if group.environment in known else None
    if needed is not None:
        request.require(needed, group.environment)
    undo = undo_of(group)
    if undo.environment not in known:
        raise Refused(f"The catalogue no longer has the environment {undo.environment}, so nothing was rolled back.")
    request.require(known[undo.environment].rule(Action.ROLLBACK).needs, undo.environment)
    if gone := [each for each in undo.services if each not in request.catalogue.services]:
        raise Refused(f"The catalogue no longer has {' and '.join(gone)}, so nothing was rolled back.")
    return undo


async def _plan(request: Request, undo: Undo) -> Plan:
    """Exactly the services of the suspect. Raises ``VersionUnclear`` or ``Refused``."""
    one = undo.services[0] if len(undo.services) == 1 else None
    plan = await planner(request).rollback(undo.environment, undo.version, one)
    if set(plan.services) != set(undo.services):
        each = " ".join(f"`{_command(undo, undo.version, name)}`" for name in undo.services)
        raise Refused(
            f"{undo.version} does not fit {' and '.join(undo.services)} together and nothing else, so each goes back by itself: "
            f"{each} Nothing was changed."
        )
    return plan


def _cautioned(plan: Plan, group: AlertGroup) -> Plan:
    """With a word on what else it takes back: somebody may have changed the version since the suspect did."""
    brought = group.suspect.change.what if group.suspect else ""
    since = tuple(
        f"{each.target.service} runs {each.before.version} by now, which did not come with the suspect ({brought}): "
        "this takes back what came after it too."
        for each in plan.changes
        if each.before.version not in brought.split()
    )
    return replace(plan, warnings=(*since, *plan.warnings))


def _command(undo: Undo, version: str, service: str = "") -> str:
    named = service or (undo.services[0] if len(undo.services) == 1 else "")
    return f"{SLASH} {written(Usage.of('rollback', ROLLBACK), [undo.environment, version, named], {})}"


def _again(group: AlertGroup, words: Words) -> str:
    flags = {flag: value for flag, value in words.flags.items() if flag != "dry-run"}
    return f"{SLASH} {written(Usage.of('rollback-suspect', USAGE), [group.id], flags)}"


def _reason(group: AlertGroup) -> str:
    """``HighErrorRate (al-k7m2), suspect op-h3c9``."""
    change = group.suspect.change if group.suspect else None
    suspect = f", suspect {change.operation or f'{change.what} of {change.at:%d %b %H:%M} UTC'}" if change else ""
    over = group.state is GroupState.RESOLVED and group.resolved_at is not None
    resolved = f", resolved at {group.resolved_at:%H:%M} UTC" if over else ""
    # Secrets go before the cut: half of one would not be recognised.
    title = redact(group.title)[: LONGEST_TEXT - 150]
    return redact(f"{title} ({group.id}{resolved}){suspect}")[:LONGEST_TEXT]
