"""The client against the strict stand-in, and against answers that are none."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.dashboards.annotations import Annotation
from domain.dashboards.dashboards import Panel, Variable
from domain.errors import DeepechoError, Forbidden, NotFound, PermanentError, TemporaryError, UnknownOutcome
from integrations.grafana import Grafana, open_grafana
from sandbox.grafana import StandInGrafana
from sandbox.grafana.model import Trouble

AT = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
DEPLOY = Annotation(
    subject="op-k7m2", environment="production", kind="deploy", text="a & b", since=AT, services=("deep-echo-main",)
)


@pytest.fixture
async def stand_in() -> AsyncIterator[StandInGrafana]:
    async with StandInGrafana() as server:
        yield server


@pytest.fixture
async def grafana(stand_in: StandInGrafana) -> AsyncIterator[Grafana]:
    async with open_grafana(stand_in.url, stand_in.token, timeout_seconds=2) as opened:
        yield opened


async def test_dashboards_are_found_by_words_of_the_title(grafana: Grafana) -> None:
    assert [each.uid for each in await grafana.search("ECHO main", 50)] == ["deep-echo-main"]
    assert len(await grafana.search("", 3)) == 3
    assert await grafana.search('"\\*%&type=dash-folder', 50) == ()


async def test_a_dashboard_has_its_variables_and_the_panels_of_folded_rows(grafana: Grafana) -> None:
    found = await grafana.dashboard("deep-echo-main")
    assert found.variables == (
        Variable("environment", "custom", ("development", "staging", "production")),
        Variable("pod", "query"),
    )
    assert found.panels_named("p95 TIME") == (Panel(3, "Response time p95"),)
    assert found.folder == "Platform"


@pytest.mark.parametrize("uid", ["nothing", "../../admin", "", "x" * 41])
async def test_a_dashboard_that_is_not_there(grafana: Grafana, stand_in: StandInGrafana, uid: str) -> None:
    with pytest.raises(NotFound):
        await grafana.dashboard(uid)
    assert all("admin" not in each for each in stand_in.state.requests)


async def test_an_annotation_is_written_found_again_and_changed(grafana: Grafana, stand_in: StandInGrafana) -> None:
    number = await grafana.create_annotation(DEPLOY)
    await grafana.create_annotation(replace(DEPLOY, subject="op-other"))
    (stored,) = await grafana.annotations_of(DEPLOY)
    assert stored.id == number
    assert stored.shows(DEPLOY)
    assert stand_in.state.annotations[number].text == "a &amp; b"
    ended = replace(DEPLOY, until=AT + timedelta(minutes=4))
    assert not stored.shows(ended)
    await grafana.change_annotation(number, ended)
    (stored,) = await grafana.annotations_of(ended)
    assert stored.shows(ended)
    await grafana.delete_annotation(number)
    with pytest.raises(NotFound):
        await grafana.delete_annotation(number)


async def test_a_token_that_is_none(stand_in: StandInGrafana) -> None:
    async with open_grafana(stand_in.url, "another") as grafana:
        with pytest.raises(Forbidden, match="does not let the bot search"):
            await grafana.search("", 1)
        assert await grafana.ping() == "12.3.0"


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (Trouble(status=500), TemporaryError),
        (Trouble(status=429), TemporaryError),
        (Trouble(status=403), Forbidden),
        (Trouble(status=302), PermanentError),
        (Trouble(delay_seconds=5), TemporaryError),
        (Trouble(rubbish=b"<html>Sign in</html>"), TemporaryError),
        (Trouble(rubbish=b"[" * 100_000), TemporaryError),
        (Trouble(rubbish=b'{"message": null}'), TemporaryError),
        (Trouble(rubbish=b"x" * (17 * 2**20)), PermanentError),
    ],
    ids=["500", "429", "403", "login", "slow", "page", "deep", "other", "huge"],
)
async def test_other_answers_are_errors_in_words(
    grafana: Grafana, stand_in: StandInGrafana, trouble: Trouble, error: type[DeepechoError]
) -> None:
    stand_in.state.trouble = trouble
    for call in (grafana.search("", 1), grafana.dashboard("deep-echo-main"), grafana.annotations_of(DEPLOY)):
        with pytest.raises(error, match="Grafana at"):
            await call


async def test_an_answer_that_is_lost_leaves_it_open(grafana: Grafana, stand_in: StandInGrafana) -> None:
    stand_in.state.trouble = Trouble(loses_writes=True)
    with pytest.raises(UnknownOutcome):
        await grafana.create_annotation(DEPLOY)
    assert len(stand_in.state.annotations) == 1
