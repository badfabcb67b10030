"""Leases in the whole process: a temporary scale is in the morning's digest, and its button puts it back."""

from domain.leases.lease import Lease, LeaseKind
from storage.leases import LeaseRepository
from tests.harness.bot import BotHarness
from tests.harness.wait import wait_until


async def test_the_digest_names_a_scale_that_is_about_to_end_and_its_button_puts_it_back(harness: BotHarness) -> None:
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
        await people.command("ana", "digest staging", channel="deploys")
        digest = await people.wait_for_ephemeral("ana", "What the night left behind")
        assert "scale of" in digest.visible_text
        assert "deep-echo-main has 5 pods instead of" in digest.visible_text
        await people.press("ana", digest, "Scale back now")
        await wait_until(is_back)
        await people.command("ana", "leases staging --mine", channel="deploys")
        await people.wait_for_ephemeral("ana", "Nothing of yours is set for a time")
