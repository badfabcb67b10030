"""What a person gets for a command, a click, a form and the Home tab; and what they get after a crash."""

import json
from datetime import timedelta
from typing import Any

import pytest

from domain.answers.answers import Answer
from domain.inbound import DeliveryKind
from storage.engines import open_engines
from storage.store import Store
from tests.harness.bot import Stage, answer_of, leave_behind
from tests.harness.wait import until

APPROVED = "You approved"


async def test_a_command_is_answered_to_the_person_alone(stage: Stage) -> None:
    async with stage.bot():
        await stage.slack.client.command("ana", "whoami", channel="ops")
        answer = await stage.slack.client.wait_for_ephemeral("ana", "deployer")
        assert answer.channel == stage.slack.channels["ops"]
        assert await stage.slack.client.ephemerals("mia") == []


async def test_nonsense_is_answered_in_words(stage: Stage) -> None:
    async with stage.bot():
        await stage.slack.client.command("ana", "rolback production")
        assert "Did you mean `rollback`?" in (await stage.slack.client.wait_for_ephemeral("ana")).words


async def test_a_click_gets_its_answer_and_so_does_the_late_one(stage: Stage) -> None:
    async with stage.bot():
        people = stage.slack.client
        await people.command("ana", 'rollback production abc1234 --reason "errors"', channel="production")
        card = await people.wait_for_message(lambda m: "Approve" in m.buttons, channel="production")
        await people.press("mia", card, "Approve")
        await people.wait_for_ephemeral("mia", "You approved op-")
        await people.click("sam", card, "operation.reject", card_id(card.words), stale=True)
        assert "already approved by" in (await people.wait_for_ephemeral("sam")).words


def card_id(words: str) -> str:
    return next(word.strip("`") for word in words.split() if word.strip("`").startswith("op-"))


async def test_a_form_opens_is_filled_and_becomes_the_command(stage: Stage) -> None:
    async with stage.bot():
        people = stage.slack.client
        await people.command("ana", "rollback production", channel="production")
        view = await people.wait_for_modal("ana", lambda each: "main-abc1234" in json.dumps(each.raw))
        assert "Send" in json.dumps(view.raw)
        await people.submit("ana", version="main-abc1234", reason="errors went up")
        card = await people.wait_for_message(lambda m: "Approve" in m.buttons, channel="production")
        assert "errors went up" in card.words
        assert "op-" in (await people.wait_for_ephemeral("ana", "op-")).words


async def test_the_form_opens_before_slack_or_the_cluster_is_asked_anything(stage: Stage) -> None:
    async with stage.bot():
        people = stage.slack.client
        await people.faults.slow("users.info", 1.0)
        await people.command("ana", "rollback production", channel="production")
        await people.wait_for_modal("ana", lambda each: "main-abc1234" in json.dumps(each.raw), within=10)
        calls = {call["method"]: call["time"] for call in reversed(await people.log())}
        assert calls["views.open"] < calls["users.info"] < calls["views.update"]


async def test_a_form_for_somebody_without_the_role_says_so(stage: Stage) -> None:
    async with stage.bot():
        people = stage.slack.client
        await people.command("ivo", "rollback production", channel="production")
        view = await people.wait_for_modal("ivo", lambda each: "deployer" in json.dumps(each.raw))
        assert "submit" not in view.raw or view.raw["submit"] is None


async def test_a_form_that_slack_does_not_open_is_asked_for_in_words(stage: Stage) -> None:
    async with stage.bot():
        people = stage.slack.client
        await people.faults.refuses("views.open", "expired_trigger_id")
        await people.command("ana", "rollback production", channel="production")
        assert "rollback" in (await people.wait_for_ephemeral("ana")).words


async def test_the_home_tab_shows_and_its_buttons_answer(stage: Stage) -> None:
    async with stage.bot():
        people = stage.slack.client
        await people.command("ana", "rollback production abc1234 --reason errors", channel="production")
        card = await people.wait_for_message(lambda m: "Approve" in m.buttons, channel="production")
        await people.open_home("mia")
        await people.wait_for_home("mia", lambda view: card_id(card.words) in json.dumps(view.raw))
        await people.click_in_home("mia", "operation.approve", card_id(card.words))
        await people.wait_for_modal("mia", lambda view: APPROVED in json.dumps(view.raw))
        await people.wait_for_home("mia", lambda view: "waiting for approval" not in json.dumps(view.raw))


async def test_nobody_is_trusted_while_slack_cannot_say_who_they_are(stage: Stage) -> None:
    async with stage.bot() as bot:
        people = stage.slack.client
        await people.faults.unavailable("users.info", times=5)
        await people.command("ana", "restart staging deep-echo-main", channel="staging")
        assert "Slack could not be asked who you are" in (await people.wait_for_ephemeral("ana")).words
        assert await bot.works.operations.recent() == ()


async def test_a_used_up_response_url_is_replaced_by_the_channel(stage: Stage) -> None:
    async with stage.bot():
        people = stage.slack.client
        await people.faults.refuses("response_url", "used_url")
        await people.command("ana", "whoami", channel="ops")
        assert "deployer" in (await people.wait_for_ephemeral("ana")).words


async def test_a_lost_answer_is_not_sent_twice(stage: Stage) -> None:
    async with stage.bot() as bot:
        people = stage.slack.client
        await people.faults.drops_delivered("response_url")
        await people.command("ana", "whoami", channel="ops")
        await until(lambda: bot.desk.dispatcher.replies.lost == 1)
        await people.command("ana", "help", channel="ops")
        await people.wait_for_ephemeral("ana", "rollback")
        assert sum("time zone" in each.words for each in await people.ephemerals("ana")) == 1


async def test_an_envelope_that_comes_twice_is_answered_once(stage: Stage) -> None:
    async with stage.bot() as bot:
        people = stage.slack.client
        await people.sockets.repeat()
        await people.command("ana", "whoami", channel="ops")
        await people.wait_for_ephemeral("ana", "deployer")
        await until(lambda: bot.desk.intake.repeated == 1)
        assert len(await people.ephemerals("ana")) == 1


async def test_a_mistake_of_ours_is_one_log_entry_and_one_sentence(
    stage: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_request: object, _text: str) -> Answer:
        raise ZeroDivisionError

    async with stage.bot() as bot:
        people = stage.slack.client
        # A defect that no input can cause has to be put there.
        monkeypatch.setattr(bot.desk.dispatcher._house.menu, "answer", broken)
        await people.command("ana", "status", channel="ops")
        said = (await people.wait_for_ephemeral("ana", "Something went wrong here.")).words
        monkeypatch.undo()
        await people.command("ana", "whoami", channel="ops")
        await people.wait_for_ephemeral("ana", "deployer")
        assert "Nothing more was done. The log has it under" in said
        assert bot.desk.dispatcher.failures == 1


def kept_command(text: str, *, response_url: str = "") -> str:
    """A command as an earlier process kept it."""
    known = {"user_id": "U0ANA00001", "team_id": "T0DEEPECHO", "channel_id": "C0OPS00008"}
    return json.dumps(known | {"text": text, "response_url": response_url, "trigger_id": ""})


async def test_a_young_leftover_is_answered_at_the_next_start(stage: Stage) -> None:
    store = Store(open_engines(stage.database))
    left: dict[str, Any] = {"body": kept_command("whoami"), "kind": DeliveryKind.COMMAND, "by": "a-dead-one"}
    await leave_behind(store, stage, key="young", age=timedelta(seconds=20), **left)
    async with stage.bot():
        await stage.slack.client.wait_for_ephemeral("ana", "deployer")
    assert await answer_of(store, "young") == "WhoAmI"
    await store.close()


async def test_an_old_leftover_is_asked_for_again_and_never_becomes_an_operation(stage: Stage) -> None:
    store = Store(open_engines(stage.database))
    body = kept_command("restart staging deep-echo-main", response_url=f"{stage.slack.url}/response/unknown")
    await leave_behind(store, stage, key="old", body=body, kind=DeliveryKind.COMMAND, age=timedelta(seconds=90), by="a-dead-one")
    async with stage.bot() as bot:
        said = (await stage.slack.client.wait_for_ephemeral("ana", "repeat")).words
        assert "`/deepecho restart staging deep-echo-main`" in said
        assert "No operation was started" in said
        assert await bot.works.operations.recent() == ()
    assert await answer_of(store, "old") == "please repeat"
    await store.close()


async def test_an_old_leftover_whose_operation_exists_is_its_card_s_to_tell(stage: Stage) -> None:
    async with stage.bot() as bot:
        people = stage.slack.client
        await people.command("ana", "restart staging deep-echo-main", channel="staging")
        await people.wait_for_ephemeral("ana", "op-")
        (record,) = await bot.works.operations.recent()
        async with bot.ground.store.engines.write.begin() as connection:
            await connection.exec_driver_sql("UPDATE inbox SET answered_at = NULL, answer = ''")
        stage.clock.ahead = timedelta(seconds=90)
        before = len(await people.ephemerals("ana"))
        await bot.desk.leftovers.sweep()
        assert await answer_of(bot.ground.store, record.source) == record.id
        assert len(await people.ephemerals("ana")) == before


async def test_the_sweep_leaves_alone_what_is_being_answered(stage: Stage) -> None:
    async with stage.bot() as bot:
        people = stage.slack.client
        await people.faults.slow("users.info", 1.5)
        await people.command("ana", "whoami", channel="ops")
        stage.clock.ahead = timedelta(seconds=90)
        await bot.desk.leftovers.sweep()
        await people.wait_for_ephemeral("ana", "deployer", within=10)
        assert all("repeat" not in each.words for each in await people.ephemerals("ana"))


async def test_the_catalogue_is_reloaded_by_command_all_or_nothing(stage: Stage) -> None:
    async with stage.bot() as bot:
        people = stage.slack.client
        text = stage.catalogue.read_text()
        stage.catalogue.write_text(text.replace("protected: true", "protected: false"))
        await people.command("ana", "reload")
        assert "may not use `reload`" in (await people.wait_for_ephemeral("ana")).words
        await people.command("noor", "reload")
        said = (await people.wait_for_ephemeral("noor")).words
        assert "environments.production.protected: True → False" in said
        stage.catalogue.write_text(text.replace("workspaces:", "workspace:"))
        await people.command("noor", "reload")
        assert "workspace" in (await people.wait_for_ephemeral("noor", "is not a key that is known here")).words
        assert not bot.ground.current().environments["production"].protected


async def test_the_whole_story_over_http(stage: Stage) -> None:
    async with stage.bot(mode="http") as bot:
        people = stage.slack.client
        await people.deliver_to(f"http://127.0.0.1:{bot.port}/slack/events")
        await people.command("ana", "whoami", channel="ops")
        await people.wait_for_ephemeral("ana", "deployer")
        await people.open_home("ana")
        await people.wait_for_home("ana")
