"""The command ``leases``."""

from dataclasses import replace

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from domain.errors import Denied
from domain.facts import Answer
from domain.people import Role
from runbooks.leases.service import LeaseService

router = Router()


@router.command("leases", needs=Role.VIEWER, usage="[env] [--mine]", example="leases production", group="Look")
async def leases_command(request: Request, args: Arguments) -> Answer:
    """What deepecho has set for a time: silences, freezes, scales, groups; with owner, end, what undoes it, whether it holds."""
    environments = (args.environment,) if args.environment else request.visible_environments
    if not environments:
        raise Denied("You may see no environment, and so nothing that is set in one.")
    compared = await request.services.of(LeaseService).compare(environments, shared=not args.environment)
    found = replace(compared, reader=request.person)
    if "mine" not in args.flags:
        return found
    mine = tuple(each for each in found.readings if each.lease.owner == request.person)
    orphans = tuple(each for each in found.orphans if each.owner == request.person)
    return replace(found, readings=mine, orphans=orphans, only_mine=True)
