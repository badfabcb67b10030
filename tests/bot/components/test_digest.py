"""The digest in the whole process: it arrives once, also where Slack did not take it, and its buttons do what they say."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import yaml

from bot.wiring import Bot
from domain.digest.digest import Digest
from domain.health import HealthLevel, HealthLine
from domain.leases.lease import Lease, LeaseKind
from domain.people import Person
from sandbox.slack.message_views import MessageView
from storage.digest import DigestRepository, DigestState, PlannedDigest
from storage.leases import LeaseRepository
from tests.harness.bot import BotHarness
from tests.harness.wait import wait_until

DUE_IN = timedelta(hours=3)


def add_digest(harness: BotHarness) -> date:
    """One of production that is due in three hours; its period."""
    data = yaml.safe_load(harness.catalogue.read_text())
    at = harness.clock.now().astimezone(UTC) + DUE_IN
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    channel = data["environments"]["production"]["channel"]
    settings = {"environment": "production", "channel": channel, "zone": "UTC", "at": f"{at:%H:%M}", "days": days}
    data["digests"] = {"platform": settings}
    harness.catalogue.write_text(yaml.safe_dump(data))
    return at.date()


def is_digest(message: MessageView) -> bool:
    return "Good morning" in message.visible_text


async def state(bot: Bot, period: date) -> DigestState | None:
    async with bot.core.store.read() as tx:
        found = await tx.of(DigestRepository).get("platform", period)
    return found.state if found else None


async def silence_of_the_night(bot: Bot, now: datetime) -> None:
    """One that was made tonight and holds for days, beside one of last week that does, too."""
    made = Lease(
        kind=LeaseKind.SILENCE,
        environment="production",
        key="s-1",
        owner=Person("U0ANA", "T0HOME"),
        purpose="until the new disk is there",
        set_at=now,
        until=now + timedelta(days=3),
        undo="unsilence al-k7m2",
    )
    async with bot.core.store.write() as tx:
        await tx.of(LeaseRepository).put(made)
        old = replace(made, key="s-2", purpose="a silence of last week", set_at=now - timedelta(days=7))
        await tx.of(LeaseRepository).put(old)


async def test_a_digest_arrives_and_its_button_unlocks_what_the_night_left_locked(harness: BotHarness) -> None:
    period, people = add_digest(harness), harness.slack.client
    async with harness.run_bot() as bot:

        async def is_planned() -> bool:
            return await state(bot, period) is DigestState.PLANNED

        await wait_until(is_planned)
        await people.command("sam", "lock production database move", channel="ops")

        async def is_locked() -> bool:
            async with bot.core.store.read() as tx:
                return bool(await tx.locks.active(harness.clock.now()))

        await wait_until(is_locked)
        await silence_of_the_night(bot, harness.clock.now())
        harness.clock.offset += DUE_IN
        digest = await people.wait_for_message(is_digest)
        assert "production is locked by" in digest.visible_text
        assert "until the new disk is there" in digest.visible_text
        assert "a silence of last week" not in digest.visible_text
        assert "pods" in digest.visible_text
        await people.press("sam", digest, "Unlock")
        await people.wait_for_ephemeral("sam", "unlocked")

        await people.command("sam", f"digest production --for {period}", channel="ops")
        await people.wait_for_ephemeral("sam", "What the night left behind")


@pytest.mark.parametrize("takes_files", [True, False])
async def test_its_picture_is_in_its_thread_and_a_slack_that_refuses_files_delays_nothing(
    harness: BotHarness, *, takes_files: bool
) -> None:
    period, people = add_digest(harness), harness.slack.client
    if not takes_files:
        await people.faults.add("files.getUploadURLExternal", "ok_false:missing_scope")
    async with harness.run_bot() as bot:

        async def is_planned() -> bool:
            return await state(bot, period) is DigestState.PLANNED

        await wait_until(is_planned)
        # Two: a busy machine may not measure in time, and the picture does not depend on it.
        for days in (1, 2):
            await save_earlier(bot, harness, period - timedelta(days=days))
        harness.clock.offset += DUE_IN
        digest = await people.wait_for_message(is_digest)

        async def has_words() -> bool:
            return "Health of production" in " ".join(
                each.visible_text for each in await people.thread(digest.channel, digest.ts)
            )

        await wait_until(has_words, within=60)

        async def has_ended() -> bool:
            async with bot.core.store.read() as tx:
                failed = await tx.outbox.failed_messages(since=harness.clock.now() - timedelta(days=1))
            files = [each for reply in await people.thread(digest.channel, digest.ts) for each in reply.files]
            return len(files) == 1 if takes_files else bool(failed)

        await wait_until(has_ended, within=60)  # the first picture of a process takes long
        assert await state(bot, period) is DigestState.DELIVERED


async def save_earlier(bot: Bot, harness: BotHarness, period: date) -> None:
    """A digest with other numbers than today's, of an audience that gets none today."""
    at = harness.clock.now()
    pods = HealthLine(system="pods", level=HealthLevel.GREEN, text="3/3", measured_at=at, value=3)
    made = Digest(audience="earlier", environment="production", period=period, due_at=at, made_at=at, lines=(pods,))
    async with bot.core.store.write() as tx:
        planned = PlannedDigest(audience="earlier", period=period, environment="production", due_at=at)
        await tx.of(DigestRepository).plan(planned)
        await tx.of(DigestRepository).make(made)


async def test_a_digest_that_slack_did_not_take_is_delivered_after_a_restart(harness: BotHarness) -> None:
    period, people = add_digest(harness), harness.slack.client
    await people.faults.answer_unavailable("chat.postMessage", times=1000)
    async with harness.run_bot() as bot:

        async def is_planned() -> bool:
            return await state(bot, period) is DigestState.PLANNED

        async def is_made() -> bool:
            return await state(bot, period) is DigestState.MADE

        await wait_until(is_planned)
        harness.clock.offset += DUE_IN
        await wait_until(is_made)
    await people.faults.clear()
    harness.clock.offset += timedelta(hours=1)
    async with harness.run_bot() as bot:
        digest = await people.wait_for_message(is_digest)

        async def is_delivered() -> bool:
            return await state(bot, period) is DigestState.DELIVERED

        await wait_until(is_delivered)
        messages = await people.all_messages(digest.channel)
        assert sum(map(is_digest, messages)) == 1
