"""The local Slack's page as a person uses it: whom they are, what they type, click and read."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import pytest
from playwright.async_api import Browser, Locator, Page, ViewportSize, async_playwright, expect

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE_MS = 10_000
DESK: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


def require_chromium() -> None:
    """Skip the test where there is no browser; in CI that is a failure."""
    if CHROMIUM.exists():
        return
    message = f"{CHROMIUM} is missing (Debian: apt install chromium)"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium. Without it the test is skipped, and in CI it fails."""
    require_chromium()
    async with async_playwright() as playwright:
        # Chromium refuses to run as root with its sandbox, and small machines have too little shared memory for it.
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        await browser.close()


class SlackPage:
    """One browser window. ``screenshots`` is where `screenshot` puts its pictures."""

    def __init__(self, page: Page, screenshots: Path) -> None:
        self.page = page
        self.screenshots = screenshots

    @classmethod
    async def open(
        cls, browser: Browser, url: str, screenshots: Path, *, as_user: str = "ana", size: ViewportSize = DESK
    ) -> Self:
        """A new window of its own on the gateway's address, acting as ``as_user`` (first name or user id)."""
        context = await browser.new_context(viewport=size, locale="en-GB", timezone_id="Etc/UTC")
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        await page.goto(f"{url}/?as={as_user}")
        window = cls(page, screenshots)
        await expect(page.locator(".status", has_text="ui live")).to_be_attached()
        await window._acts_as(as_user)
        return window

    async def as_user(self, name: str) -> None:
        """Become somebody else: what only they may see appears, and what is not for them goes."""
        picker = self.page.locator(".actas select")
        label = await picker.locator("option", has_text=re.compile(rf"^{re.escape(name)}\b", re.IGNORECASE)).inner_text()
        await picker.select_option(label=label)
        await self._acts_as(name)

    async def _acts_as(self, name: str) -> None:
        chosen = self.page.locator(".actas select option:checked")
        await expect(chosen).to_have_text(re.compile(rf"^{re.escape(name)}\b", re.IGNORECASE))
        value = await chosen.get_attribute("value")
        await expect(self.page.locator("body")).to_have_attribute("data-acting-as", value or "")

    async def channel(self, name: str) -> None:
        """Go to a channel."""
        await self.page.locator(".sidebar-item").filter(has_text=re.compile(rf"^[#🔒]{re.escape(name)}$")).click()
        await expect(self.page.locator(".channel-title")).to_have_text(f"# {name}")

    async def command(self, line: str) -> None:
        """Type a slash command, `/deepecho …`, where the person is."""
        await self.say(line)

    async def say(self, text: str) -> None:
        composer = self.page.locator("main .composer")
        await composer.locator("textarea.composer-input").fill(text)
        await composer.locator("button.composer-send").click()

    def message(self, text: str) -> Locator:
        """The newest message in the channel that holds ``text``."""
        return self.page.locator(".messages .msg").filter(has_text=text).last

    async def wait_for_message(self, text: str, *, within: float = 10.0) -> Locator:
        """Wait until a message holds ``text``."""
        message = self.message(text)
        await expect(message).to_be_visible(timeout=within * 1000)
        return message

    async def message_versions(self, message: Locator, *, until: str, within: float) -> AsyncIterator[str]:
        """Every different text of a message that is edited in place, up to the one that holds ``until``."""
        shown, deadline = "", time.monotonic() + within
        while until not in shown:
            assert time.monotonic() < deadline, f"{until!r} did not come within {within} s; last seen:\n{shown}"
            now = await message.inner_text()
            if now == shown:
                await asyncio.sleep(0.05)
                continue
            shown = now
            yield shown

    async def click_button(self, label: str, *, message: str = "") -> None:
        """Click a button of the newest message that has it (and holds ``message``)."""
        button = self.page.locator(".messages .msg").filter(has_text=message)
        await button.locator(".bk-button").get_by_text(label, exact=True).last.click()

    async def choose_in_message(self, option: str, *, message: str) -> None:
        """Choose in the first menu of a message; the "⋯" menu is one too."""
        await self.message(message).locator("select.bk-select").first.select_option(label=option)

    async def confirm(self, *, yes: bool = True) -> None:
        """Answer "are you sure", which a button with `confirm` asks."""
        await self.page.locator(f"dialog.confirm .confirm-{'yes' if yes else 'no'}").click()

    async def thread_of(self, text: str) -> Locator:
        """Open the thread of the newest message that holds ``text``; the messages in it, the first one included."""
        message = await self.wait_for_message(text)
        summary = message.locator(".thread-summary")
        if await summary.count():
            await summary.click()
        else:
            await message.hover()
            await message.locator('button[title="Reply in thread"]').click()
        pane = self.page.locator(".thread-pane")
        await expect(pane).to_be_visible()
        return pane.locator(".msg")

    async def close_thread(self) -> None:
        await self.page.locator(".thread-x").click()

    async def home(self) -> Locator:
        """Open the bot's Home tab; what it shows."""
        await self.page.locator(".sidebar-item").filter(has_text="deepecho").filter(has_text="🏠").click()
        home = self.page.locator(".home")
        await expect(home.locator(".blocks")).to_be_visible()
        return home

    @property
    def modal(self) -> Locator:
        """The form in front."""
        return self.page.locator(".modal")

    def field(self, label: str) -> Locator:
        """The part of a form under the label that begins so."""
        begins = re.compile(rf"^\s*{re.escape(label)}", re.IGNORECASE)
        return self.modal.locator(".bk-input").filter(has=self.page.locator(".bk-label", has_text=begins))

    async def fill(self, label: str, text: str) -> None:
        await self.field(label).locator("input").fill(text)

    async def choose(self, label: str, option: str) -> None:
        """Choose in a form's menu, or tick a box or a radio button."""
        field = self.field(label)
        await expect(field).to_be_visible()  # a count does not wait for the form to open
        if await field.locator("select").count():
            await field.locator("select").select_option(label=option)
        else:
            await field.locator("label").filter(has_text=option).locator("input").check()

    async def submit(self) -> None:
        await self.modal.locator(".modal-foot .modal-btn.primary").click()

    async def close_modal(self) -> None:
        await self.modal.locator(".modal-x").click()

    async def screenshot(self, name: str) -> Path:
        """A picture of the window, kept as ``name``.png."""
        self.screenshots.mkdir(parents=True, exist_ok=True)
        path = self.screenshots / f"{name}.png"
        await self.page.screenshot(path=path)
        return path

    async def overflows(self) -> bool:
        """Whether something sticks out, so that a person would have to scroll sideways."""
        script = (
            "() => [...document.querySelectorAll('.messages, .thread-body, .home')].some((e) => e.scrollWidth > e.clientWidth)"
        )
        return bool(await self.page.evaluate(script))

    async def close(self) -> None:
        await self.page.context.close()
