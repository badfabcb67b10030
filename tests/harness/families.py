"""What all families register together, for tests of one part."""

from collections.abc import Iterable
from typing import Any

from bot.components.families import FAMILIES
from bot.components.outbox import fact_kinds_of, renderer_of
from bot.components.slack import buttons_of, command_registry
from bot.interactions.buttons import ButtonCommand
from bot.interactions.reload import reload_router
from commands.core.router import Router
from commands.registry import CommandRegistry

Fact = Any
FACT_KINDS = fact_kinds_of(FAMILIES)
BUTTONS: dict[str, ButtonCommand] = buttons_of(FAMILIES)
load = FACT_KINDS.load
render = renderer_of(FAMILIES).render
render_text = renderer_of(FAMILIES).render_text
render_home = renderer_of(FAMILIES).render_home


async def _nothing_changed() -> tuple[str, ...]:
    return ()


def house_registry(extra: Iterable[Router] = ()) -> CommandRegistry:
    """All commands, and those of ``extra``."""
    return command_registry(FAMILIES, (reload_router(_nothing_changed), *extra))
