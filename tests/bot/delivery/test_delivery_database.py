"""The database goes away while messages are under way."""

from dataclasses import replace

import pytest

from sandbox.slack.local import RunningSlack
from sandbox.slack.observer import wait_for
from storage.engines import open_engines
from storage.store import Store
from tests.harness.database_outage import database_unavailable
from tests.harness.outbox_worker import RETRY_POLICY, card, counts, enqueue, reply, run_worker, wait_all_settled, wait_for_calls

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.postgres]

SHORT_RECORD_TIMEOUT = replace(RETRY_POLICY, record_timeout=0.2)


@pytest.mark.parametrize("sender", ["remembers until the database is back", "gives up"])
async def test_an_outcome_that_could_not_be_kept_at_once_is_not_repeated(
    postgres_url: str, slack: RunningSlack, sender: str
) -> None:
    """Slack took the message while the database was away. Who gave up leaves the row to whoever looks for it first."""
    written: list[str] = []
    store = Store(open_engines(postgres_url), check_lease=lambda: written.append("began"))
    forgets = sender == "gives up"
    policy = SHORT_RECORD_TIMEOUT if forgets else RETRY_POLICY
    await enqueue(store, card("asked"), reply(1, "approved"))
    await slack.client.faults.hold("chat.postMessage")
    async with run_worker(store, slack, retry_policy=policy, slack_timeout=30) as at_work:
        await wait_for_calls(slack, "chat.postMessage")
        async with database_unavailable(postgres_url):
            before = len(written)
            await slack.client.faults.clear()
            await slack.client.wait_for_message(lambda message: message.text == "asked")

            async def tried_again() -> bool | None:
                return len(written) >= before + 2 or None

            async def told() -> bool | None:
                return at_work.delivery.blocking_error == "The database does not answer." or None

            await wait_for(tried_again)
            await wait_for(told)
            if forgets:
                assert await at_work.delivery.drain(10)
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
