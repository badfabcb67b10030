"""What becomes of silences when the way to Alertmanager breaks."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from domain.alerts.silences import Silence, SilenceState
from domain.errors import DeepechoError, Forbidden, NotFound, PermanentError, Refused, TemporaryError, UnknownOutcome
from domain.matchers import Matcher, Operator
from integrations.alertmanager import Alertmanager, open_alertmanager
from tests.harness.fakes.scripted_web import ScriptedResponse, ScriptedWeb, scripted_web

RECORDED: dict[str, Any] = json.loads((Path(__file__).parents[2] / "recordings" / "alertmanager_v2_silence.json").read_text())
ID = RECORDED["id"]
END = datetime(2026, 11, 23, 3, 37, 20, 406789, tzinfo=UTC)
MATCHERS = (Matcher("service", Operator.MATCHES, "pay.*"), Matcher("alertname", Operator.EQUAL, "HighErrorRate"))
NOTHING = ScriptedResponse([])
ENDED = ScriptedResponse(RECORDED | {"status": {"state": "expired"}})


@pytest.fixture
async def web() -> AsyncIterator[ScriptedWeb]:
    async with scripted_web() as server:
        yield server


@pytest.fixture
async def alertmanager(web: ScriptedWeb) -> AsyncIterator[Alertmanager]:
    async with open_alertmanager(web.url, timeout_seconds=2) as opened:
        yield opened


async def make(alertmanager: Alertmanager) -> str:
    begin = END - timedelta(minutes=30)
    return await alertmanager.create_silence(MATCHERS, starts_at=begin, ends_at=END, by="U123 (ada)", comment="maintenance")


def changes(web: ScriptedWeb) -> list[Any]:
    """The bodies that were sent."""
    return [each.body for each in web.requests if each.body]


async def test_a_silence_is_read_as_it_was_recorded(web: ScriptedWeb, alertmanager: Alertmanager) -> None:
    web.responses = [ScriptedResponse([RECORDED])]

    assert await alertmanager.silences() == (
        Silence(
            id="865599ea-6a97-4236-be5d-0ee9b8480c06",
            matchers=MATCHERS[::-1],
            starts_at=datetime(2026, 11, 23, 3, 7, 20, 407000, tzinfo=UTC),
            ends_at=datetime(2026, 11, 23, 3, 37, 20, 406000, tzinfo=UTC),
            by="U123 (ada)",
            comment="maintenance",
            state=SilenceState.ACTIVE,
        ),
    )


async def test_a_new_silence_is_sent_without_an_id(web: ScriptedWeb, alertmanager: Alertmanager) -> None:
    web.responses = [NOTHING, ScriptedResponse({"silenceID": "new"})]

    assert await make(alertmanager) == "new"
    (sent,) = changes(web)
    assert "id" not in sent
    assert (sent["startsAt"], sent["endsAt"]) == ("2026-11-23T03:07:20.406+00:00", "2026-11-23T03:37:20.406+00:00")


@pytest.mark.parametrize(
    "lost",
    [
        ScriptedResponse(cut_connection=True),
        ScriptedResponse(hang=True),
        ScriptedResponse("gone", status=502),
        ScriptedResponse({"no": "id"}),
    ],
)
async def test_a_silence_whose_answer_was_lost_is_found(
    web: ScriptedWeb, alertmanager: Alertmanager, lost: ScriptedResponse
) -> None:
    web.responses = [NOTHING, lost, ScriptedResponse([RECORDED])]

    assert await make(alertmanager) == ID
    assert len(changes(web)) == 1


@pytest.mark.parametrize(
    "look", [NOTHING, ScriptedResponse(cut_connection=True), ScriptedResponse("", status=403), ScriptedResponse([ENDED.body])]
)
async def test_a_silence_that_cannot_be_found_either_is_unknown(
    web: ScriptedWeb, alertmanager: Alertmanager, look: ScriptedResponse
) -> None:
    web.responses = [NOTHING, ScriptedResponse(cut_connection=True), look]

    with pytest.raises(UnknownOutcome, match=r"broke the connection when asked to make the silence: it may or may not"):
        await make(alertmanager)
    assert len(changes(web)) == 1


async def test_nothing_is_sent_where_the_first_look_fails(web: ScriptedWeb, alertmanager: Alertmanager) -> None:
    web.responses = [ScriptedResponse(cut_connection=True)]

    with pytest.raises(TemporaryError) as caught:
        await make(alertmanager)
    assert not isinstance(caught.value, UnknownOutcome)
    assert changes(web) == []


async def test_an_alertmanager_that_is_away_was_sent_nothing() -> None:
    async with scripted_web() as web:
        gone = web.url
    async with open_alertmanager(gone) as alertmanager:
        with pytest.raises(TemporaryError, match=r"cannot be reached. Nothing was sent.") as caught:
            await make(alertmanager)
    assert not isinstance(caught.value, UnknownOutcome)


@pytest.mark.parametrize(
    ("answers", "ended"),
    [
        ([ScriptedResponse(RECORDED), ScriptedResponse("")], True),
        ([ScriptedResponse(RECORDED), ScriptedResponse(hang=True), ENDED], True),
        ([ScriptedResponse(RECORDED), ScriptedResponse(cut_connection=True), ENDED], True),
        ([ScriptedResponse(RECORDED), ScriptedResponse("silence already expired", status=500), ENDED], True),
        ([ScriptedResponse(RECORDED), ScriptedResponse("", status=404)], False),
        ([ScriptedResponse("", status=404)], False),
        ([ENDED], False),
    ],
)
async def test_the_end_of_a_silence(
    web: ScriptedWeb, alertmanager: Alertmanager, answers: list[ScriptedResponse], *, ended: bool
) -> None:
    web.responses = [*answers, ScriptedResponse("asked too often", status=400)]

    assert await alertmanager.expire(ID) is ended
    assert len(web.requests) == len(answers)


@pytest.mark.parametrize("look", [ScriptedResponse(RECORDED), ScriptedResponse(hang=True)])
async def test_an_end_that_a_look_does_not_settle_is_unknown(
    web: ScriptedWeb, alertmanager: Alertmanager, look: ScriptedResponse
) -> None:
    web.responses = [ScriptedResponse(RECORDED), ScriptedResponse(hang=True), look]

    with pytest.raises(UnknownOutcome, match=f"end the silence {ID}"):
        await alertmanager.expire(ID)


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (ScriptedResponse("", status=401), Forbidden, "does not let the bot list the silences"),
        (ScriptedResponse("no", status=404), NotFound, "could not list the silences"),
        (ScriptedResponse("", status=302, headers={"Location": "/login"}), PermanentError, "HTTP 302, .* correct its address"),
        (
            ScriptedResponse({"code": 422, "message": "bad filter"}, status=422),
            PermanentError,
            "refused to list the silences: bad filter",
        ),
        (ScriptedResponse("<html>", status=503), TemporaryError, "failed with HTTP 503 .<html>."),
        (ScriptedResponse("<html>"), TemporaryError, "cannot be read"),
        (ScriptedResponse([{"id": "a"}]), TemporaryError, "cannot be read"),
        (ScriptedResponse(hang=True), TemporaryError, "did not answer within"),
        (ScriptedResponse(cut_connection=True), TemporaryError, "broke the connection"),
    ],
)
async def test_what_goes_wrong_is_said(
    web: ScriptedWeb, alertmanager: Alertmanager, answer: ScriptedResponse, error: type[DeepechoError], said: str
) -> None:
    web.responses = [answer]

    with pytest.raises(DeepechoError, match=said) as caught:
        await alertmanager.silences()
    assert type(caught.value) is error


async def test_a_named_delay_is_kept(web: ScriptedWeb, alertmanager: Alertmanager) -> None:
    web.responses = [ScriptedResponse("", status=429, headers={"Retry-After": "7"})]

    with pytest.raises(TemporaryError) as caught:
        await alertmanager.ping()
    assert caught.value.retry_after == 7


async def test_the_reason_of_a_refusal_is_alertmanagers(web: ScriptedWeb, alertmanager: Alertmanager) -> None:
    web.responses = [NOTHING, ScriptedResponse('"end time can\'t be in the past"', status=400)]

    with pytest.raises(Refused, match="refused to make the silence: end time can't be in the past"):
        await make(alertmanager)


async def test_a_password_in_the_address_is_sent_and_never_said(web: ScriptedWeb) -> None:
    web.responses = [ScriptedResponse("", status=403)]

    async with open_alertmanager(web.url.replace("//", "//bot:geheim@")) as alertmanager:
        with pytest.raises(Forbidden) as caught:
            await alertmanager.ping()
    assert "geheim" not in str(caught.value)
    assert web.requests[0].headers["Authorization"].startswith("Basic ")


@pytest.mark.parametrize("address", ["", "nowhere", "ftp://here"])
async def test_an_address_that_is_none_is_said(address: str) -> None:
    async with open_alertmanager(address) as alertmanager:
        with pytest.raises(PermanentError, match=r"address .* cannot be used"):
            await alertmanager.ping()


async def test_a_shared_session_stays_open(web: ScriptedWeb) -> None:
    web.responses = [ScriptedResponse({"versionInfo": {"version": "0.25.0"}})]

    async with aiohttp.ClientSession() as session:
        both = await asyncio.gather(Alertmanager(web.url, session).ping(), Alertmanager(f"{web.url}/", session).ping())
    assert set(both) == {"0.25.0"}
