"""An incident from the bad deploy to its post-mortem: a telephone rings, a rollback ends it, proof closes it."""

import os
import re
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, FloatRect, Locator, Page, expect

from sandbox.endpoints import Endpoints
from sandbox.platform import SandboxSettings, open_sandbox
from tests.browser.test_alert_story import PATIENCE, chart_in, look, ship
from tests.harness.ports import free_ports
from tests.harness.slack_page import DESK, PHONE, SlackPage

pytestmark = pytest.mark.browser
PROJECT = Path(__file__).resolve().parents[2]
SCREENSHOTS = PROJECT / ".screenshots" / "incident-story"
TITLE = "P1 · HighErrorRate · deep-echo-main in production"
README_PICTURE = PROJECT / "docs" / "images" / "incident.png" if os.environ.get("KEEP_PICTURES") else None
"""`KEEP_PICTURES=1 make test-browser` takes it anew."""
DIGEST = "since yesterday"
DIGEST_WAIT = 120.0
"""Seconds until the digest comes, where the story was over before that, and until it is measured and sent."""
WATCH = 60.0
"""Seconds that the sandbox watches a resolved incident."""


def digest_time() -> datetime:
    """When the digest of this story comes: at a full minute, once the sandbox surely is up, while the story goes on."""
    return (datetime.now(UTC) + timedelta(seconds=75)).replace(second=0, microsecond=0) + timedelta(minutes=1)


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Endpoints]:
    settings = SandboxSettings(port=free_ports(), folder=tmp_path, fast=True, with_past=True, digest_at=f"{digest_time():%H:%M}")
    async with open_sandbox(settings) as endpoints:
        if not endpoints.prometheus:
            pytest.skip("Prometheus or Alertmanager is missing (Debian: apt install prometheus prometheus-alertmanager)")
        yield endpoints


async def opened(browser: Browser, sandbox: Endpoints, name: str, channel: str, *, phone: bool = False) -> SlackPage:
    page = await SlackPage.open(browser, sandbox.slack, SCREENSHOTS, as_user=name, size=PHONE if phone else DESK)
    await page.channel(channel)
    return page


async def test_from_a_bad_deploy_to_a_post_mortem(sandbox: Endpoints, browser: Browser) -> None:
    await ship(browser, sandbox)
    mia = await opened(browser, sandbox, "mia", "incidents")
    card = await mia.wait_for_message(TITLE, within=PATIENCE)
    await expect(card).to_contain_text("If nobody acts")
    await look(mia, "01-announced")
    await acknowledge_on_the_phone(browser, sandbox, card)
    lee = await opened(browser, sandbox, "lee", await channel_of(card))
    await lee.wait_for_message("acknowledged this in PagerDuty")
    await look(lee, "03-channel")
    if README_PICTURE:
        around: FloatRect = {"x": 220, "y": 45, "width": 900, "height": 498}
        await lee.page.screenshot(path=README_PICTURE, clip=around)
    await lee.command('/deepecho incident update "the deploy of main-bad5eed is the suspect, rolling it back"')
    await lee.wait_for_message("rolling it back")
    await roll_back(browser, sandbox)
    await lee.wait_for_message("No linked alert fires any more.", within=2 * PATIENCE)
    await look(lee, "05-quiet")
    await lee.click_button("Resolve", message="No linked alert fires any more.")
    await lee.wait_for_message("It is watched for 1 min")
    await expect(card).to_contain_text("Resolved after")
    await lee.wait_for_message("The watch is over", within=WATCH + PATIENCE)
    await look(lee, "06-watched")
    await close(lee, card)
    await lee.command("/deepecho incident postmortem")
    await lee.wait_for_message("ost-mortem", within=PATIENCE)
    await look(lee, "08-post-mortem")
    kim = await opened(browser, sandbox, "kim", await channel_of(card), phone=True)
    await look(kim, "09-phone")
    await check_digest(mia, kim)


async def check_digest(mia: SlackPage, kim: SlackPage) -> None:
    """It came to its channel meanwhile, once, with its picture, and tells of this story as far as it had gone."""
    await mia.channel("ops")
    digest = await mia.wait_for_message(DIGEST, within=DIGEST_WAIT)
    for part in ("Good ", "· production", "today on call for platform: ", "measured today"):
        await expect(digest).to_contain_text(part)
    await expect(digest).to_contain_text(re.compile("since yesterday (1 deploy|nothing was changed)"))
    await expect(digest).to_contain_text(re.compile(r"throughput [\d.,]+k?/min \(above 1,000/min\) [▁-█]{24}"))
    await look(mia, "10-digest")
    await mia.thread_of(DIGEST)
    await chart_in(mia.page.locator(".thread-pane"))
    await look(mia, "11-digest-thread")
    await kim.channel("ops")
    await kim.wait_for_message(DIGEST)
    await look(kim, "12-digest-phone")
    await kim.thread_of(DIGEST)
    await chart_in(kim.page.locator(".thread-pane"))
    await look(kim, "13-digest-thread-phone")
    await expect(mia.page.locator(".messages .msg").filter(has_text=DIGEST)).to_have_count(1)


async def acknowledge_on_the_phone(browser: Browser, sandbox: Endpoints, card: Locator) -> None:
    """Lee's telephone rings; a tap there is on the card within two seconds."""
    page: Page = await (await browser.new_context(viewport=PHONE)).new_page()
    await page.goto(sandbox.pagerduty["phone"])
    button = page.get_by_role("button", name="Acknowledge").first
    await expect(button).to_be_visible(timeout=PATIENCE * 1000)
    await page.screenshot(path=SCREENSHOTS / "02-telephone.png")
    # Lee looks at it first: meanwhile the channel is there, and what was to be told of it is told.
    await expect(card).to_contain_text(re.compile(r"in\s+#incident-"), timeout=PATIENCE * 1000)
    await card.page.wait_for_timeout(5_000)
    tapped = time.monotonic()
    await button.click()
    await expect(card).to_contain_text("acknowledged by lee", timeout=PATIENCE * 1000)
    assert time.monotonic() - tapped < 2.0
    await page.close()


async def channel_of(card: Locator) -> str:
    found = re.search(r"incident-\d{4}-\d\d-\d\d-\d\d-\d\d(-\d+)?", await card.inner_text())
    assert found is not None
    return found[0]


async def roll_back(browser: Browser, sandbox: Endpoints) -> None:
    """Ana rolls the suspect back from the alert's card; Mia approves."""
    ana = await opened(browser, sandbox, "ana", "alerts-critical")
    await ana.click_button("Roll back", message="HighErrorRate")
    await ana.confirm()
    mia = await opened(browser, sandbox, "mia", "alerts-critical")
    await mia.wait_for_message("Needs an approver")
    await mia.click_button("Approve")
    await mia.confirm()
    for page in (ana, mia):
        await page.close()


async def close(page: SlackPage, card: Locator) -> None:
    """Close it, unless everything could be shown, so that it closed itself."""
    if await page.page.locator(".messages .msg").filter(has_text="The incident is closed.").count() == 0:
        await page.click_button("Close", message="The watch is over")
    await expect(card).to_contain_text("Closed, took")
    await look(page, "07-closed")
