"""Two replicas on PostgreSQL: the survivor finishes what the dead one began, and one that was declared dead acts no more."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from runbooks.engine.lease import LEASE_LOST
from sandbox.slack import LocalSlack, RunningSlack
from tests.harness.crash import PATIENCE, Ending, Scenario, Stage, finish, play, set_up
from tests.harness.crash_databases import Databases

ROLLBACK = Scenario("rollback", '/deepecho rollback production abc1234 main --reason "errors"', approved=True)
CHANGE, WATCH = "change deep-echo-main", "watch deep-echo-main"

pytestmark = [
    pytest.mark.crash,
    # A client that was killed leaves its half of a connection to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
async def slack() -> AsyncIterator[RunningSlack]:
    async with LocalSlack() as running:
        yield running


async def undisturbed(slack: RunningSlack, fresh: Databases) -> Ending:
    async with set_up(slack, *fresh.take("undisturbed")) as stage:
        await play(stage, ROLLBACK)
        return await stage.ending()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("fresh", ["postgres"], indirect=True)
@pytest.mark.parametrize("point", [f"{CHANGE}/done", f"{WATCH}/before", f"{WATCH}/recorded", "end/done"])
async def test_the_survivor_finishes_what_the_dead_one_began(point: str, slack: RunningSlack, fresh: Databases) -> None:
    expected = await undisturbed(slack, fresh)
    async with set_up(slack, *fresh.take("killed")) as stage:
        first = await stage.start_bot(point)
        await slack.client.wait_for_bot(within=PATIENCE)
        await slack.client.command("ana", ROLLBACK.command, channel=stage.channel)
        await stage.start_bot()
        await slack.client.wait_for_bot(connections=2, within=PATIENCE)
        await finish(stage, approved=True)
        assert await first.wait() < 0
        assert await stage.ending() == expected


@pytest.mark.parametrize("fresh", ["postgres"], indirect=True)
@pytest.mark.parametrize("point", [f"{CHANGE}/before", f"{CHANGE}/done", f"{WATCH}/recorded"])
async def test_a_replica_stopped_past_its_lease_and_continued_does_nothing_more(
    point: str, slack: RunningSlack, fresh: Databases
) -> None:
    expected = await undisturbed(slack, fresh)
    async with set_up(slack, *fresh.take("stopped")) as stage:
        stopped = await stage.start_bot(DEEPECHO_TEST_STOP_AT=point)
        await slack.client.wait_for_bot(within=PATIENCE)
        await slack.client.command("ana", ROLLBACK.command, channel=stage.channel)
        await asyncio.wait_for(_approved(stage), PATIENCE)
        await until(lambda: point in stage.trace.read_text().splitlines())
        await stage.start_bot()
        await slack.client.wait_for_bot(connections=2, within=PATIENCE)
        await finish(stage, approved=False)
        assert await stage.ending() == expected
        calls = len(await slack.client.log("chat.postMessage"))
        stopped.send_signal(18)
        assert await asyncio.wait_for(stopped.wait(), PATIENCE) == LEASE_LOST
        assert await stage.ending() == expected
        assert len(await slack.client.log("chat.postMessage")) == calls


@pytest.mark.parametrize("fresh", ["postgres", "sqlite"], indirect=True)
async def test_an_upgrade_in_the_middle_of_an_approval_ends_with_a_person(slack: RunningSlack, fresh: Databases) -> None:
    async with set_up(slack, *fresh.take("upgraded")) as stage:
        old = await stage.start_bot()
        await slack.client.wait_for_bot(within=PATIENCE)
        await slack.client.command("ana", ROLLBACK.command, channel=stage.channel)
        card = await slack.client.wait_for_message(lambda message: "Approve" in message.buttons, channel=stage.channel)
        before = stage.main()["spec"]
        old.terminate()
        assert await old.wait() == 0
        await stage.start_bot(DEEPECHO_TEST_PROCEDURES="2")
        await finish(stage, approved=False)
        ending = await stage.ending()
        assert (ending.state, ending.locks, ending.cards) == ("needs_person", 0, 1)
        assert "A person must decide" in ending.replies[-1]
        assert stage.main()["spec"] == before
        (card,) = await slack.client.messages(stage.channel)
        assert "Approve" not in card.buttons


async def _approved(stage: Stage) -> None:
    card = await stage.slack.client.wait_for_message(lambda message: "Approve" in message.buttons, channel=stage.channel)
    await stage.slack.client.press("mia", card, "Approve")
