"""PagerDuty's webhook: 4xx only for a bad signature, once for each event, an answer in time, and the page is acknowledged."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256
from hmac import new
from typing import Any

import aiohttp
import pytest
from sqlalchemy import text

from bot.web.pagerduty import PAGERDUTY_PATH, PagerDutyWebhook
from bot.web.server import HttpServer
from domain.paging.pages import Page, PageState
from integrations.pagerduty import WebhookSignatures
from storage.store import Store
from tests.harness.databases import migrated_file, sqlite_url
from tests.harness.paging import PagingHarness, open_sqlite_paging, paging_service

__all__ = ["migrated_file", "sqlite_url"]

SECRET = "the-secret-of-a-subscription"


@dataclass
class PagerDutyHarness:
    """The webhook as PagerDuty calls it, and the pages behind it."""

    url: str
    paging: PagingHarness
    webhook: PagerDutyWebhook
    page: Page

    async def post(self, body: bytes, **headers: str) -> int:
        signature = f"v1={new(SECRET.encode(), body, sha256).hexdigest()}"
        sent = {"X-PagerDuty-Signature": signature, "X-Webhook-Id": "delivery-1"} | headers
        async with aiohttp.ClientSession() as session, session.post(self.url, data=body, headers=sent) as response:
            return response.status

    def event(self, event_type: str = "incident.acknowledged", event_id: str = "01EVENT") -> bytes:
        incident: dict[str, Any] = {
            "id": "Q1",
            "type": "incident",
            "incident_key": self.page.id,
            "status": event_type.removeprefix("incident."),
            "title": "checkout is failing",
            "created_at": "2026-11-23T14:02:00Z",
            "assignees": [],
        }
        agent = {"id": "PANA", "type": "user_reference", "summary": "Ana"}
        event = {"id": event_id, "event_type": event_type, "resource_type": "incident", "occurred_at": "2026-11-23T14:03:00Z"}
        return json.dumps({"event": event | {"agent": agent, "data": incident}}).encode()


@pytest.fixture
async def pagerduty(sqlite_url: str) -> AsyncIterator[PagerDutyHarness]:
    async with open_sqlite_paging(sqlite_url) as paging:
        webhook = PagerDutyWebhook(WebhookSignatures({"main": SECRET}), paging_service(paging))
        http = HttpServer("127.0.0.1", 0)
        http.reserve(PAGERDUTY_PATH)
        http.enable(webhook.serve, PAGERDUTY_PATH)
        url = f"http://127.0.0.1:{await http.open()}{PAGERDUTY_PATH}"
        page = await paging.request()
        await paging.work()
        yield PagerDutyHarness(url, paging, webhook, page)
        await http.close()


async def test_an_acknowledgement_takes_the_page_and_its_repetitions_change_nothing(pagerduty: PagerDutyHarness) -> None:
    for _ in range(3):
        assert await pagerduty.post(pagerduty.event()) == 202
    assert await pagerduty.post(pagerduty.event(), **{"X-Webhook-Id": "replayed-under-another-id"}) == 202
    assert (await pagerduty.paging.page()).state is PageState.ACKNOWLEDGED
    assert pagerduty.paging.acknowledged == [("inc-x4k2", "ana")]
    assert (pagerduty.webhook.applied, pagerduty.webhook.repeated) == (1, 3)
    await pagerduty.paging.work()
    assert [str(action) for action in pagerduty.paging.pagerduty.actions()] == ["trigger"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-PagerDuty-Signature": ""}, 400),
        ({"X-PagerDuty-Signature": "v2=abc"}, 400),
        ({"X-PagerDuty-Signature": f"v1={'0' * 64}"}, 403),
    ],
)
async def test_a_bad_signature_is_refused_for_good(pagerduty: PagerDutyHarness, headers: dict[str, str], status: int) -> None:
    assert await pagerduty.post(pagerduty.event(), **headers) == status
    assert (await pagerduty.paging.page()).state is PageState.OPEN


@pytest.mark.parametrize("body", [b"{}", b"not json", b'{"event": {"id": "1", "event_type": "incident.dreamt"}}'])
async def test_what_is_signed_and_not_understood_does_not_bring_the_subscription_closer_to_its_end(
    pagerduty: PagerDutyHarness, body: bytes
) -> None:
    assert await pagerduty.post(body) == 202


async def test_a_ping_and_a_type_of_the_future_are_answered(pagerduty: PagerDutyHarness) -> None:
    assert await pagerduty.post(pagerduty.event("incident.workflow.started")) == 202
    assert (await pagerduty.paging.page()).state is PageState.OPEN


async def rename_table(store: Store, before: str, after: str) -> None:
    async with store.engines.write.begin() as connection:
        await connection.execute(text(f"ALTER TABLE {before} RENAME TO {after}"))


async def test_while_the_database_is_away_it_comes_again(pagerduty: PagerDutyHarness) -> None:
    await rename_table(pagerduty.paging.store, "pager_events", "away")
    assert await pagerduty.post(pagerduty.event()) == 503
    await rename_table(pagerduty.paging.store, "away", "pager_events")
    assert await pagerduty.post(pagerduty.event()) == 202
    assert pagerduty.paging.acknowledged == [("inc-x4k2", "ana")]
