"""What takes effect at once is done by who Slack says people are now, not by what was looked up some minutes ago."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from commands.home import home
from domain.answers.answers import ErrorAnswer
from domain.catalogue.catalogue import Catalogue
from domain.facts import Answer
from domain.people import Member, Person
from domain.rich_text import plain_text
from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.rights import OUTAGE, gone
from tests.harness.samples.team import ANA, SAM, VIV, catalogue_data

GRID_ID = "W0ANAGRID1"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[CommandHarness]:
    """Sam is admin, and Ana's account of the Grid is a viewer."""
    data = catalogue_data()
    data["roles"]["*"]["viewer"].append(GRID_ID)
    data["roles"]["*"]["admin"] = [SAM.person.user_id]
    async with open_command_harness(tmp_path, Catalogue.model_validate(data)) as opened:
        yield opened


async def is_locked(harness: CommandHarness, environment: str = "production") -> bool:
    async with harness.services.store.read() as tx:
        return await tx.locks.environment_lock(environment, harness.clock.now()) is not None


def refusal(answer: Answer) -> str:
    assert isinstance(answer, ErrorAnswer), answer
    return plain_text(answer.sentence)


async def test_who_has_left_neither_locks_nor_unlocks_nor_reloads(harness: CommandHarness) -> None:
    await harness.run_command(ANA, "lock staging moving")
    for who in (ANA, SAM):
        harness.directory.change(gone(who))
    refusal(await harness.run_command(ANA, "lock production mine now"))
    refusal(await harness.run_command(ANA, "unlock staging"))
    refusal(await harness.run_command(SAM, "reload"))
    assert (await is_locked(harness), await is_locked(harness, "staging")) == (False, True)
    denied = [entry.entry.what for entry in await harness.audit() if entry.entry.outcome.startswith("denied")]
    assert denied == ["reload", "unlock", "lock"]


async def test_while_slack_is_silent_production_can_be_locked_and_not_unlocked(harness: CommandHarness) -> None:
    harness.directory.outage = OUTAGE
    await harness.run_command(ANA, "lock production database move")
    assert await is_locked(harness)
    assert OUTAGE in refusal(await harness.run_command(ANA, "unlock production"))
    assert OUTAGE in refusal(await harness.run_command(SAM, "reload"))
    assert await is_locked(harness)


@pytest.mark.parametrize("who", [ANA, SAM])
async def test_who_may_still_do_it_does_it(harness: CommandHarness, who: Member) -> None:
    await harness.run_command(ANA, "lock production moving")
    await harness.run_command(who, "unlock production")
    assert not await is_locked(harness)


async def test_ones_own_lock_is_offered_under_another_id_of_the_account(harness: CommandHarness) -> None:
    shared = frozenset({GRID_ID})
    elsewhere = replace(ANA, person=Person("U0ANAELSE", ANA.person.team_id), other_ids=shared)
    harness.directory.change(replace(ANA, other_ids=shared))
    await harness.run_command(ANA, "lock production moving")
    assert (await home(harness.request(elsewhere))).own_locks == {"production"}
    assert (await home(harness.request(replace(elsewhere, other_ids=frozenset({VIV.person.user_id}))))).own_locks == frozenset()
    harness.directory.outage = OUTAGE
    assert (await home(harness.request(elsewhere))).own_locks == frozenset()
    assert (await home(harness.request(ANA))).own_locks == {"production"}
