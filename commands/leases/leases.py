"""The command ``leases``."""

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from domain.errors import Denied
from domain.facts import Answer
from domain.people import Role
from runbooks.leases.service import LeaseService

router = Router()


@router.command("leases", needs=Role.VIEWER, usage="[env]", example="leases production", group="Look")
async def leases_command(request: Request, args: Arguments) -> Answer:
    """What deepecho has set for a time: silences and freezes, with owner, end, how to undo it, and whether it still holds."""
    environments = (args.environment,) if args.environment else request.visible_environments
    if not environments:
        raise Denied("You may see no environment, and so nothing that is set in one.")
    return await request.services.of(LeaseService).compare(environments)
