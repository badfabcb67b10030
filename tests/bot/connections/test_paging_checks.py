"""``deepecho check``: what it says of each way of paging, and that it pages nobody."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from bot.connections.paging_checks import check_paging_ways
from bot.core.settings import Settings
from domain.catalogue.catalogue import Catalogue
from domain.clock import SystemClock
from sandbox.pagerduty import BOT_EMAIL, StandInPagerDuty, routing_key
from tests.harness.aws_server import CREDENTIALS
from tests.harness.fakes.scripted_web import ScriptedResponse, scripted_web
from tests.harness.mail_server import mail_server
from tests.harness.paging_ways import closed_port
from tests.harness.samples.team import catalogue_data

SLACK = {"bot_token": "xoxb-1", "app_token": "xapp-1"}
WEBHOOK_URL = "https://deepecho.example.com/webhooks/pagerduty"


@pytest.fixture
async def pagerduty() -> AsyncIterator[StandInPagerDuty]:
    async with StandInPagerDuty() as server:
        yield server


def pagerduty_settings(server: StandInPagerDuty, **changes: Any) -> dict[str, Any]:
    return {
        "routing_keys": {"platform": routing_key("platform")},
        "api_token": server.api_token,
        "user_email": BOT_EMAIL,
        "webhook_secrets": {"main": "secret"},
        "events_url": server.url,
        "api_url": server.url,
    } | changes


async def lines(catalogue: dict[str, Any] | None = None, **sections: Any) -> dict[str, tuple[bool, str]]:
    settings = Settings(slack=SLACK, **sections)
    found = Catalogue.model_validate(catalogue_data() | (catalogue or {}))
    return {each.name: (each.ok, each.detail) async for each in check_paging_ways(settings, found)}


async def test_without_ways_and_policies_there_is_no_line() -> None:
    assert await lines() == {}


async def test_pagerduty_that_is_right_is_said_to_be_and_nobody_is_paged(pagerduty: StandInPagerDuty) -> None:
    pagerduty.subscribe(WEBHOOK_URL)
    found = await lines(pagerduty=pagerduty_settings(pagerduty))
    assert found == {
        "pages by pagerduty:platform": (True, "takes events with this key"),
        "pagerduty api": (True, "reads, and writes in the name of deepecho (PDEEPECHO)"),
        "pagerduty webhooks": (True, f"come to {WEBHOOK_URL}"),
    }
    assert pagerduty.account.incidents == {}
    assert len(pagerduty.account.dropped_events) == 1


async def test_a_wrong_key_a_wrong_token_and_a_missing_user_are_told_apart(pagerduty: StandInPagerDuty) -> None:
    wrong_key = await lines(pagerduty=pagerduty_settings(pagerduty, routing_keys={"dba": "0" * 32}))
    assert wrong_key["pages by pagerduty:dba"][0] is False
    assert "Invalid routing key" in wrong_key["pages by pagerduty:dba"][1]
    wrong_token = await lines(pagerduty=pagerduty_settings(pagerduty, api_token="wrong"))
    assert "does not let the bot" in wrong_token["pagerduty api"][1]
    wrong_user = await lines(pagerduty=pagerduty_settings(pagerduty, user_email="gone@example.com"))
    assert "has no user gone@example.com" in wrong_user["pagerduty api"][1]


async def test_webhooks_that_pagerduty_switched_off_are_switched_on_again_and_said(pagerduty: StandInPagerDuty) -> None:
    subscription = pagerduty.subscribe(WEBHOOK_URL)
    pagerduty.webhooks.subscriptions[subscription.id].disabled_until = SystemClock().now() + timedelta(hours=20)
    ok, detail = (await lines(pagerduty=pagerduty_settings(pagerduty)))["pagerduty webhooks"]
    assert not ok
    assert "switched off for 24 h" in detail
    assert not pagerduty.webhooks.is_disabled(subscription)
    assert (await lines(pagerduty=pagerduty_settings(pagerduty)))["pagerduty webhooks"][0]


async def test_without_a_subscription_or_a_secret_no_acknowledgement_would_come(pagerduty: StandInPagerDuty) -> None:
    pagerduty.subscribe("https://elsewhere.example.com/webhooks/other")
    assert "no subscription posts to the bot" in (await lines(pagerduty=pagerduty_settings(pagerduty)))["pagerduty webhooks"][1]
    pagerduty.subscribe(WEBHOOK_URL)
    without = await lines(pagerduty=pagerduty_settings(pagerduty, webhook_secrets={}))
    assert "WEBHOOK_SECRETS__<NAME> is not set" in without["pagerduty webhooks"][1]


async def test_a_mail_server_is_reached_without_a_mail() -> None:
    async with mail_server() as server:
        found = await lines(smtp={"host": "127.0.0.1", "port": server.port, "sender": "a@example.com", "security": "none"})
        assert found == {"pages by email": (True, f"mail server at 127.0.0.1:{server.port} can be reached (none, no login)")}
        assert server.envelopes == []
    gone = await lines(smtp={"host": "127.0.0.1", "port": closed_port(), "sender": "a@example.com", "security": "none"})
    assert gone["pages by email"][0] is False


async def test_an_account_in_the_sandbox_of_ses_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    async with scripted_web() as server:
        server.responses = [ScriptedResponse({"SendingEnabled": True, "ProductionAccessEnabled": False, "SendQuota": {}})]
        found = await lines(ses={"region": "eu-central-1", "sender": "a@example.com", "endpoint_url": server.url})
    assert found == {"pages by email": (False, "the account is in the sandbox of SES: only verified addresses get mail")}


async def test_sms_tell_their_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    limit = "<entry><key>MonthlySpendLimit</key><value>1</value></entry>"
    attributes = f"<GetSMSAttributesResult><attributes>{limit}</attributes></GetSMSAttributesResult>"
    sns = f"<GetSMSAttributesResponse>{attributes}</GetSMSAttributesResponse>"
    async with scripted_web() as server:
        server.responses = [ScriptedResponse(sns, content_type="text/xml")]
        found = await lines(sms={"region": "eu-central-1", "endpoint_url": server.url})
    assert found["pages by sms"] == (True, "AWS SNS can be asked; unknown of 1 USD spent this month")


async def test_a_webhook_that_is_there_gets_no_page() -> None:
    async with scripted_web() as server:
        server.responses = [ScriptedResponse("", status=405)]
        hooks = {"noc": {"url": f"{server.url}/pages", "secret": "a-long-enough-secret"}}
        found = await lines(page_webhooks=hooks)
        assert [each.name for each in server.requests] == ["pages"]
        assert server.requests[0].body == ""
    assert found["pages by webhook:noc"][0]
    hooks["noc"]["url"] = f"http://127.0.0.1:{closed_port()}/pages"
    assert (await lines(page_webhooks=hooks))["pages by webhook:noc"][0] is False


async def test_policies_that_want_what_is_not_set_up_and_people_who_cannot_be_reached() -> None:
    catalogue = {
        "people": {"ana": {"slack": "U0ANA00001", "phone": "+49 170 1234567"}, "lee": {"slack": "U0LEE00002"}},
        "paging": {
            "policies": {"P1": {"steps": [{"whom": ["person:ana"], "ways": ["pagerduty:a", "sms", "slack", "webhook:b"]}]}}
        },
    }
    found = await lines(catalogue)
    assert found == {
        "page policies": (False, "no settings for pagerduty:a, sms, webhook:b, so policies pass over it"),
        "people by sms": (False, "cannot be reached, for want of `phone`: lee"),
    }
