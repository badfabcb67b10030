"""The story as a new user would try it: the sandbox, its page, people clicking, pods changing at a pace that one can watch."""

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, FloatRect, Locator, expect

from sandbox.endpoints import Endpoints
from sandbox.platform import SandboxSettings, open_sandbox
from tests.harness.ports import free_ports
from tests.harness.slack_page import PHONE, SlackPage

pytestmark = pytest.mark.browser
PROJECT = Path(__file__).resolve().parents[2]
SCREENSHOTS = PROJECT / ".screenshots" / "story"
README_PICTURES = PROJECT / "docs" / "images" if os.environ.get("KEEP_PICTURES") else None
"""`KEEP_PICTURES=1 make test-browser` takes the README's pictures anew."""
REAL_CLUSTER = os.environ.get("SANDBOX_KUBECONFIG", "")
BETWEEN = r"\b1 of 2 services done" if REAL_CLUSTER else r"\b([12]/3|[1-5]/6) ready"
"""What a card shows on its way. Pretend nodes are quicker than a card may be edited."""
ROLLBACK = '/deepecho rollback production abc1234 --reason "errors since yesterday"'
TITLE = "Roll back production to main-abc1234"


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Endpoints]:
    """With `SANDBOX_KUBECONFIG`, on a real cluster: one whose production still runs main-9f00d12."""
    async with open_sandbox(SandboxSettings(port=free_ports(), folder=tmp_path, kubeconfig=REAL_CLUSTER)) as endpoints:
        yield endpoints


async def window(browser: Browser, sandbox: Endpoints, name: str, channel: str = "production") -> SlackPage:
    page = await SlackPage.open(browser, sandbox.slack, SCREENSHOTS, as_user=name)
    await page.channel(channel)
    return page


async def phone(browser: Browser, sandbox: Endpoints, name: str, channel: str = "production") -> SlackPage:
    page = await SlackPage.open(browser, sandbox.slack, SCREENSHOTS, as_user=name, size=PHONE)
    await page.channel(channel)
    return page


async def keep(page: SlackPage, name: str, *, width: int, height: int) -> None:
    """A picture for the README: the channel, from its first message on, without what is beside it."""
    if README_PICTURES:
        README_PICTURES.mkdir(parents=True, exist_ok=True)
        around: FloatRect = {"x": 220, "y": 94, "width": width, "height": height}
        await page.page.screenshot(path=README_PICTURES / f"{name}.png", clip=around)


async def test_one_asks_another_approves_and_the_pods_prove_it(sandbox: Endpoints, browser: Browser) -> None:
    ana, mia = await window(browser, sandbox, "ana"), await window(browser, sandbox, "mia")
    kim = await phone(browser, sandbox, "kim")
    await ana.command(ROLLBACK)
    await ana.wait_for_message("It waits for an approval.")
    card = await mia.wait_for_message(TITLE)
    await check_waiting(card, mia, kim)
    await check_own_approval_refused(ana)
    await approve_and_watch(card, mia, kim)
    await check_thread(mia, kim)


async def check_waiting(card: Locator, mia: SlackPage, kim: SlackPage) -> None:
    for part in (
        "Needs an approver other than @Ana",
        "errors since yesterday",
        "main-9f00d12 → main-abc1234",
        "deep-echo-main · 3 pods",
        "deep-echo-cognitive · 6 pods (autoscaled 3 to 20)",
        "ConfigMap deep-echo-config changed after main-abc1234 ran",
        "asked by @Ana",
        "/deepecho approve op-",
    ):
        await expect(card).to_contain_text(part)
    for label in ("Approve", "Reject", "Cancel"):
        await expect(card.locator(".bk-button").get_by_text(label, exact=True)).to_be_visible()
    await expect(card).to_contain_text("expires")
    await mia.page.mouse.move(0, 0)
    await mia.screenshot("01-waiting")
    await keep(mia, "waiting", width=740, height=480)
    await kim.wait_for_message("Needs an approver")
    await kim.screenshot("02-waiting-phone")
    assert not await kim.overflows()


async def check_own_approval_refused(ana: SlackPage) -> None:
    await ana.click_button("Approve")
    await ana.confirm()
    await ana.wait_for_message("You asked for", within=5)
    await ana.wait_for_message("another person has to approve it. Nothing was changed.")
    await ana.screenshot("03-not-ones-own")


async def approve_and_watch(card: Locator, mia: SlackPage, kim: SlackPage) -> None:
    await mia.click_button("Approve")
    dialog = mia.page.locator("dialog.confirm")
    await expect(dialog).to_contain_text("2 services, 9 pods")
    await mia.screenshot("04-sure")
    await mia.confirm()
    between: list[str] = []
    async for picture in mia.message_versions(card, until="Verified", within=90):
        if re.search(BETWEEN, picture):
            between.append(picture)
        if len(between) == 1:
            await mia.page.mouse.move(0, 0)
            await mia.screenshot("05-counting")
            await kim.screenshot("06-counting-phone")
    assert between, "the card never counted: no picture showed some pods of several ready"
    await expect(card).to_contain_text("Verified: all 9 pods run main-abc1234")
    await expect(card).to_contain_text("approved by @Mia")
    await expect(card.locator(".bk-button")).to_have_count(0)


async def check_thread(mia: SlackPage, kim: SlackPage) -> None:
    replies = await mia.thread_of(TITLE)
    asked = "@Ana asked to roll deep-echo-main and deep-echo-cognitive back to main-abc1234 in production: errors since yesterday"
    for text in (asked, "@Mia approved this.", "Verified: all 9 pods run main-abc1234."):
        reply = replies.filter(has_text=text).last
        await expect(reply).to_contain_text(re.compile(r"\d\d:\d\d \(\d\d:\d\d UTC\) · audit record \d+"))
    await mia.page.mouse.move(0, 0)
    await mia.screenshot("07-verified")
    await keep(mia, "verified", width=1060, height=630)
    await kim.thread_of(TITLE)
    await kim.screenshot("08-thread-phone")
    assert not await kim.overflows()


async def test_the_home_tab_shows_what_one_may_do_and_what_waits(sandbox: Endpoints, browser: Browser) -> None:
    ana = await window(browser, sandbox, "ana")
    home = await ana.home()
    await expect(home).to_contain_text("All quiet")
    for part in ("What you may do", "production · deployer", "with an approval: deploy, rollback, scale down"):
        await expect(home).to_contain_text(part)
    await ana.screenshot("10-home")
    await ana.channel("production")
    await ana.command(ROLLBACK)
    await ana.wait_for_message("Needs an approver")

    mia = await window(browser, sandbox, "mia")
    home = await mia.home()
    await expect(home).to_contain_text("1 operation waiting for approval")
    await mia.screenshot("11-home-waiting")
    on_the_way = await phone(browser, sandbox, "mia")
    home = await on_the_way.home()
    await expect(home).to_contain_text("1 operation waiting for approval")
    await on_the_way.screenshot("12-home-phone")
    assert not await on_the_way.overflows()
    await home.locator(".bk-button").get_by_text("Reject", exact=True).click()
    await ana.wait_for_message("Rejected", within=15)
    await ana.screenshot("13-rejected")


async def test_a_form_opens_for_what_is_missing(sandbox: Endpoints, browser: Browser) -> None:
    ana = await window(browser, sandbox, "ana")
    await ana.command("/deepecho rollback prod")
    await expect(ana.field("Environment").locator("select option:checked")).to_have_text("production")
    await expect(ana.field("Version").locator("select option", has_text="main-abc1234")).to_be_attached()
    await ana.screenshot("20-form")
    await ana.choose("Version", "main-abc1234")
    await ana.choose("Service", "deep-echo-main")
    await ana.fill("Reason", "errors since yesterday")
    await ana.submit()
    await expect(ana.modal).to_have_count(0)
    card = await ana.wait_for_message("Needs an approver")
    await expect(card).to_contain_text("Roll back deep-echo-main in production to main-abc1234")
    await expect(card).to_contain_text("errors since yesterday")
    await ana.screenshot("21-from-the-form")


async def test_who_may_not_is_told_why_and_nothing_changes(sandbox: Endpoints, browser: Browser) -> None:
    ana, ivo = await window(browser, sandbox, "ana"), await window(browser, sandbox, "ivo")
    zoe = await window(browser, sandbox, "zoe", "general")
    await ana.command(ROLLBACK)
    card = await ivo.wait_for_message("Needs an approver")
    await ivo.click_button("Approve")
    await ivo.confirm()
    await ivo.wait_for_message("needs the role approver in production, which you do not hold. Nothing was changed.")
    await ivo.command("/deepecho rollback production abc1234 --reason curious")
    await ivo.wait_for_message("This needs the role deployer in production, which you do not hold.")
    await ivo.screenshot("30-viewer")
    await zoe.command("/deepecho rollback production abc1234 --reason curious")
    await zoe.wait_for_message("guest")
    await zoe.screenshot("31-guest")
    await expect(card).to_contain_text("Needs an approver")


async def test_pods_that_cannot_start_say_why_within_seconds(sandbox: Endpoints, browser: Browser) -> None:
    ana = await window(browser, sandbox, "ana", "deploys")
    await ana.command("/deepecho deploy dev crash-0000001 main")
    card = await ana.wait_for_message("Deploying")
    replies = await ana.thread_of("Deploying")
    trouble = replies.filter(has_text="does not come up")
    await expect(trouble.first).to_be_visible(timeout=15_000)
    await expect(trouble.first).to_contain_text("KeyError: 'CACHE_TTL_SECONDS'")
    await expect(trouble.first).to_contain_text("password=•••")
    await expect(ana.page.locator("body")).not_to_contain_text("hunter2")
    await expect(card).to_contain_text("0/3 ready")
    await ana.page.mouse.move(0, 0)
    await ana.screenshot("40-crash")
    await ana.close_thread()
    await ana.click_button("Stop")
    await ana.confirm()
    await ana.wait_for_message("Cancelled", within=30)
    await ana.screenshot("41-stopped")
    on_the_way = await phone(browser, sandbox, "ana", "deploys")
    await on_the_way.thread_of("Cancelled")
    await on_the_way.screenshot("42-crash-phone")
    assert not await on_the_way.overflows()


ANSWERS = {
    "": "What you may do",
    "help": "rollback <env> <sha|tag|last>",
    "status": "development",
    "status production": "deep-echo-cognitive",
    "versions production main": "runs now",
    "rolback production abc1234": "Did you mean",
    "rollback production zzz9999 --reason x": "What can be chosen in production, newest first",
    "rollback production last docs --reason x": "belongs to Argo CD",
    "rollback production abc1234 --dry-run": "Dry run",
}


async def test_answers_fit_a_desk_and_a_phone(sandbox: Endpoints, browser: Browser) -> None:
    desk, small = await window(browser, sandbox, "ana", "ops"), await phone(browser, sandbox, "ana", "staging")
    for number, (asked, answered) in enumerate(ANSWERS.items()):
        for page, kind in ((desk, "desk"), (small, "phone")):
            await page.command(f"/deepecho {asked}".strip())
            await page.wait_for_message(answered)
            await page.screenshot(f"5{number}-{asked.split()[0] if asked else 'bare'}-{kind}")
            assert not await page.overflows()
