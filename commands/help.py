"""The command ``help``, generated from the registered commands."""

from collections.abc import Iterable, Mapping

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Command, Router, find_command
from commands.home import home
from domain.answers.answers import HelpAnswer, HelpGroup, HelpLine
from domain.facts import Answer
from domain.people import Role


def help_router(commands: Mapping[str, Command]) -> Router:
    """The router of ``help``. ``commands`` is read when the command runs, so that it may be filled later."""
    router = Router()

    @router.command("help", needs=None, usage="[command…]", example="help rollback", group="People")
    async def help_command(request: Request, args: Arguments) -> Answer:
        """Every command with an example, or one of them."""
        if args[0]:
            named = find_command(args.rest(0), commands)
            subcommands = [command for name, command in commands.items() if name.startswith(f"{named.name} ")]
            return HelpAnswer(groups=help_groups([named, *subcommands]))
        home_answer = None if request.member.guest or request.member.stranger else await home(request)
        return HelpAnswer(groups=help_groups(commands.values()), home=home_answer)

    return router


def help_groups(commands: Iterable[Command]) -> tuple[HelpGroup, ...]:
    """Group commands by the name of their group, in the order of registration."""
    lines_by_group: dict[str, list[HelpLine]] = {}
    for command in commands:
        line = HelpLine(
            command=command.name,
            usage=command.line,
            example=command.example,
            text=command.help_text,
            needs=command.needs if isinstance(command.needs, Role) else None,
        )
        lines_by_group.setdefault(command.group, []).append(line)
    return tuple(HelpGroup(name=name, lines=tuple(lines)) for name, lines in lines_by_group.items())
