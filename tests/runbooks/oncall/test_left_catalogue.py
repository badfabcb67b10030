"""What refers to a team, a layer or a person that left the catalogue meanwhile: answered in words, and nothing breaks."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import Refused
from domain.oncall.cover_requests import CoverRequest, Period, RequestState
from runbooks.oncall.changes import Wish
from tests.harness.oncall import CHANNEL, LAYER, MONDAY, PEOPLE, OncallHarness, account, oncall_catalogue

DAY = timedelta(days=1)


def wish(person: str) -> Wish:
    return Wish(team="platform", layer="primary", person=person, period=Period(MONDAY, MONDAY + DAY))


def question() -> CoverRequest:
    return CoverRequest(
        id="",
        team="platform",
        layer="primary",
        asked_by="ray",
        period=Period(MONDAY, MONDAY + DAY),
        made_by=account("ray"),
        made_at=MONDAY,
        channel=CHANNEL,
    )


async def test_an_override_of_a_team_that_left_cannot_be_taken_back_and_says_so(oncall: OncallHarness) -> None:
    made = await oncall.service.override(oncall.request("lee"), wish("sam"))
    oncall.catalogue = oncall.catalogue.model_copy(update={"oncall": {}})
    with pytest.raises(Refused, match="The catalogue has no team platform any more"):
        await oncall.service.undo(oncall.request("lee"), made.override.id, lambda _: True)


async def test_an_override_of_a_layer_that_left_is_taken_back(oncall: OncallHarness) -> None:
    made = await oncall.service.override(oncall.request("lee"), wish("sam"))
    oncall.catalogue = oncall_catalogue({**LAYER, "name": "first"})
    undone = await oncall.service.undo(oncall.request("lee"), made.override.id, lambda _: True)
    assert [each.effect for each in undone] == [()]


async def test_a_request_for_a_layer_that_left_cannot_be_accepted(oncall: OncallHarness) -> None:
    asked = await oncall.service.ask(oncall.request("ray"), question())
    oncall.catalogue = oncall_catalogue({**LAYER, "name": "first"})
    with pytest.raises(Refused, match="would change nothing"):
        await oncall.service.respond(oncall.request("ana"), asked.id, RequestState.ACCEPTED, lambda _: None)


async def test_a_request_expires_though_its_team_and_its_people_left(oncall: OncallHarness) -> None:
    await oncall.service.ask(oncall.request("ray"), question())
    oncall.catalogue = oncall.catalogue.model_copy(update={"oncall": {}, "people": {}})
    oncall.clock.advance(DAY)
    await oncall.tick()
    last = (await oncall.told())[-1]
    assert (last.receiver, last.fact.request.state) == (CHANNEL, RequestState.EXPIRED)


async def test_who_asked_is_told_once_that_nobody_answered(oncall: OncallHarness) -> None:
    asked = await oncall.service.ask(oncall.request("ray"), question())
    await oncall.told()
    oncall.clock.advance(DAY)
    await oncall.tick()
    await oncall.tick()
    told = [(each.receiver, each.text) for each in await oncall.told() if each.receiver == "ray"]
    stays = "Your shifts of platform (primary) stay as planned."
    assert told == [("ray", f"In time nobody answered your request for cover {asked.id}. {stays}")]


async def test_a_person_who_left_gives_the_pager_back_and_nobody_writes_to_them(oncall: OncallHarness) -> None:
    await oncall.tick()
    await oncall.service.override(oncall.request("lee"), wish("sam"))
    await oncall.told()
    oncall.catalogue = oncall_catalogue(people={name: person for name, person in PEOPLE.items() if name != "sam"})
    await oncall.tick()
    told = {each.receiver: each.text for each in await oncall.told()}
    assert told.keys() == {"ray", CHANNEL}
    assert "Why: the catalogue was edited." in told["ray"]
    assert datetime(2026, 11, 30, 8, tzinfo=UTC).strftime("until %Y-%m-%d %H:%M") in told["ray"]
