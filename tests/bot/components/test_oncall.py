"""The pager changes hands in the whole process: typed, told to both, taken back by one tap in a direct message."""

from storage.oncall import OncallRepository
from tests.harness.bot import BotHarness, get_endpoint
from tests.harness.wait import wait_until

TEAM = "platform"


async def test_ana_takes_the_pager_from_lee_who_takes_it_back_in_one_tap(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        people = harness.slack.client

        async def overrides() -> int:
            async with bot.core.store.read() as tx:
                roster = await tx.of(OncallRepository).roster(bot.core.current_catalogue(), TEAM, harness.clock.now())
            return sum(each.ends > harness.clock.now() for each in roster.overrides)

        async def is_known() -> bool:
            async with bot.core.store.write() as tx:
                return (await tx.of(OncallRepository).lock_team(TEAM)).promised_until is not None

        await wait_until(is_known)
        await people.command("ana", "oncall", channel="ops")
        await people.wait_for_ephemeral("ana", "primary: ")

        await people.command("ana", "oncall take --reason lee is in hospital", channel="ops")
        await people.wait_for_ephemeral("ana", "is on call for platform (primary) instead of")
        told = await people.wait_for_message(lambda m: "You are no longer on call for platform (primary)." in m.visible_text)
        assert "took the pager: lee is in hospital" in told.visible_text
        await people.wait_for_message(lambda m: "You are on call for platform (primary)" in m.visible_text)
        assert await overrides() == 1

        await people.press("lee", told, "Undo")
        await people.wait_for_message(lambda m: "You are no longer on call" in m.visible_text and m.ts > told.ts)
        assert await overrides() == 0

        status, page = await get_endpoint(bot, "/metrics")
        assert (status, "deepecho_calendars_served_total 0.0" in page) == (200, True)
