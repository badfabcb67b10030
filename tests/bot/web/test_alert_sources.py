"""Sources of alerts: each has its own path and its own token, and what two of them say is never taken for one."""

from collections.abc import AsyncIterator

import pytest

from tests.harness.alertmanager_webhook import FIRING, TOKEN, WebhookHarness, open_webhook
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url
from tests.harness.samples.notifications import alert, notification, webhook_body
from tests.harness.samples.team import team_catalogue

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url"]

OTHER_TOKEN = "the-other-token"


@pytest.fixture
async def harness(database_url: str) -> AsyncIterator[WebhookHarness]:
    async with open_webhook(database_url, tokens={"cluster-b": OTHER_TOKEN}) as opened:
        yield opened


async def test_what_a_source_says_is_stored_under_its_name(harness: WebhookHarness) -> None:
    assert await harness.post() == (200, "")
    assert await harness.post(source="cluster-b", Authorization=f"Bearer {OTHER_TOKEN}") == (200, "")
    assert sorted(each.source for each in await harness.stored()) == ["", "cluster-b"], "the same words, and no repetition"
    assert harness.metrics()["duplicate"] == 0


@pytest.mark.parametrize(("source", "token"), [("", OTHER_TOKEN), ("cluster-b", TOKEN), ("cluster-b", "")])
async def test_a_token_opens_its_own_path_only(harness: WebhookHarness, source: str, token: str) -> None:
    assert (await harness.post(source=source, Authorization=f"Bearer {token}"))[0] == 401
    assert await harness.stored() == ()


@pytest.mark.parametrize("source", ["cluster-c", "cluster-b/x", "..", "Cluster-B"])
async def test_a_source_that_nobody_configured_has_no_path(harness: WebhookHarness, source: str) -> None:
    assert (await harness.post(source=source))[0] in {404, 405}
    assert await harness.stored() == ()


async def test_the_two_of_a_configured_pair_are_one_source_on_the_common_path(harness: WebhookHarness) -> None:
    pair = {"alertmanagers": ["http://alertmanager-one:9093", "http://alertmanager-two:9093/"]}
    harness.catalogue = team_catalogue(
        alerts={"default": {"channel": "C0ALERTS"}, "sources": {"pair": pair, "other": {"alertmanagers": ["http://third:9093"]}}}
    )
    for peer in ("one", "two", "four"):
        assert await harness.post(webhook_body(notification(alert("a")), peer=peer).encode()) == (200, "")
    assert sorted(each.source for each in await harness.stored()) == ["", "pair"]
    assert harness.metrics()["duplicate"] == 1


async def test_a_body_that_cannot_be_read_is_refused_before_its_source_matters(harness: WebhookHarness) -> None:
    harness.catalogue = team_catalogue(
        alerts={"default": {"channel": "C0ALERTS"}, "sources": {"other": {"alertmanagers": ["http://third:9093"]}}}
    )
    assert (await harness.post(FIRING[:50]))[0] == 400
