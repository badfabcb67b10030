"""The command ``/deepecho reload``, which reads the catalogue again, all of it or nothing. SIGHUP does the same."""

from collections.abc import Awaitable, Callable

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import LookUp, Router
from domain.answers.answers import TextAnswer
from domain.audit import new_entry
from domain.facts import Answer
from domain.people import Role
from domain.text import and_more

Reload = Callable[[], Awaitable[tuple[str, ...]]]
"""Reads the catalogue and returns the differences, one a line. On ``CatalogueError`` the old catalogue stays."""

_MAX_CHANGES = 20


def reload_router(reload: Reload) -> Router:
    """A router with the one command."""
    router = Router()

    @router.command("reload", needs=Role.ADMIN, usage="", example="reload", group="Set up", look_up=LookUp.FRESH)
    async def reload_command(request: Request, arguments: Arguments) -> Answer:  # noqa: ARG001 -- a command's signature
        """Read the catalogue again, all of it or nothing, and say what changed."""
        changed = await reload()
        entry = new_entry(
            key=f"{request.key}/reload",
            at=request.at,
            who=request.person,
            what="reload",
            subject="catalogue",
            outcome="; ".join(changed) or "nothing changed",
        )
        async with request.services.store.write() as tx:
            await tx.audit.append(entry)
        return TextAnswer(describe_changes(changed))

    return router


def describe_changes(changed: tuple[str, ...]) -> str:
    """The differences as one text for Slack, at most ``_MAX_CHANGES`` of them."""
    if not changed:
        return "The catalogue was read again. Nothing in it has changed."
    lines = [*changed[:_MAX_CHANGES], *filter(None, [and_more(len(changed) - _MAX_CHANGES)])]
    return "\n".join(["The catalogue was read again. What changed:", *(f"• {line}" for line in lines)])
