"""Help, made from the commands themselves."""

from collections.abc import Iterable, Mapping

from commands.core.arguments import Words
from commands.core.request import Request
from commands.core.router import Command, Router, command_named
from commands.home import home
from domain.answers.answers import Answer, HelpAnswer, HelpGroup, HelpLine
from domain.people import Role


def help_router(commands: Mapping[str, Command]) -> Router:
    """The command that shows the others; ``commands`` is read when it is called, so that it knows every one."""
    router = Router()

    @router.command("help", needs=None, usage="[command…]", example="help rollback", group="People")
    async def help_command(request: Request, words: Words) -> Answer:
        """Every command with an example, or one of them."""
        if words[0]:
            named = command_named(words.rest(0), commands)
            longer = [each for name, each in commands.items() if name.startswith(f"{named.name} ")]
            return HelpAnswer(groups=groups([named, *longer]))
        here = None if request.member.guest or request.member.stranger else await home(request)
        return HelpAnswer(groups=groups(commands.values()), here=here)

    return router


def groups(commands: Iterable[Command]) -> tuple[HelpGroup, ...]:
    """Commands under the names of their groups, in the order of the menu."""
    found: dict[str, list[HelpLine]] = {}
    for each in commands:
        line = HelpLine(
            command=each.name,
            usage=each.line,
            example=each.example,
            text=each.text,
            needs=each.needs if isinstance(each.needs, Role) else None,
        )
        found.setdefault(each.group, []).append(line)
    return tuple(HelpGroup(name=name, lines=tuple(lines)) for name, lines in found.items())
