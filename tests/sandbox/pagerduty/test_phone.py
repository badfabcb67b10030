"""The phone page: what calls, what a tap does, and that nothing of an alert becomes markup."""

import re

import aiohttp

from sandbox.pagerduty import StandInPagerDuty, user_id
from sandbox.pagerduty.model import Status
from tests.sandbox.pagerduty.conftest import trigger


async def page(http: aiohttp.ClientSession, url: str) -> str:
    async with http.get(url) as answer:
        assert answer.status == 200
        return await answer.text()


async def tap(http: aiohttp.ClientSession, pagerduty: StandInPagerDuty, text: str, button: str) -> str:
    """Press a button as a browser without scripts would."""
    form = re.search(r'<form method="post" action="([^"]+)"><button[^>]*>' + button, text)
    assert form, text
    async with http.post(f"{pagerduty.url}{form[1]}") as answer:
        assert answer.status == 200
        return await answer.text()


async def test_a_person_acknowledges_escalates_and_resolves_without_scripts(
    pagerduty: StandInPagerDuty, http: aiohttp.ClientSession
) -> None:
    lee = pagerduty.phone(user_id("lee"))
    assert "All quiet" in await page(http, lee)
    incident = trigger(pagerduty)

    text = await page(http, lee)
    assert "P1 many errors" in text
    assert "12 % of requests fail" in text
    assert "Calling you" in text
    assert '<meta http-equiv="refresh"' in text
    text = await tap(http, pagerduty, text, "Acknowledge")
    assert "Acknowledged by <b>Lee</b>" in text
    assert incident.acknowledgers == (pagerduty.account.users[user_id("lee")],)
    text = await tap(http, pagerduty, text, "Escalate")
    assert "Calling others" in text
    text = await tap(http, pagerduty, await page(http, pagerduty.phone(user_id("mia"))), "Resolve")
    assert "Resolved by <b>Mia</b>" in text
    assert incident.status is Status.RESOLVED


async def test_a_tap_on_what_is_over_says_so_and_reopens_nothing(
    pagerduty: StandInPagerDuty, http: aiohttp.ClientSession
) -> None:
    incident = trigger(pagerduty)
    text = await page(http, pagerduty.phone(user_id("lee")))
    pagerduty.account.resolve(incident, pagerduty.account.users[user_id("mia")])
    assert "Incident Already Resolved" in await tap(http, pagerduty, text, "Acknowledge")
    assert incident.status is Status.RESOLVED


async def test_a_title_is_text(pagerduty: StandInPagerDuty, http: aiohttp.ClientSession) -> None:
    trigger(pagerduty, title="<script>alert(1)</script>")
    async with http.get(pagerduty.phone(user_id("lee"))) as answer:
        text = await answer.text()
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


async def test_another_site_cannot_tap(pagerduty: StandInPagerDuty, http: aiohttp.ClientSession) -> None:
    incident = trigger(pagerduty)
    address = f"{pagerduty.phone(user_id('lee'))}/{incident.id}/resolve"
    async with http.post(address, headers={"Origin": "https://evil.example.com"}) as answer:
        assert answer.status == 403
    assert incident.status is Status.TRIGGERED


async def test_the_page_knows_when_it_has_changed_and_whose_phones_there_are(
    pagerduty: StandInPagerDuty, http: aiohttp.ClientSession
) -> None:
    lee = pagerduty.phone(user_id("lee"))
    before = await page(http, f"{lee}/version")
    trigger(pagerduty)
    assert await page(http, f"{lee}/version") != before
    people = await page(http, f"{pagerduty.url}/")
    assert "1 open" in people
    for file in re.findall(r'(?:src|href)="(/phone\.[a-z]+)"', await page(http, lee)):
        assert await page(http, f"{pagerduty.url}{file}")
