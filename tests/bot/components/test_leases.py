"""Leases in the whole process: a temporary scale is put back from its card and from the digest."""

import pytest

from domain.leases.lease import Lease, LeaseKind
from storage.leases import LeaseRepository
from tests.harness.bot import BotHarness
from tests.harness.wait import wait_until


@pytest.mark.parametrize("place", ["card", "digest"])
async def test_a_scale_for_a_time_is_named_with_a_button_that_puts_it_back(harness: BotHarness, place: str) -> None:
    people = harness.slack.client
    async with harness.run_bot() as bot:

        async def scales() -> tuple[Lease, ...]:
            async with bot.core.store.read() as tx:
                return await tx.of(LeaseRepository).of_kind(LeaseKind.SCALE, "staging")

        async def is_scaled() -> bool:
            return bool(await scales())

        async def is_back() -> bool:
            return not await scales()

        await people.command("ana", "scale staging deep-echo-main 5 --for 2h --reason the fair", channel="deploys")
        await wait_until(is_scaled)
        if place == "card":
            message = await people.wait_for_message(lambda each: "Scale back now" in each.buttons)
        else:
            await people.command("ana", f"{place} staging", channel="deploys")
            message = await people.wait_for_ephemeral("ana", "deep-echo-main has 5 pods instead of")
        assert ("What the night left behind" in message.visible_text) is (place == "digest")
        await people.press("ana", message, "Scale back now")
        await wait_until(is_back)
        await people.command("ana", "leases staging --mine", channel="deploys")
        await people.wait_for_ephemeral("ana", "Nothing of yours is set for a time")
