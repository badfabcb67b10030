"""Calendars as programs read them: by another reader of iCalendar, and by the letter of RFC 5545."""

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from icalendar import Calendar

from bot.core.calendar_settings import CalendarSettings
from bot.core.settings import HttpSettings
from bot.views.oncall_calendar import calendar_text
from bot.web.calendar import CalendarEndpoint
from bot.web.limits import http_limits
from bot.web.server import HttpServer
from domain.oncall.calendar import CALENDAR_PATH, CalendarEvent, CalendarLinks, Feed, FeedKind, events_of
from domain.oncall.cover_requests import Period
from domain.oncall.schedule import on_call
from runbooks.oncall.changes import Wish
from storage.engines import open_engines
from storage.store import Store
from tests.harness.databases import migrated_file, sqlite_url
from tests.harness.oncall import LAYER, MONDAY, OncallHarness, oncall_catalogue

__all__ = ["migrated_file", "sqlite_url"]

SECRET = b"a" * 16 + b"b" * 16
LINKS = CalendarLinks("https://deepecho.example.com/", (SECRET,))
ANA, TEAM = Feed(FeedKind.PERSON, "ana"), Feed(FeedKind.TEAM, "platform")
HANDOFF = datetime(2026, 11, 30, 8, tzinfo=UTC)


class Served:
    """The door of calendars on a port of its own."""

    def __init__(self, oncall: OncallHarness, links: CalendarLinks, port: int, endpoint: CalendarEndpoint) -> None:
        self.oncall, self.links, self.port, self.endpoint = oncall, links, port, endpoint

    async def get(self, query: str, method: str = "GET") -> tuple[int, bytes, str]:
        url = f"http://127.0.0.1:{self.port}{CALENDAR_PATH}?{query}"
        async with aiohttp.ClientSession() as session, session.request(method, url) as response:
            return response.status, await response.read(), response.headers.get("Content-Type", "")

    async def events(self, feed: Feed) -> list[tuple[datetime, datetime, str, str]]:
        status, body, _ = await self.get(urlsplit(self.links.url(feed)).query)
        assert status == 200
        found: list[Any] = list(Calendar.from_ical(body).walk("VEVENT"))
        return [(each["DTSTART"].dt, each["DTEND"].dt, str(each["SUMMARY"]), str(each["UID"])) for each in found]


@pytest.fixture
async def served(sqlite_url: str) -> AsyncIterator[Served]:
    store = Store(open_engines(sqlite_url))
    oncall = OncallHarness(store)
    endpoint = CalendarEndpoint(LINKS, store, oncall.clock, lambda: oncall.catalogue)
    server = HttpServer("127.0.0.1", 0, http_limits(HttpSettings()))
    server.reserve(CALENDAR_PATH, method="GET")
    port = await server.open()
    server.enable(endpoint.serve, CALENDAR_PATH)
    yield Served(oncall, LINKS, port, endpoint)
    await server.close()
    await store.close()


async def test_a_persons_calendar_has_their_shifts_in_utc(served: Served) -> None:
    status, body, content_type = await served.get(urlsplit(LINKS.url(ANA)).query)
    assert (status, content_type) == (200, "text/calendar; charset=utf-8")
    lines = body.decode().split("\r\n")
    assert (lines[0], lines[-2], lines[-1]) == ("BEGIN:VCALENDAR", "END:VCALENDAR", "")
    assert "DTSTART:20261130T080000Z" in lines
    assert "SUMMARY:On call: platform (primary)" in lines
    assert all(len(line.encode()) <= 75 for line in lines)
    shifts = [(starts, ends) for starts, ends, _, _ in await served.events(ANA)]
    assert (HANDOFF, HANDOFF + timedelta(days=7)) in shifts


async def test_it_is_right_right_after_an_override_and_events_keep_their_uids(served: Served) -> None:
    before = {uid: starts for starts, _, _, uid in await served.events(ANA)}
    period = Period(HANDOFF + timedelta(days=2), HANDOFF + timedelta(days=3))
    wish = Wish(team="platform", layer="primary", person="lee", period=period)
    await served.oncall.service.override(served.oncall.request("sam"), wish)
    events = await served.events(ANA)
    parts = [(starts, ends) for starts, ends, _, _ in events if HANDOFF <= starts < HANDOFF + timedelta(days=7)]
    assert parts == [(HANDOFF, period.starts), (period.ends, HANDOFF + timedelta(days=7))]
    after = {uid: starts for starts, _, _, uid in events}
    assert {uid: starts for uid, starts in after.items() if uid in before} == before
    assert len(after) == len(before) + 1


async def test_the_uid_of_a_shift_stays_while_it_runs_and_when_it_is_over(served: Served) -> None:
    uids = set()
    for _ in range(20):
        uids |= {uid for starts, _, _, uid in await served.events(ANA) if starts == HANDOFF}
        served.oncall.clock.advance(timedelta(days=1, hours=5))
    assert len(uids) == 1


async def test_a_teams_calendar_has_everybody_and_the_gaps(served: Served) -> None:
    served.oncall.catalogue = oncall_catalogue({**LAYER, "restrictions": [{"days": ["mon"], "start": "09:00", "end": "09:00"}]})
    titles = {title for _, _, title, _ in await served.events(TEAM)}
    assert titles == {
        *(f"{name} on call: platform (primary)" for name in ("ana", "lee", "ray")),
        "Nobody on call: platform",
    }


async def test_the_calendar_agrees_with_the_answer_at_each_minute_of_a_month(served: Served) -> None:
    events = await served.events(TEAM)
    roster = await served.oncall.service.roster("platform")
    for minute in range(0, 30 * 24 * 60, 7):
        at = MONDAY + timedelta(minutes=minute)
        shown = {title.split()[0] for starts, ends, title, _ in events if starts <= at < ends}
        assert shown == set(on_call(roster, at))


@pytest.mark.parametrize(
    "change",
    [
        lambda query: query.replace("ana", "lee"),
        lambda query: query.replace("person=ana", "team=platform"),
        lambda query: query.replace("person=ana", "person=zoe"),
        lambda query: query[:-1],
        lambda query: query.partition("&")[0],
        lambda query: f"{query}&team=platform",
        lambda _: "",
        lambda _: "person=ana&signed=%C3%A9%00",
    ],
)
async def test_who_does_not_have_exactly_the_address_learns_nothing(served: Served, change: object) -> None:
    query = change(urlsplit(LINKS.url(ANA)).query)  # type: ignore[operator]
    status, body, _ = await served.get(query)
    assert (status, body.startswith(b"There is no such calendar.")) == (404, True)
    assert served.endpoint.refused == 1


async def test_an_address_of_somebody_who_left_the_catalogue_is_dead(served: Served) -> None:
    zoe = Feed(FeedKind.PERSON, "zoe")
    assert (await served.get(urlsplit(LINKS.url(zoe)).query))[0] == 404


async def test_nothing_is_posted_there(served: Served) -> None:
    assert (await served.get("", method="POST"))[0] == 405
    assert (await served.get(urlsplit(LINKS.url(ANA)).query, method="HEAD"))[0] == 200


async def test_the_address_is_in_no_log(
    served: Served, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    signature = parse_qs(urlsplit(LINKS.url(ANA)).query)["signed"][0]
    with caplog.at_level(logging.DEBUG):
        await served.events(ANA)
        await served.get(f"person=ana&signed={signature}x")
    output = capsys.readouterr()
    assert signature not in caplog.text + output.out + output.err


def test_a_replaced_secret_is_accepted_as_the_previous_one_and_then_no_more() -> None:
    old, new = "o" * 32, "n" * 32
    url = "https://deepecho.example.com"
    before = CalendarSettings(secret=old, public_url=url).links
    signature = parse_qs(urlsplit(before.url(ANA)).query)["signed"][0]
    assert CalendarSettings(secret=new, previous_secret=old, public_url=url).links.is_signed(ANA, signature)
    assert not CalendarSettings(secret=new, public_url=url).links.is_signed(ANA, signature)
    assert CalendarSettings(secret=new, previous_secret=old, public_url=url).links.url(ANA) != before.url(ANA)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"secret": "short", "public_url": "https://deepecho.example.com"}, "at least 32 characters"),
        ({"secret": "s" * 32}, "go together"),
        ({"public_url": "https://deepecho.example.com"}, "go together"),
        ({"previous_secret": "s" * 32}, "is set without __SECRET"),
        ({"secret": "s" * 32, "public_url": "http://deepecho.example.com"}, "must be an https address"),
    ],
)
def test_settings_that_cannot_be_are_refused(values: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        CalendarSettings.model_validate(values)


def test_texts_are_escaped_and_folded_as_the_standard_says() -> None:
    title = "On call: a;b, c\\d\nline " + "ü" * 60
    event = CalendarEvent("uid@deepecho", HANDOFF, HANDOFF + timedelta(hours=1), title)
    text = calendar_text("Ünï; team", [event], HANDOFF)
    raw = text.decode()
    assert "a\\;b\\, c\\\\d\\nline" in raw
    assert all(len(line.encode()) <= 75 for line in raw.split("\r\n"))
    [read] = Calendar.from_ical(text).walk("VEVENT")
    assert str(read["SUMMARY"]) == title
    assert raw.count("\n") == raw.count("\r\n")


async def test_the_events_of_a_person_are_those_of_all_their_teams(served: Served) -> None:
    team = served.oncall.catalogue.oncall["platform"]
    served.oncall.catalogue = served.oncall.catalogue.model_copy(update={"oncall": {"platform": team, "network": team}})
    titles = {title for _, _, title, _ in await served.events(ANA)}
    assert titles == {"On call: platform (primary)", "On call: network (primary)"}
    assert events_of(ANA, [], MONDAY) == ()
