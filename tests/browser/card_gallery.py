"""The gallery's cards as pictures, to be looked at: on a desk and on a phone.

``python -m tests.browser.card_gallery [word…]`` paints those whose name holds one of the words into ``.screenshots/cards``.
"""

import asyncio
import sys
from pathlib import Path

import aiohttp
from playwright.async_api import expect
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import LocalSlack
from tests.bot.views.gallery import GALLERY
from tests.harness.families import Fact, render
from tests.harness.slack_page import DESK, PHONE, SlackPage, chromium

FOLDER = Path(__file__).resolve().parents[2] / ".screenshots" / "cards"


async def paint(facts: dict[str, Fact]) -> None:
    """One picture for each fact and each size of screen."""
    async with LocalSlack() as slack, aiohttp.ClientSession() as session, chromium() as browser:
        patient: list[AsyncRetryHandler] = [AsyncRateLimitErrorRetryHandler(max_retry_count=5)]
        web = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=patient)
        for size, name in ((DESK, "desk"), (PHONE, "phone")):
            page = await SlackPage.open(browser, slack.url, FOLDER, size=size)
            await page.channel("ops")
            already = await page.page.locator(".messages .msg").count()
            for number, (fact_name, fact) in enumerate(facts.items(), start=1):
                message = render(fact)
                await web.chat_postMessage(channel=slack.channels["ops"], text=message.text, blocks=list(message.blocks))
                shown = page.page.locator(".messages .msg").last
                await expect(page.page.locator(".messages .msg")).to_have_count(already + number)
                await shown.scroll_into_view_if_needed()
                await shown.screenshot(path=FOLDER / f"{fact_name.replace(' ', '-')}-{name}.png")
            await page.close()


if __name__ == "__main__":
    wanted = sys.argv[1:] or [""]
    FOLDER.mkdir(parents=True, exist_ok=True)
    asyncio.run(paint({name: fact for name, fact in GALLERY.items() if any(word in name for word in wanted)}))
