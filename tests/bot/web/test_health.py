"""What a load balancer, an orchestrator and Prometheus are told."""

import asyncio
import json
from datetime import timedelta

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.core.settings import HttpSettings
from bot.web import health
from bot.web.health import Health, SlackEntrance
from bot.wiring import Bot, run_bot
from domain.clock import SystemClock
from storage.engines import open_engines
from storage.store import Store
from tests.harness.bot import BotHarness, get_endpoint
from tests.harness.wait import wait_until


async def test_ready_when_slack_was_heard_and_the_database_written(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        status, body = await get_endpoint(bot, "/readyz")
        assert status == 200
        assert body["ok"]
        assert body["checks"]["slack"]["detail"] == "heard 0 s ago"
        assert body["checks"]["database"] == {"ok": True, "detail": "written to"}
        assert body["checks"]["outbox"] == {"ok": True, "detail": "nothing waits"}
        assert (await get_endpoint(bot, "/healthz"))[0] == 200


async def test_over_http_nobody_waits_for_a_pong(harness: BotHarness) -> None:
    async with harness.run_bot(mode="http") as bot:
        status, body = await get_endpoint(bot, "/readyz")
        assert (status, body["checks"]["slack"]["detail"]) == (200, "Slack calls us over HTTP")


async def test_a_database_that_cannot_be_written_is_not_ready_but_alive(
    harness: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "CACHE_SECONDS", 0.0)
    async with harness.run_bot() as bot:
        async with bot.core.store.engines.write.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE replicas RENAME TO elsewhere")
        status, body = await get_endpoint(bot, "/readyz")
        assert (status, body["checks"]["database"]["ok"]) == (503, False)
        assert "The database did not take it" in body["checks"]["database"]["detail"]
        assert (await get_endpoint(bot, "/healthz"))[0] == 200


async def test_a_message_that_waits_too_long_is_not_ready(harness: BotHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CACHE_SECONDS", 0.0)
    async with harness.run_bot() as bot:
        people = harness.slack.client
        await people.faults.answer_unavailable("chat.postMessage", times=1000)
        await people.command("ana", "restart staging deep-echo-main", channel="staging")
        await people.wait_for_ephemeral("ana", "op-")
        harness.clock.offset = timedelta(seconds=125)
        status, body = await get_endpoint(bot, "/readyz")
        assert (status, body["checks"]["outbox"]["ok"]) == (503, False)
        assert body["checks"]["outbox"]["detail"].startswith("the oldest message waits for 12")
        await people.faults.clear()


@pytest.mark.parametrize(("silent", "live", "ready"), [(1.0, 200, 200), (31.0, 200, 503), (181.0, 503, 503)])
async def test_alive_but_deaf_for_three_minutes_is_not_healthy(sqlite_url: str, silent: float, live: int, ready: int) -> None:
    store = Store(open_engines(sqlite_url))
    checked = Health(store, SystemClock(), "a", SlackEntrance(lambda: True, lambda: silent))
    assert (await checked.live(None)).status == live  # type: ignore[arg-type]  # the request is not looked at
    assert (await checked.ready(None)).status == ready  # type: ignore[arg-type]
    await store.close()


@pytest.mark.parametrize(
    ("entrance", "detail"),
    [
        (SlackEntrance(lambda: False, None), "Slack's paths are not served yet"),
        (SlackEntrance(lambda: False, lambda: None), "not connected yet"),
        (SlackEntrance(lambda: False, lambda: 3.0), "the socket is lost, another is being opened; heard 3 s ago"),
    ],
)
async def test_until_slack_can_deliver_it_is_not_ready(sqlite_url: str, entrance: SlackEntrance, detail: str) -> None:
    store = Store(open_engines(sqlite_url))
    checked = Health(store, SystemClock(), "a", entrance)
    answer = await checked.ready(None)  # type: ignore[arg-type]  # the request is not looked at
    assert (answer.status, json.loads(answer.text or "")["checks"]["slack"]) == (503, {"ok": False, "detail": detail})
    assert (await checked.live(None)).status == 200  # type: ignore[arg-type]
    await store.close()


async def test_a_lost_socket_is_not_ready_until_the_next_is_open(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        await harness.slack.client.faults.answer_unavailable("apps.connections.open", times=2)
        await harness.slack.client.sockets.drop()
        await wait_until_status(bot, 503)
        assert "the socket is lost" in (await get_endpoint(bot, "/readyz"))[1]["checks"]["slack"]["detail"]
        await wait_until_status(bot, 200)


async def wait_until_status(bot: Bot, status: int) -> None:
    async with asyncio.timeout(20):
        while (await get_endpoint(bot, "/readyz"))[0] != status:
            await asyncio.sleep(0.05)


async def test_health_and_metrics_have_a_port_of_their_own_where_it_is_set(harness: BotHarness) -> None:
    settings = harness.settings(mode="http")
    settings = settings.model_copy(update={"http": HttpSettings(port=0, management_port=0)})
    async with run_bot(settings) as bot, aiohttp.ClientSession() as session:
        assert bot.port != bot.management_port
        for path in ("/healthz", "/readyz", "/metrics"):
            assert (await get_endpoint(bot, path))[0] == 200
            async with session.get(f"http://127.0.0.1:{bot.port}{path}") as response:
                assert response.status == 404
        async with session.post(f"http://127.0.0.1:{bot.management_port}/slack/commands") as response:
            assert response.status == 404
        async with session.post(f"http://127.0.0.1:{bot.port}/slack/commands") as response:
            assert response.status == 401


async def test_the_process_that_is_going_says_so(sqlite_url: str) -> None:
    store = Store(open_engines(sqlite_url))
    checked = Health(store, SystemClock(), "a", SlackEntrance(lambda: True, None))
    checked.stop()
    answer = await checked.ready(None)  # type: ignore[arg-type]
    assert (answer.status, "stopping" in (answer.text or "")) == (503, True)
    await store.close()


async def test_prometheus_reads_what_happened(harness: BotHarness) -> None:
    async with harness.run_bot() as bot:
        people = harness.slack.client
        await people.command("ana", "restart staging deep-echo-main", channel="staging")
        await people.wait_for_message(lambda m: "verified" in m.visible_text.lower(), channel="staging")
        await wait_until(lambda: bot.slack.dispatcher.replies.sent == 1)
        status, page = await get_endpoint(bot, "/metrics")
        values = {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(page)
            for sample in family.samples
        }
        assert status == 200
        assert values["deepecho_inbound_messages_stored_total",] == 1
        assert values["deepecho_answers_sent_total",] == 1
        assert values["deepecho_slack_connections",] == 1
        assert values["deepecho_outbox_messages", "delivered"] >= 1
        assert values["process_resident_memory_bytes",] > 0
