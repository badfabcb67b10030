from dataclasses import replace

import pytest

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from domain.answers.answers import ErrorAnswer, HelpAnswer, TextAnswer
from domain.facts import Answer
from domain.people import Role
from tests.harness.commands import CommandHarness
from tests.harness.families import house_registry
from tests.harness.samples.team import ANA, team_catalogue


def extra(name: str, needs: Role = Role.VIEWER) -> Router:
    router = Router()

    @router.command(name, needs=needs, usage="[what]", example=f"{name} x", group="More")
    async def more(request: Request, words: Arguments) -> Answer:
        """More, from a layer above."""
        return TextAnswer(f"more {words[0]}")

    return router


async def test_layers_above_may_add_commands(harness: CommandHarness) -> None:
    extended = replace(harness, registry=house_registry([extra("catalogue")]))
    assert await extended.run_command(ANA, "catalogue reload") == TextAnswer("more reload")
    answer = await extended.run_command(ANA, "help")
    assert isinstance(answer, HelpAnswer)
    assert "More" in [group.name for group in answer.groups]


async def test_their_denials_are_audited_too(harness: CommandHarness) -> None:
    extended = replace(harness, registry=house_registry([extra("catalogue", Role.ADMIN)]))
    assert isinstance(await extended.run_command(ANA, "catalogue reload"), ErrorAnswer)
    assert [(each.entry.what, each.entry.who) for each in await harness.audit()] == [("catalogue", ANA.person)]


def test_two_commands_of_one_name_are_an_error_of_ours() -> None:
    with pytest.raises(ValueError, match="two commands are called rollback"):
        house_registry([extra("rollback")])


def test_a_command_without_help_is_an_error_of_ours() -> None:
    router = Router()

    async def silent(request: Request, words: Arguments) -> Answer:
        return TextAnswer("")

    with pytest.raises(ValueError, match="a command's docstring is its help"):
        router.command("silent", needs=None, example="silent", group="More")(silent)


@pytest.mark.parametrize("text", ["Rollback production last --dry-run", "ROLLBACK Production last --dry-run"])
def test_phones_begin_with_a_capital(text: str) -> None:
    assert house_registry().parse(team_catalogue(), text).args.environment == "production"
