"""The command ``whoami``: a person's roles and permissions."""

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from commands.home import permissions_by_environment
from domain.answers.answers import WhoAmI
from domain.facts import Answer
from domain.people import Role

router = Router()


@router.command("whoami", needs=None, example="whoami", group="People")
async def whoami_command(request: Request, args: Arguments) -> Answer:  # noqa: ARG001 -- every command is called alike
    """How the bot knows you, and what you may do where."""
    member = request.member
    return WhoAmI(
        person=member.person,
        name=member.name,
        guest=member.guest,
        stranger=member.stranger,
        time_zone=member.time_zone,
        permissions=permissions_by_environment(request.catalogue, member),
        security=Role.SECURITY in request.catalogue.roles_of(member, None),
    )
