"""The database goes away while messages are under way."""

import asyncio

import pytest

from sandbox.slack.local import RunningSlack
from sandbox.slack.observer import wait_for
from storage.engines import open_engines
from storage.store import Store
from tests.harness.database_outage import database_unavailable
from tests.harness.outbox_worker import RETRY_POLICY, card, counts, enqueue, reply, run_worker, wait_all_settled, wait_for_calls

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.postgres]


@pytest.mark.parametrize("sender", ["remembers until the database is back", "gives up"])
async def test_an_outcome_that_could_not_be_kept_at_once_is_not_repeated(
    postgres_url: str, slack: RunningSlack, sender: str
) -> None:
    """Slack took the message while the database was away. Who gave up leaves the row to whoever looks for it first."""
    store = Store(open_engines(postgres_url))
    forgets = sender == "gives up"
    patience = RETRY_POLICY.scaled(0.01) if forgets else RETRY_POLICY
    await enqueue(store, card("asked"), reply(1, "approved"))
    await slack.client.faults.slow("chat.postMessage", 0.2)
    async with run_worker(store, slack, retry_policy=patience) as at_work:
        await wait_for_calls(slack, "chat.postMessage")
        async with database_unavailable(postgres_url):
            await slack.client.wait_for_message(lambda message: message.text == "asked")

            async def told() -> bool | None:
                return at_work.delivery.blocking_error == "The database does not answer." or None

            await wait_for(told)
            await asyncio.sleep(0.3)
        if not forgets:
            await wait_all_settled(store)
    if forgets:
        assert await counts(store) == {"sending": 1, "pending": 1}
        async with run_worker(store, slack, replica="replica-2"):
            await wait_all_settled(store)
    assert await counts(store) == {"delivered": 2}
    [message] = await slack.client.messages("deploys")
    assert [each.text for each in await slack.client.thread("deploys", message.ts)] == ["approved"]
    await store.close()
