"""People who left, roles that a reload took, and a Slack that cannot be asked, as people see them in Slack."""

from typing import Any

import yaml

from bot.wiring import Bot
from domain.operations.operation import OperationRecord, State
from runbooks.operations.service import OperationService
from sandbox.slack import RunningSlack
from sandbox.slack.client import MessageView
from tests.harness.bot import BotHarness
from tests.harness.wait import wait_until

ASK = 'rollback production abc1234 --reason "errors"'


async def ask(slack: RunningSlack, by: str = "ana") -> MessageView:
    """The card of a rollback that waits for its approval."""
    await slack.client.command(by, ASK, channel="production")
    return await slack.client.wait_for_message(lambda each: "Approve" in each.buttons, channel="production")


async def only_operation(bot: Bot) -> OperationRecord:
    (record,) = await bot.service(OperationService).recent()
    return record


def edit_catalogue(harness: BotHarness, **changed: Any) -> None:
    """Write other fields into the catalogue's file. They hold after a reload."""
    data = yaml.safe_load(harness.catalogue.read_text())
    harness.catalogue.write_text(yaml.safe_dump(data | changed))


def roles_without(harness: BotHarness, user: str) -> dict[str, Any]:
    roles = yaml.safe_load(harness.catalogue.read_text())["roles"]
    return {scope: {role: [each for each in ids if each != user] for role, ids in by.items()} for scope, by in roles.items()}


async def test_an_approver_who_was_just_deactivated_approves_nothing(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        people = harness.slack.client
        await people.command("mia", "whoami", channel="production")
        await people.wait_for_ephemeral("mia", "approver")  # and is in the cache for five minutes
        card = await ask(harness.slack)
        await people.change_account("mia", deleted=True, tell=False)
        await people.press("mia", card, "Approve")
        assert "Nothing was changed." in (await people.wait_for_ephemeral("mia", "can change and look up nothing")).visible_text
        assert (await only_operation(bot)).state is State.WAITING


async def test_an_approver_who_was_taken_out_of_the_group_approves_nothing(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        people = harness.slack.client
        await people.command("kim", "whoami", channel="production")
        await people.wait_for_ephemeral("kim", "sre")
        card = await ask(harness.slack)
        await people.set_group_members("sre-team", tell=False)
        await people.press("kim", card, "Approve")
        await people.wait_for_ephemeral("kim", "needs the role approver in production, which you do not hold")
        assert (await only_operation(bot)).state is State.WAITING


async def test_slacks_events_are_believed_at_once(harness: BotHarness) -> None:
    async with harness.run_bot():
        people = harness.slack.client
        await people.command("kim", "whoami", channel="ops")
        await people.wait_for_ephemeral("kim", "sre")
        await people.set_group_members("sre-team")
        await people.command("kim", "lock production database move", channel="ops")
        await people.wait_for_ephemeral("kim", "needs the role deployer")
        await people.command("ana", "whoami", channel="ops")
        await people.wait_for_ephemeral("ana", "deployer")
        await people.change_account("ana", is_restricted=True)
        await people.command("ana", "lock production database move", channel="ops")
        await people.wait_for_ephemeral("ana", "Guests can change and look up nothing here")


async def test_what_somebody_asked_for_who_left_is_not_done(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        people = harness.slack.client
        card = await ask(harness.slack)
        await people.change_account("ana", deleted=True, tell=False)
        await people.press("mia", card, "Approve")
        await people.wait_for_ephemeral("mia", "has no active account any more. Nothing was changed.")
        assert (await only_operation(bot)).state is State.WAITING


async def test_a_reload_while_slack_is_asked_who_somebody_is_counts(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        people = harness.slack.client
        await people.faults.hold("users.info")
        await people.command("ana", "lock production database move", channel="production")
        await wait_until(lambda: held(harness))
        edit_catalogue(harness, roles=roles_without(harness, harness.slack.names["ana"]))
        await bot.core.reload()
        await people.faults.clear()
        await people.wait_for_ephemeral("ana", "needs the role deployer in production")
        async with bot.core.store.read() as tx:
            assert await tx.locks.active(harness.clock.now()) == ()


async def held(harness: BotHarness) -> bool:
    """Whether a look-up of a person has reached Slack."""
    return any(call["method"] == "users.info" for call in await harness.slack.client.api_calls()) or not (
        await harness.slack.client.faults.pending()
    )


async def test_an_environment_that_a_reload_took_away_is_answered_in_words(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        people = harness.slack.client
        card = await ask(harness.slack)
        data = yaml.safe_load(harness.catalogue.read_text())
        environments = {name: each for name, each in data["environments"].items() if name != "production"}
        roles = {scope: by for scope, by in data["roles"].items() if scope != "production"}
        edit_catalogue(harness, environments=environments, roles=roles, digests={})
        await bot.core.reload()
        await people.click("mia", card, "operation.approve", (await only_operation(bot)).id, stale=True)
        said = (await people.wait_for_ephemeral("mia", "production is no longer in the catalogue.")).visible_text
        assert "Something went wrong" not in said
        ended = await people.wait_for_message(
            lambda each: "no longer in the catalogue" in each.visible_text, channel="production"
        )
        assert not ended.buttons
        assert bot.slack.dispatcher.failures == 0


async def test_production_waits_for_slack_and_the_card_says_so(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        people = harness.slack.client
        card = await ask(harness.slack)
        async with bot.core.store.write() as tx:
            record = await only_operation(bot)
            services, by, at = record.plan.services, record.requested_by, harness.clock.now()
            await tx.locks.lock_services("op-other", "production", services, by, at)
        await people.press("mia", card, "Approve")
        await people.wait_for_message(lambda each: "waits for op-other" in each.visible_text, channel="production")
        await people.faults.answer_unavailable("users.info", times=10_000)
        async with bot.core.store.write() as tx:
            await tx.locks.release("op-other")
        await people.wait_for_message(
            lambda each: "waits for Slack to say who may still" in each.visible_text, channel="production"
        )
        await people.faults.clear()
        await people.wait_for_message(lambda each: "run main-abc1234" in each.visible_text, channel="production", within=60)
