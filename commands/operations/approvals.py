"""The commands ``approve``, ``reject``, ``cancel`` and ``operations``.

``runbooks.operations.service`` checks permissions and audits refusals.
"""

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from commands.operations.operation_id import parse_operation_id
from domain.answers.answers import OperationsAnswer, TextAnswer
from domain.facts import Answer
from domain.operations.operation import Decision, State
from domain.people import Role
from domain.rich_text import sentence
from runbooks.operations.service import OperationService

router = Router()

MAX_OPERATIONS_SHOWN = 20


@router.command("approve", needs=None, usage="<id>", example="approve op-k7m2", group="Decide")
async def approve_command(request: Request, args: Arguments) -> Answer:
    """Say yes, as a second person, to what somebody asked for. The same as the button on its card."""
    record = await request.services.of(OperationService).decide(
        parse_operation_id(args[0]), request.member, Decision.APPROVED, source=request.key
    )
    if record.state is State.DRIFTED:
        return TextAnswer(sentence(f"{record.id} was ended: ", record.outcome, " Nothing was changed."))
    return TextAnswer(f"You approved {record.id}. Its card shows how it goes.")


@router.command("reject", needs=None, usage="<id> [why…]", example='reject op-k7m2 "the window is closed"', group="Decide")
async def reject_command(request: Request, args: Arguments) -> Answer:
    """Say no, as a second person, to what somebody asked for."""
    record = await request.services.of(OperationService).decide(
        parse_operation_id(args[0]), request.member, Decision.REJECTED, args.rest(1), source=request.key
    )
    if record.state is State.DRIFTED:
        return TextAnswer(sentence(f"{record.id} was ended: ", record.outcome, " Nothing was changed."))
    return TextAnswer(f"You rejected {record.id}. Nothing was changed.")


@router.command("cancel", needs=None, usage="<id>", example="cancel op-k7m2", group="Decide")
async def cancel_command(request: Request, args: Arguments) -> Answer:
    """Stop an operation: at once while it waits, at the next safe point while it runs."""
    record = await request.services.of(OperationService).cancel(parse_operation_id(args[0]), request.member, source=request.key)
    if record.state.final:
        return TextAnswer(f"You cancelled {record.id}. Nothing was changed.")
    return TextAnswer(f"{record.id} stops at the next safe point. Its card will say what stands.")


@router.command("operations", needs=Role.VIEWER, usage="[env]", example="operations production", group="Look")
async def operations_command(request: Request, args: Arguments) -> Answer:
    """Operations that wait or run, and the last ones that ended, newest first."""
    environment = args.environment or None
    async with request.services.store.read() as tx:
        running = await tx.operations.recent(environment=environment, unfinished=True, limit=MAX_OPERATIONS_SHOWN)
        recent = await tx.operations.recent(environment=environment, limit=MAX_OPERATIONS_SHOWN)
    # Unfinished ones are read on their own: many newer ones that have ended would push them off the list.
    by_id = {record.id: record for record in (*running, *recent)}
    visible = [record for record in by_id.values() if request.catalogue.has_role(request.member, Role.VIEWER, record.environment)]
    newest = sorted(visible, key=lambda record: record.requested_at, reverse=True)
    where = f" in {environment}" if environment else ""
    return OperationsAnswer(title=f"Operations{where}", operations=tuple(newest))
