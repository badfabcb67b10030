"""An alert as people meet it: real Prometheus and Alertmanager, the card on a desk and on a phone, the way back in one tap."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Browser, FloatRect, Locator, expect

from sandbox.endpoints import Endpoints
from sandbox.platform import SandboxSettings, open_sandbox
from tests.harness.ports import free_ports
from tests.harness.slack_page import DESK, PHONE, SlackPage

pytestmark = pytest.mark.browser
PROJECT = Path(__file__).resolve().parents[2]
SCREENSHOTS = PROJECT / ".screenshots" / "alert-story"
README_PICTURE = PROJECT / "docs" / "images" / "alert.png" if os.environ.get("KEEP_PICTURES") else None
"""`KEEP_PICTURES=1 make test-browser` takes it anew."""
BAD = '/deepecho deploy production main-bad5eed main --reason "try it"'
TITLE = "HighErrorRate · production · deep-echo-main"
PATIENCE = 40.0
"""Seconds that a measurement may take to become an alert, or its end."""


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Endpoints]:
    async with open_sandbox(SandboxSettings(port=free_ports(), folder=tmp_path, fast=True)) as endpoints:
        if not endpoints.prometheus:
            pytest.skip("Prometheus or Alertmanager is missing (Debian: apt install prometheus prometheus-alertmanager)")
        yield endpoints


async def window(browser: Browser, sandbox: Endpoints, name: str, channel: str = "alerts-critical") -> SlackPage:
    page = await SlackPage.open(browser, sandbox.slack, SCREENSHOTS, as_user=name, size=DESK)
    await page.channel(channel)
    return page


async def phone(browser: Browser, sandbox: Endpoints, name: str, channel: str = "alerts-critical") -> SlackPage:
    page = await SlackPage.open(browser, sandbox.slack, SCREENSHOTS, as_user=name, size=PHONE)
    await page.channel(channel)
    return page


async def ship(browser: Browser, sandbox: Endpoints) -> None:
    """Ana asks for a version that should not run, and Mia approves it."""
    ana, mia = await window(browser, sandbox, "ana", "production"), await window(browser, sandbox, "mia", "production")
    await ana.command(BAD)
    await mia.wait_for_message("Needs an approver")
    await mia.click_button("Approve")
    await mia.confirm()
    await mia.wait_for_message("Verified: all 3 pods run main-bad5eed", within=PATIENCE)
    for page in (ana, mia):
        await page.close()


async def look(page: SlackPage, name: str) -> None:
    """A picture, with nothing under the mouse; and nothing sticks out of it."""
    await page.page.mouse.move(0, 0)
    await page.screenshot(name)
    assert not await page.overflows(), name


async def chart_in(thread: Locator) -> Locator:
    """The picture in a thread, once it has been loaded and is more than a broken one."""
    picture = thread.locator(".file-image img")
    await expect(picture).to_be_visible(timeout=PATIENCE * 1000)
    await expect(picture).to_have_js_property("complete", value=True)
    assert await picture.evaluate("(image) => image.naturalWidth") == 1200
    await picture.scroll_into_view_if_needed()
    return picture


async def keep(page: SlackPage) -> None:
    """A picture for the README: the card, and its thread from the first reply on, in a window just high enough for that."""
    if README_PICTURE:
        await page.page.set_viewport_size({"width": 1280, "height": 600})
        await page.page.locator(".thread-body").evaluate("(body) => { body.scrollTop = body.scrollHeight; }")
        around: FloatRect = {"x": 220, "y": 94, "width": 1060, "height": 430}
        await page.page.screenshot(path=README_PICTURE, clip=around)
        await page.page.set_viewport_size(DESK)


async def measured(sandbox: Endpoints, seconds: int) -> None:
    """Until Prometheus has measured for so long that a chart shows what was before."""
    asked = {"query": f'count_over_time(up{{job="deep-echo-main"}}[10m]) > {seconds}'}
    async with asyncio.timeout(2 * seconds + PATIENCE), aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{sandbox.prometheus}/api/v1/query", params=asked) as answer:
                if (await answer.json())["data"]["result"]:
                    return
            await asyncio.sleep(1)


async def test_from_a_card_that_names_its_suspect_to_one_that_is_resolved(sandbox: Endpoints, browser: Browser) -> None:
    if README_PICTURE:
        await measured(sandbox, 120)
    await ship(browser, sandbox)
    mia, kim = await window(browser, sandbox, "mia"), await phone(browser, sandbox, "kim")
    card = await mia.wait_for_message(TITLE, within=PATIENCE)
    await check_firing(card, mia, kim)
    await check_enriched_thread(mia, kim)
    await silence_and_acknowledge(card, mia, kim)
    await roll_back_until_resolved(card, mia, kim)


async def check_firing(card: Locator, mia: SlackPage, kim: SlackPage) -> None:
    await expect(card).to_contain_text("Suspect deploy main-bad5eed by @Ana", timeout=PATIENCE * 1000)
    await expect(card).to_contain_text(re.compile(r"Value \d+(\.\d+)? \(limit 10\)"), timeout=PATIENCE * 1000)
    for part in (
        "P1 firing",
        "1 alert",
        "deep-echo-main answers with errors",
        "Owner platform · @sre-team",
        "Prometheus · traces with errors · runbook",
    ):
        await expect(card).to_contain_text(part)
    for label in ("Acknowledge", "Roll back"):
        await expect(card.locator(".bk-button").get_by_text(label, exact=True)).to_be_visible()
    await look(mia, "01-firing")
    await kim.wait_for_message("Suspect deploy main-bad5eed")
    await look(kim, "02-firing-phone")


async def check_enriched_thread(mia: SlackPage, kim: SlackPage) -> None:
    thread = await mia.thread_of(TITLE)
    await expect(thread.filter(has_text="What changed before it")).to_contain_text("same Deployment")
    await expect(thread.filter(has_text="Value now ")).to_contain_text("limit 10")
    await chart_in(thread.page.locator(".thread-pane"))
    await look(mia, "03-thread")
    await keep(mia)
    await kim.thread_of(TITLE)
    await chart_in(kim.page.locator(".thread-pane"))
    await look(kim, "04-thread-phone")
    await kim.close_thread()
    await mia.close_thread()


async def silence_and_acknowledge(card: Locator, mia: SlackPage, kim: SlackPage) -> None:
    await kim.choose_in_message("1 hour", message=TITLE)
    await kim.wait_for_message("silenced by @Kim")
    await mia.click_button("Acknowledge", message=TITLE)
    await expect(card).to_contain_text("acknowledged by @Mia")
    await look(mia, "05-cared-for")
    await look(kim, "06-cared-for-phone")
    await kim.click_button("End silence", message=TITLE)
    await expect(card).not_to_contain_text("silenced by")


async def roll_back_until_resolved(card: Locator, mia: SlackPage, kim: SlackPage) -> None:
    await mia.click_button("Roll back", message=TITLE)
    await expect(mia.page.locator("dialog.confirm")).to_contain_text("deep-echo-main to main-9f00d12")
    await look(mia, "07-roll-back")
    await mia.confirm()
    await kim.wait_for_message("Needs an approver")
    await kim.click_button("Approve")
    await kim.confirm()
    await expect(card).to_contain_text("Resolved after", timeout=PATIENCE * 1000)
    await expect(card.locator(".bk-button")).to_have_count(0)
    await expect(mia.page.locator(".messages .msg").filter(has_text=TITLE)).to_have_count(1)
    await look(mia, "08-resolved")
    thread = await kim.thread_of(TITLE)
    await expect(thread.filter(has_text="Resolved after")).to_have_count(2)
    await thread.last.scroll_into_view_if_needed()
    await look(kim, "09-resolved-phone")


async def test_a_silence_of_another_length_is_asked_for_in_a_form(sandbox: Endpoints, browser: Browser) -> None:
    await ship(browser, sandbox)
    tom = await window(browser, sandbox, "tom")
    card = await tom.wait_for_message(TITLE, within=PATIENCE)
    await tom.choose_in_message("Other…", message=TITLE)
    await expect(tom.field("Alert").locator("input")).to_have_value(re.compile(r"al-\w+"))
    await look(tom, "20-form")
    await tom.fill("For how long", "1d")
    await tom.submit()
    await tom.wait_for_message("Silencing for longer than 4 h needs the role sre in production, which you do not hold.")
    await tom.choose_in_message("Other…", message=TITLE)
    await tom.fill("For how long", "90m")
    await tom.fill("Reason", "known, fix is on its way")
    await tom.submit()
    await expect(card).to_contain_text(re.compile(r"silenced by @Tom until .*: known, fix is on its way"))
    await look(tom, "21-silenced")
    await tom.command("/deepecho silences")
    await tom.wait_for_message('alertname="HighErrorRate"')
    await look(tom, "22-silences")
