"""What a person sees who looks for dashboards, with Grafana as it should be and otherwise."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from domain.answers.answers import ErrorAnswer
from domain.answers.dashboards import DashboardsAnswer
from domain.catalogue.catalogue import Catalogue
from domain.dashboards.pictures import PanelPicture, is_panel
from integrations.grafana import open_grafana
from runbooks.dashboards.pictures import PanelPictures
from runbooks.dashboards.search import DashboardSearch
from sandbox.grafana import StandInGrafana
from sandbox.grafana.model import Trouble
from sandbox.grafana.render_api import png
from storage.outbox import OutboxRow
from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.families import load, render, render_text
from tests.harness.operations import NO_RATE_LIMITS
from tests.harness.samples.team import GUS, VIV, team_catalogue
from tests.harness.wait import wait_until


def with_grafana(address: str) -> Catalogue:
    """Every environment has the same Grafana, and the main service a dashboard there."""
    known = team_catalogue()
    environments = {name: each.model_copy(update={"grafana": address}) for name, each in known.environments.items()}
    main = known.services["deep-echo-main"].model_copy(update={"dashboard": "deep-echo-main"})
    return known.model_copy(update={"environments": environments, "services": {**known.services, "deep-echo-main": main}})


@dataclass(frozen=True)
class DashHarness:
    commands: CommandHarness
    grafana: StandInGrafana
    pictures: PanelPictures

    async def sent_picture(self) -> PanelPicture:
        """The picture that is in the outbox, once it is."""
        task = asyncio.create_task(self.pictures.run())
        try:
            await wait_until(self._has_picture)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        row = await self._row()
        assert row is not None
        assert row.channel == VIV.person.user_id
        picture = load(row.kind, row.version, row.fact)
        assert isinstance(picture, PanelPicture)
        return picture

    async def _has_picture(self) -> bool:
        async with self.commands.services.store.read() as tx:
            return await tx.outbox.next_due(self.commands.clock.now()) is not None

    async def _row(self) -> OutboxRow | None:
        async with self.commands.services.store.write() as tx:
            return await tx.outbox.claim("r", self.commands.clock.now(), NO_RATE_LIMITS)

    async def dash(self, text: str) -> DashboardsAnswer:
        answer = await self.commands.run_command(VIV, text)
        assert isinstance(answer, DashboardsAnswer), answer
        assert render_text(answer)
        return answer


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[DashHarness]:
    async with StandInGrafana() as grafana, open_grafana(grafana.url, grafana.token, timeout_seconds=5) as client:
        catalogue = with_grafana(grafana.url)
        async with open_command_harness(tmp_path, catalogue) as commands:
            search = DashboardSearch(lambda: catalogue, lambda _: client, answer_seconds=2)
            pictures = PanelPictures(commands.services.store, commands.clock, lambda _: client, lambda: None, render_seconds=3)
            own = {DashboardSearch: search, PanelPictures: pictures}
            services = replace(commands.services, family_services={**commands.services.family_services, **own})
            yield DashHarness(replace(commands, services=services), grafana, pictures)


def variables(url: str) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(url).query).items() if name.startswith("var-")}


async def test_links_carry_the_time_the_environment_and_the_service(harness: DashHarness) -> None:
    answer = await harness.dash("dash production deep-echo-main --last 3h")
    (link,) = answer.links
    assert (link.title, link.folder) == ("Deep Echo: main", "Platform")
    query = parse_qs(urlsplit(link.url).query)
    assert int(query["to"][0]) - int(query["from"][0]) == 3 * 3600 * 1000
    assert variables(link.url) == {"var-environment": "production"}


async def test_a_dashboard_with_names_of_its_own_gets_its_own_names(harness: DashHarness) -> None:
    (link,) = (await harness.dash("dash production overview deep-echo-main")).links[-1:]
    assert variables(link.url) == {"var-env": "prod", "var-service": "deep-echo-main"}


async def test_without_an_environment_a_grafana_of_several_is_asked_once_and_keeps_its_choice(harness: DashHarness) -> None:
    answer = await harness.dash("dash overview")
    assert [variables(link.url) for link in answer.links] == [{}]
    assert sum("/api/search" in each for each in harness.grafana.state.requests) == 1


async def test_panels_are_found_by_their_titles_in_folded_rows_too(harness: DashHarness) -> None:
    answer = await harness.dash("dash staging cognitive --panel p95")
    assert [(link.title, link.panel) for link in answer.links] == [("Deep Echo: cognitive", "Response time p95")]
    assert "viewPanel=3" in answer.links[0].url


async def test_one_panel_is_drawn_after_the_answer(harness: DashHarness) -> None:
    harness.grafana.state.has_renderer = True
    answer = await harness.dash("dash staging cognitive --panel p95")
    assert answer.picture == "A picture follows in a direct message."
    assert not any("/render/" in each for each in harness.grafana.state.requests)
    picture = await harness.sent_picture()
    assert (picture.title, picture.url, picture.problem) == ("Deep Echo: cognitive: Response time p95", answer.links[0].url, "")
    assert is_panel(picture.png)
    assert render(picture).has_attachment
    (drawn,) = (each for each in harness.grafana.state.requests if "/render/" in each)
    assert "panelId=3&" in drawn
    assert "var-environment=staging" in drawn


async def test_of_several_panels_none_is_drawn(harness: DashHarness) -> None:
    harness.grafana.state.has_renderer = True
    assert (await harness.dash("dash staging echo --panel p95")).picture == ""


async def test_without_a_renderer_there_is_no_picture_and_it_is_said(harness: DashHarness) -> None:
    answer = await harness.dash("dash staging cognitive --panel p95")
    assert answer.picture == "This Grafana has no renderer, so there is no picture."


@pytest.mark.parametrize(
    ("trouble", "renders", "words"),
    [
        (Trouble(status=500), True, "failed with HTTP 500"),
        (Trouble(delay_seconds=30), True, "did not"),
        (Trouble(rubbish=b"<html>"), True, "another picture"),
        (Trouble(rubbish=png(4000, 10, 1)), True, "another picture"),
        (Trouble(rubbish=b"x" * 600_000), True, "is larger than"),
        (Trouble(), False, "another picture"),
    ],
    ids=["fails", "hangs", "page", "size", "huge", "excuse"],
)
async def test_a_picture_that_is_none_is_said_and_the_link_stays(
    harness: DashHarness, trouble: Trouble, words: str, *, renders: bool
) -> None:
    harness.grafana.state.has_renderer = True
    answer = await harness.dash("dash staging cognitive --panel p95")
    harness.grafana.state.trouble, harness.grafana.state.has_renderer = trouble, renders
    picture = await harness.sent_picture()
    assert (picture.url, picture.png) == (answer.links[0].url, b"")
    assert words in render_text(picture)
    assert not render(picture).has_attachment


async def test_nothing_fits(harness: DashHarness) -> None:
    answer = await harness.dash("dash production xyzzy")
    assert (answer.links, answer.problems) == ((), ())
    assert "None fits" in render_text(answer)


async def test_more_than_a_phone_shows(harness: DashHarness) -> None:
    known = harness.grafana.state.dashboards
    for number in range(20):
        body = {**known["deep-echo-main"]["dashboard"], "uid": f"more-{number}", "title": f"More {number}"}
        known[f"more-{number}"] = {**known["deep-echo-main"], "dashboard": body}
    answer = await harness.dash("dash production more")
    assert (len(answer.links), answer.more) == (8, 12)
    assert answer.all_url == f"{harness.grafana.url}/dashboards?query=more"
    panels = await harness.dash("dash production more --panel p95")
    assert len(panels.links) == 8
    assert "in the first 8 of 20 dashboards" in render_text(panels)


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (Trouble(status=503), "HTTP 503"),
        (Trouble(delay_seconds=30), "did not answer within 2 s"),
        (Trouble(rubbish=b"<html>"), "cannot be read"),
        (Trouble(status=403), "does not let the bot search"),
    ],
    ids=["down", "slow", "rubbish", "refused"],
)
async def test_without_grafana_the_catalogues_dashboards_are_shown_and_it_is_said(
    harness: DashHarness, trouble: Trouble, words: str
) -> None:
    harness.grafana.state.trouble = trouble
    answer = await harness.dash("dash production deep-echo-main")
    assert [variables(link.url) for link in answer.links] == [{"var-environment": "production", "var-service": "deep-echo-main"}]
    shown = render_text(answer)
    assert words in shown
    assert "Only what the catalogue names is here." in shown


async def test_a_dashboard_of_the_catalogue_that_is_gone_is_said(harness: DashHarness) -> None:
    del harness.grafana.state.dashboards["deep-echo-main"]
    answer = await harness.dash("dash production deep-echo-main")
    assert "Grafana has no dashboard deep-echo-main" in render_text(answer)
    assert answer.links == ()


async def test_who_may_see_nothing_sees_no_dashboard(harness: DashHarness) -> None:
    for text in ("dash", "dash production", "dash main"):
        answer = await harness.commands.run_command(GUS, text)
        assert isinstance(answer, ErrorAnswer)
    assert not harness.grafana.state.requests


async def test_words_of_every_kind_are_only_words(harness: DashHarness) -> None:
    for word in ('q"z', "a&type=dash-folder", "{x}", "*", "%", "\\", "q\nz", "../../admin"):
        assert (await harness.dash(f"dash production {word}")).links == ()
    assert all(each.startswith("GET /api/search?type=dash-db&query=") for each in harness.grafana.state.requests)
