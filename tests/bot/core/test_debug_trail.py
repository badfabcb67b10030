"""With DEEPECHO_LOG__LEVEL=debug, the log tells of an operation from the command to the last message in Slack."""

from tests.harness.bot import BotHarness
from tests.harness.debug_log import debug_log, in_order, story_of


async def test_an_operation_and_its_messages_are_found_by_one_id(harness: BotHarness) -> None:
    with debug_log() as entries:
        async with harness.run_bot() as bot:
            people = harness.slack.client
            await people.command("ana", "restart staging deep-echo-main", channel="staging")
            await people.wait_for_message(lambda m: "verified" in m.visible_text.lower(), channel="staging")
            async with bot.core.store.read() as tx:
                (record,) = await tx.operations.recent()

    story = story_of(entries, record.id)
    assert in_order(story, "operation planned", "operation started", "operation step done", "operation ended")
    assert in_order(story, "outbox message stored", "outbox message claimed", "outbox message sent")
    assert {entry["message"] for entry in story if entry["event"] == "outbox message sent"} >= {f"{record.id}/card"}
