"""What people type to page somebody, to look at a page, to rehearse, and to acknowledge."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from commands.paging.pages import acknowledge_page
from domain.answers.answers import ErrorAnswer, Form, TextAnswer
from domain.answers.paging import PageAnswer
from domain.catalogue.catalogue import Catalogue
from domain.facts import Answer
from domain.people import Member
from domain.rich_text import plain_text
from runbooks.paging.rehearsal import RehearsalService
from runbooks.paging.service import PagingService
from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.families import render_text
from tests.harness.paging import PagingHarness, paging_catalogue, paging_service
from tests.harness.samples.team import RAY, VIV, member

LEE = member("U0LEE", "lee")


@dataclass
class PageCommands:
    """Commands with paging behind them."""

    commands: CommandHarness
    paging: PagingHarness

    async def run(self, who: Member, text: str) -> Answer:
        return await self.commands.run_command(who, text)

    async def says(self, who: Member, text: str) -> str:
        answer = await self.run(who, text)
        assert isinstance(answer, TextAnswer | ErrorAnswer), answer
        hint = plain_text(answer.hint) if isinstance(answer, ErrorAnswer) else ""
        words = answer.sentence if isinstance(answer, ErrorAnswer) else answer.text
        return " ".join(filter(None, (plain_text(words), hint)))

    async def page_id(self) -> str:
        await self.paging.work()
        return self.paging.notes[-1].page_id


async def opened(folder: Path, catalogue: Catalogue) -> AsyncIterator[PageCommands]:
    async with open_command_harness(folder, catalogue) as commands:
        paging = PagingHarness(commands.services.store, catalogue, clock=commands.clock)
        service = paging_service(paging)
        rehearsals = RehearsalService(
            store=paging.store, clock=paging.clock, catalogue=lambda: catalogue, paging=service, notify_outbox=lambda: None
        )
        known = {**commands.services.family_services, PagingService: service, RehearsalService: rehearsals}
        acknowledgers = {"pg": acknowledge_page, "pb": acknowledge_page}
        services = replace(commands.services, family_services=known, acknowledgers=acknowledgers)
        yield PageCommands(replace(commands, services=services), paging)


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[PageCommands]:
    async for each in opened(tmp_path, paging_catalogue(test={"channel": "C0TEST"})):
        yield each


async def test_a_team_is_paged_and_its_page_acknowledged_by_the_one_command(harness: PageCommands) -> None:
    said = await harness.says(RAY, "page platform the database is full")
    page_id = await harness.page_id()
    assert said == (
        f"{page_id}: calling whoever is on call for platform now. Without an answer 1 more steps of the P1 policy follow. "
        f"The card shows each attempt; so does `page show {page_id}`."
    )
    assert harness.paging.pagerduty.triggers() == ["platform"]
    assert str(harness.paging.pagerduty.sent[0][0].title) == "the database is full"
    shown = await harness.run(VIV, f"page show {page_id}")
    assert isinstance(shown, PageAnswer)
    assert "PagerDuty (platform) to ana: accepted by the service" in render_text(shown)
    assert "You have it: ask-envelope-0. Nobody else is called." in await harness.says(RAY, f"ack {page_id.upper()}")
    assert "was acknowledged already by @U0RESPONDER" in await harness.says(RAY, f"ack {page_id}")


async def test_the_page_of_a_security_incident_is_unknown_to_others_than_those_who_were_called(
    harness: PageCommands,
) -> None:
    await harness.paging.request(is_private=True, whom=(f"person:{VIV.person.user_id}",))
    page_id = await harness.page_id()
    assert await harness.says(RAY, f"page show {page_id}") == f"There is no page `{page_id}`."
    assert isinstance(await harness.run(VIV, f"page show {page_id}"), PageAnswer)


@pytest.mark.parametrize("whom", ["lee", "@lee", "<@U0LEE|lee>"])
async def test_a_person_is_paged_by_name_or_mention(harness: PageCommands, whom: str) -> None:
    await harness.says(RAY, f"page {whom} please look --severity P0")
    await harness.page_id()
    (page,) = [note for note in harness.paging.notes if note.kind == "calling"]
    assert str(page.text) == "Call 1 of 3: lee."


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("page plattform help", "“plattform” is neither a team nor a person of the catalogue. Did you mean `platform`?"),
        ("page platform help --severity P9", "“P9” is no severity. There are P0, P1, P2 and P3."),
        ("page platform help --severity P3", "The catalogue has no paging policy for P3; it has P0, P1. Nobody was called."),
        ("page show inc-x4k2", "“inc-x4k2” is not the id of a page."),
        ("ack pg-none", "There is no page `pg-none`. The message that called you names it."),
        ("page test nobody", "“nobody” is neither a team nor a person of the catalogue."),
    ],
)
async def test_what_cannot_be_is_answered_in_words_and_calls_nobody(harness: PageCommands, text: str, says: str) -> None:
    assert says in await harness.says(RAY, text)
    await harness.paging.work()
    assert harness.paging.pagerduty.sent == []


async def test_without_the_role_nobody_is_called(harness: PageCommands) -> None:
    assert "You may not use `page` in any environment." in await harness.says(VIV, "page platform help")


async def test_what_is_missing_is_asked_for_with_the_teams_and_people_to_choose_from(harness: PageCommands) -> None:
    form = harness.commands.form("page")
    assert isinstance(form, Form)
    request = harness.commands.request(RAY)
    filled = await harness.commands.registry.load_options(request, form)
    (whom,) = [field for field in filled.fields if field.id == "whom"]
    assert [option.value for option in whom.options] == ["platform", "ana", "lee", "mia"]


async def test_a_rehearsal_is_started_and_says_how_long_it_waits(harness: PageCommands) -> None:
    said = await harness.says(RAY, "page test")
    assert said.endswith("Whoever is on call for platform has 10 min to acknowledge; the card reports.")
    await harness.paging.work()
    assert [message.is_test for message, _ in harness.paging.sms.sent] == [True]


async def test_where_the_catalogue_says_nothing_of_paging_it_is_said(tmp_path: Path) -> None:
    without = paging_catalogue().model_copy(update={"paging": None})
    async for harness in opened(tmp_path, without):
        assert "The catalogue says nothing of paging" in await harness.says(RAY, "page platform help")
