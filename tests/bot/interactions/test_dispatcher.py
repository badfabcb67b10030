"""What a person gets for a command, a click, a form and the Home tab; and what they get after a crash."""

import json
from datetime import timedelta
from typing import Any

import pytest

from domain.facts import Answer
from domain.inbound import InboundKind
from runbooks.operations.service import OperationService
from storage.engines import open_engines
from storage.store import Store
from tests.harness.bot import BotHarness, store_unanswered, stored_answer
from tests.harness.wait import wait_until

APPROVED = "You approved"


async def test_a_command_is_answered_to_the_person_alone(harness: BotHarness) -> None:
    async with harness.run_bot():
        await harness.slack.client.command("ana", "whoami", channel="ops")
        answer = await harness.slack.client.wait_for_ephemeral("ana", "deployer")
        assert answer.channel == harness.slack.channels["ops"]
        assert await harness.slack.client.ephemerals("mia") == []


async def test_nonsense_is_answered_in_words(harness: BotHarness) -> None:
    async with harness.run_bot():
        await harness.slack.client.command("ana", "rolback production")
        assert "Did you mean `rollback`?" in (await harness.slack.client.wait_for_ephemeral("ana")).visible_text


async def test_a_click_gets_its_answer_and_so_does_the_late_one(harness: BotHarness) -> None:
    async with harness.run_bot():
        people = harness.slack.client
        await people.command("ana", 'rollback production abc1234 --reason "errors"', channel="production")
        card = await people.wait_for_message(lambda m: "Approve" in m.buttons, channel="production")
        await people.press("mia", card, "Approve")
        await people.wait_for_ephemeral("mia", "You approved op-")
        await people.click("sam", card, "operation.reject", card_id(card.visible_text), stale=True)
        assert "already approved by" in (await people.wait_for_ephemeral("sam")).visible_text


def card_id(words: str) -> str:
    return next(word.strip("`") for word in words.split() if word.strip("`").startswith("op-"))


async def test_a_form_opens_is_filled_and_becomes_the_command(harness: BotHarness) -> None:
    async with harness.run_bot():
        people = harness.slack.client
        await people.command("ana", "rollback production", channel="production")
        view = await people.wait_for_modal("ana", lambda each: "main-abc1234" in json.dumps(each.raw))
        assert "Send" in json.dumps(view.raw)
        await people.submit("ana", version="main-abc1234", reason="errors went up")
        card = await people.wait_for_message(lambda m: "Approve" in m.buttons, channel="production")
        assert "errors went up" in card.visible_text
        assert "op-" in (await people.wait_for_ephemeral("ana", "op-")).visible_text


async def test_the_form_opens_before_slack_or_the_cluster_is_asked_anything(harness: BotHarness) -> None:
    async with harness.run_bot():
        people = harness.slack.client
        await people.faults.slow("users.info", 1.0)
        await people.command("ana", "rollback production", channel="production")
        await people.wait_for_modal("ana", lambda each: "main-abc1234" in json.dumps(each.raw), within=10)
        calls = {call["method"]: call["time"] for call in reversed(await people.api_calls())}
        assert calls["views.open"] < calls["users.info"] < calls["views.update"]


async def test_a_form_for_somebody_without_the_role_says_so(harness: BotHarness) -> None:
    async with harness.run_bot():
        people = harness.slack.client
        await people.command("ivo", "rollback production", channel="production")
        view = await people.wait_for_modal("ivo", lambda each: "deployer" in json.dumps(each.raw))
        assert "submit" not in view.raw or view.raw["submit"] is None


async def test_a_form_that_slack_does_not_open_is_asked_for_in_words(harness: BotHarness) -> None:
    async with harness.run_bot():
        people = harness.slack.client
        await people.faults.refuse("views.open", "expired_trigger_id")
        await people.command("ana", "rollback production", channel="production")
        assert "rollback" in (await people.wait_for_ephemeral("ana")).visible_text


async def test_the_home_tab_shows_and_its_buttons_answer(harness: BotHarness) -> None:
    async with harness.run_bot():
        people = harness.slack.client
        await people.command("ana", "rollback production abc1234 --reason errors", channel="production")
        card = await people.wait_for_message(lambda m: "Approve" in m.buttons, channel="production")
        await people.open_home("mia")
        await people.wait_for_home("mia", lambda view: card_id(card.visible_text) in json.dumps(view.raw))
        await people.click_in_home("mia", "operation.approve", card_id(card.visible_text))
        await people.wait_for_modal("mia", lambda view: APPROVED in json.dumps(view.raw))
        await people.wait_for_home("mia", lambda view: "waiting for approval" not in json.dumps(view.raw))


async def test_nobody_is_trusted_while_slack_cannot_say_who_they_are(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        people = harness.slack.client
        await people.faults.answer_unavailable("users.info", times=5)
        await people.command("ana", "restart staging deep-echo-main", channel="staging")
        assert "Slack could not be asked who you are" in (await people.wait_for_ephemeral("ana")).visible_text
        assert await bot.service(OperationService).recent() == ()


async def test_of_an_answer_that_is_too_long_the_whole_is_a_file_in_a_direct_message(harness: BotHarness) -> None:
    async with harness.run_bot():
        people = harness.slack.client
        await people.command("ana", "logs staging deep-echo-main --last 1h", channel="ops")
        answer = await people.wait_for_ephemeral("ana", "deep-echo-main in staging")
        assert "The last lines; all of them are in the file." in answer.visible_text
        assert "the whole text is a file in a direct message" in answer.visible_text
        file = await people.wait_for_message(lambda each: any(file["name"] == "answer.txt" for file in each.files))
        assert file.channel.startswith("D")


async def test_a_used_up_response_url_is_replaced_by_the_channel(harness: BotHarness) -> None:
    async with harness.run_bot():
        people = harness.slack.client
        await people.faults.refuse("response_url", "used_url")
        await people.command("ana", "whoami", channel="ops")
        assert "deployer" in (await people.wait_for_ephemeral("ana")).visible_text


async def test_a_lost_answer_is_not_sent_twice(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        people = harness.slack.client
        await people.faults.drop_after_delivery("response_url")
        await people.command("ana", "whoami", channel="ops")
        await wait_until(lambda: bot.slack.dispatcher.replies.lost == 1)
        await people.command("ana", "help", channel="ops")
        await people.wait_for_ephemeral("ana", "rollback")
        assert sum("time zone" in each.visible_text for each in await people.ephemerals("ana")) == 1


async def test_an_envelope_that_comes_twice_is_answered_once(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        people = harness.slack.client
        await people.sockets.repeat()
        await people.command("ana", "whoami", channel="ops")
        await people.wait_for_ephemeral("ana", "deployer")
        await wait_until(lambda: bot.slack.intake.duplicates == 1)
        assert len(await people.ephemerals("ana")) == 1


async def test_a_mistake_of_ours_is_one_log_entry_and_one_sentence(
    harness: BotHarness, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_request: object, _text: str) -> Answer:
        raise ZeroDivisionError

    async with harness.run_bot() as bot:
        people = harness.slack.client
        # A defect that no input can cause has to be put there.
        monkeypatch.setattr(bot.slack.dispatcher._dependencies.registry, "answer", broken)
        await people.command("ana", "status", channel="ops")
        said = (await people.wait_for_ephemeral("ana", "Something went wrong here.")).visible_text
        monkeypatch.undo()
        await people.command("ana", "whoami", channel="ops")
        await people.wait_for_ephemeral("ana", "deployer")
        assert "Nothing more was done. The log has it under" in said
        assert bot.slack.dispatcher.failures == 1


def stored_command_body(text: str, *, response_url: str = "") -> str:
    """A command as an earlier process kept it."""
    known = {"user_id": "U0ANA00001", "team_id": "T0DEEPECHO", "channel_id": "C0OPS00008"}
    return json.dumps(known | {"text": text, "response_url": response_url, "trigger_id": ""})


async def test_a_young_leftover_is_answered_at_the_next_start(harness: BotHarness) -> None:
    store = Store(open_engines(harness.database))
    left: dict[str, Any] = {"body": stored_command_body("whoami"), "kind": InboundKind.COMMAND, "claimed_by": "a-dead-one"}
    await store_unanswered(store, harness, key="young", age=timedelta(seconds=20), **left)
    async with harness.run_bot():
        await harness.slack.client.wait_for_ephemeral("ana", "deployer")
    assert await stored_answer(store, "young") == "WhoAmI"
    await store.close()


async def test_an_old_leftover_is_asked_for_again_and_never_becomes_an_operation(harness: BotHarness) -> None:
    store = Store(open_engines(harness.database))
    body = stored_command_body("restart staging deep-echo-main", response_url=f"{harness.slack.url}/response/unknown")
    await store_unanswered(
        store, harness, key="old", body=body, kind=InboundKind.COMMAND, age=timedelta(seconds=90), claimed_by="a-dead-one"
    )
    async with harness.run_bot() as bot:
        said = (await harness.slack.client.wait_for_ephemeral("ana", "repeat")).visible_text
        assert "`/deepecho restart staging deep-echo-main`" in said
        assert "No operation was started" in said
        assert await bot.service(OperationService).recent() == ()
    assert await stored_answer(store, "old") == "expired"
    await store.close()


async def test_an_old_leftover_whose_operation_exists_is_its_card_s_to_tell(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        people = harness.slack.client
        await people.command("ana", "restart staging deep-echo-main", channel="staging")
        await people.wait_for_ephemeral("ana", "op-")
        (record,) = await bot.service(OperationService).recent()
        async with bot.core.store.engines.write.begin() as connection:
            await connection.exec_driver_sql("UPDATE inbox SET answered_at = NULL, outcome = ''")
        harness.clock.offset = timedelta(seconds=90)
        before = len(await people.ephemerals("ana"))
        await bot.slack.unanswered_sweeper.run_once()
        assert await stored_answer(bot.core.store, record.source) == record.id
        assert len(await people.ephemerals("ana")) == before


async def test_the_sweep_leaves_alone_what_is_being_answered(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        people = harness.slack.client
        await people.faults.slow("users.info", 1.5)
        await people.command("ana", "whoami", channel="ops")
        harness.clock.offset = timedelta(seconds=90)
        await bot.slack.unanswered_sweeper.run_once()
        await people.wait_for_ephemeral("ana", "deployer", within=10)
        assert all("repeat" not in each.visible_text for each in await people.ephemerals("ana"))


async def test_the_catalogue_is_reloaded_by_command_all_or_nothing(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        people = harness.slack.client
        text = harness.catalogue.read_text()
        harness.catalogue.write_text(text.replace("protected: true", "protected: false"))
        await people.command("ana", "reload")
        assert "may not use `reload`" in (await people.wait_for_ephemeral("ana")).visible_text
        await people.command("noor", "reload")
        said = (await people.wait_for_ephemeral("noor")).visible_text
        assert "environments.production.protected: True → False" in said
        harness.catalogue.write_text(text.replace("workspaces:", "workspace:"))
        await people.command("noor", "reload")
        assert "workspace" in (await people.wait_for_ephemeral("noor", "is not a key that is known here")).visible_text
        assert not bot.core.current_catalogue().environments["production"].protected


async def test_the_whole_story_over_http(harness: BotHarness) -> None:
    async with harness.run_bot(mode="http") as bot:
        people = harness.slack.client
        await people.set_request_url(f"http://127.0.0.1:{bot.port}/slack/events")
        await people.command("ana", "whoami", channel="ops")
        await people.wait_for_ephemeral("ana", "deployer")
        await people.open_home("ana")
        await people.wait_for_home("ana")


async def test_nonsense_is_answered_while_slack_cannot_say_who_asks(harness: BotHarness) -> None:
    async with harness.run_bot():
        people = harness.slack.client
        await people.faults.answer_unavailable("users.info", times=5)
        await people.command("ana", "rolback staging last", channel="staging")
        assert "Did you mean `rollback`?" in (await people.wait_for_ephemeral("ana")).visible_text
