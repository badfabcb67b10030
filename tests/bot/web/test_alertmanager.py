"""Alertmanager's webhook: authentication, what is stored when it answers 200, and its other answers."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.web.alertmanager import MAX_BODY_BYTES, MAX_BYTES_IN_FLIGHT, MAX_QUEUED_NOTIFICATIONS
from bot.web.limits import HttpLimits
from storage.engines import open_engines
from storage.inbox import InboxWriter
from tests.harness.alertmanager_webhook import FIRING, RECORDINGS, TOKEN, WebhookHarness, open_webhook, recorded
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url
from tests.harness.fakes.clock import StoppedClock
from tests.harness.samples.notifications import alert, notification, webhook_body, webhook_payload
from tests.harness.samples.team import team_catalogue

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url"]


@pytest.fixture
async def harness(sqlite_url: str) -> AsyncIterator[WebhookHarness]:
    async with open_webhook(sqlite_url) as opened:
        yield opened


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer {TOKEN}",
        f"bearer {TOKEN}",
        f"Bearer  {TOKEN} ",
        basic("alertmanager", TOKEN),
        basic("", TOKEN),
        basic("any", TOKEN).replace("Basic", "BASIC"),
    ],
)
async def test_whoever_has_the_token_is_let_in(harness: WebhookHarness, authorization: str) -> None:
    assert await harness.post(Authorization=authorization) == (200, "")
    assert [each.body.encode() for each in await harness.stored()] == [FIRING]
    assert harness.intake.backlog == 1


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN.upper()}",
        TOKEN,
        f"Token {TOKEN}",
        "Bearer t\xf6ken",
        "Basic",
        "Basic ???",
        "Basic t\xf6ken",
        "Basic " + base64.b64encode(TOKEN.encode()).decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        basic(TOKEN, ""),
        basic("user", f"{TOKEN}:"),
        "Bearer " + "x" * 7000,
    ],
)
async def test_nobody_else_is_and_nothing_of_it_is_kept(harness: WebhookHarness, authorization: str) -> None:
    assert await harness.post(Authorization=authorization) == (401, "The token is missing or wrong.")
    assert await harness.stored() == ()
    assert harness.metrics()["refused"] == 1


async def test_without_any_authorization_nothing_is_kept(harness: WebhookHarness) -> None:
    async with aiohttp.ClientSession() as session, session.post(harness.url, data=FIRING) as response:
        assert (response.status, response.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert await harness.stored() == ()


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", basic("user", ""), "Basic "])
async def test_an_empty_token_lets_nobody_in(sqlite_url: str, authorization: str) -> None:
    async with open_webhook(sqlite_url, token="") as harness:
        assert (await harness.post(Authorization=authorization))[0] == 401


async def test_the_same_from_the_other_one_of_a_pair_is_one(harness: WebhookHarness) -> None:
    told = notification(alert("a"), alert("b"))
    swapped = notification(alert("b"), alert("a"))
    assert await harness.post(webhook_body(told, peer="one")) == (200, "")
    assert await harness.post(webhook_body(swapped, peer="two")) == (200, "")
    assert len(await harness.stored()) == 1
    assert (harness.metrics()["stored"], harness.metrics()["duplicate"], harness.intake.backlog) == (1, 1, 1)


async def test_the_same_at_the_same_moment_is_one(harness: WebhookHarness) -> None:
    assert await asyncio.gather(*(harness.post() for _ in range(20))) == [(200, "")] * 20
    assert len(await harness.stored()) == 1


@pytest.mark.parametrize(
    "other",
    [
        notification(alert("a"), alert("b", firing=False)),
        notification(alert("a")),
        notification(alert("a"), alert("b"), truncated=1),
        notification(alert("a"), alert("b"), key="other"),
        notification(alert("a"), alert("b"), receiver="other"),
        notification(alert("a"), alert("b", began=StoppedClock().now() + timedelta(seconds=1))),
    ],
)
async def test_what_says_anything_else_is_another_one(harness: WebhookHarness, other: Any) -> None:
    assert await harness.post() == await harness.post(webhook_body(other)) == (200, "")
    assert len(await harness.stored()) == 2


async def test_a_repetition_after_a_while_is_taken_in_again(harness: WebhookHarness) -> None:
    """It changes nothing, but it says that the watchdog lives."""
    await harness.post()
    harness.clock.advance(timedelta(seconds=61))
    await harness.post()
    assert len(await harness.stored()) == 2


@pytest.mark.parametrize("file", RECORDINGS, ids=lambda file: file.stem)
async def test_what_a_real_alertmanager_posted_is_kept_and_applied(harness: WebhookHarness, file: Path) -> None:
    assert await harness.post(recorded(file)) == (200, "")
    assert await harness.intake.apply_batch() == 1
    assert harness.intake.set_aside == 0


async def test_the_recorded_story_is_one_card_that_is_resolved_in_place(harness: WebhookHarness) -> None:
    for file in ("firing", "partial_resolved", "resolved"):
        await harness.post(recorded(RECORDINGS[0].with_stem(f"alertmanager_webhook_{file}")))
        harness.clock.advance(timedelta(seconds=5))
        await harness.intake.apply_batch()
    async with harness.store.read() as tx:
        ((group,), total) = await tx.alerts.search(environments=())
    assert total == 1
    assert (group.state.value, group.firing) == ("resolved", 0)


NOT_JSON = "The body is not JSON."
NOT_OURS = "The payload is not Alertmanager's: "
UNKNOWN = "of the payload is not known here; '4' of Alertmanager and '1' of Grafana are."


def with_(change: Callable[[dict[str, Any]], object]) -> bytes:
    told = webhook_payload(notification(alert("a"), alert("b")))
    change(told)
    return json.dumps(told).encode()


def of_alert(**changed: object) -> bytes:
    return with_(lambda told: told["alerts"][0].update(changed))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", NOT_JSON),
        (b"payload=%7B%7D", NOT_JSON),
        (FIRING[:-1], NOT_JSON),
        (b"\xff" + FIRING, NOT_JSON),
        (b"[" * 100_000, NOT_JSON),
        (b'{"a":' * 100_000, NOT_JSON),
        (FIRING.replace(b'"hook"', b'"\xff\xfe"'), NOT_JSON),
        (FIRING.replace(b'"hook"', b'"\\ud800"'), NOT_JSON),
        (FIRING.replace(b'"hook"', b'"\x00"'), NOT_JSON),
        (b"[]", NOT_OURS + "it: input should be an object."),
        (b"null", NOT_OURS + "it: input should be an object."),
        (b"{}", NOT_OURS + "version: field required."),
        (with_(lambda told: told.pop("alerts")), NOT_OURS + "alerts: field required."),
        (with_(lambda told: told.update(version=4)), NOT_OURS + "version: input should be a valid string."),
        (with_(lambda told: told.update(version="5")), f"Version '5' {UNKNOWN}"),
        (with_(lambda told: told.update(version="x" * 90)), f"Version {'x' * 20!r} {UNKNOWN}"),
        (with_(lambda told: told.update(groupKey="")), NOT_OURS + "groupKey: string should have at least 1 character."),
        (with_(lambda told: told.update(alerts={})), NOT_OURS + "alerts: input should be a valid array."),
        (
            with_(lambda told: told.update(truncatedAlerts=-1)),
            NOT_OURS + "truncatedAlerts: input should be greater than or equal to 0.",
        ),
        (of_alert(status="pending"), NOT_OURS + "alerts.0.status: input should be 'firing' or 'resolved'."),
        (of_alert(labels={"a": 1}), NOT_OURS + "alerts.0.labels.a: input should be a valid string."),
        (of_alert(labels=None), NOT_OURS + "alerts.0.labels: input should be an object."),
        (of_alert(startsAt="2026-11-23T03:07:54"), NOT_OURS + "alerts.0.startsAt: input should have timezone info."),
        (of_alert(fingerprint="x" * 65), NOT_OURS + "alerts.0.fingerprint: string should have at most 64 characters."),
    ],
)
async def test_what_will_never_be_right_is_refused_in_words(harness: WebhookHarness, data: bytes, sentence: str) -> None:
    assert await harness.post(data) == (400, sentence)
    assert await harness.stored() == ()
    assert harness.metrics()["refused"] == 1


async def test_keys_that_are_not_known_are_no_fault(harness: WebhookHarness) -> None:
    assert await harness.post(with_(lambda told: told.update(notification_reason="firing", routeLabels={"a": [1]}))) == (200, "")
    assert await harness.post(of_alert(novelty={"deep": [{"er": None}]})) == (200, "")


async def test_what_is_left_out_is_no_fault_where_nothing_hangs_on_it(harness: WebhookHarness) -> None:
    short = {"version": "4", "groupKey": "k", "alerts": [{"status": "firing", "labels": {}, "startsAt": "2026-11-23T03:07:54Z"}]}
    short["alerts"][0]["fingerprint"] = "1db715eed493e943"  # type: ignore[index]
    assert await harness.post(json.dumps(short).encode()) == (200, "")
    assert await harness.intake.apply_batch() == 1
    assert harness.intake.set_aside == 0


BUSY = (503, "Too much is waiting already. Nothing was kept.")


async def test_when_too_much_waits_alertmanager_is_asked_to_come_again(harness: WebhookHarness) -> None:
    harness.intake.backlog = MAX_QUEUED_NOTIFICATIONS
    assert await harness.post() == BUSY
    assert await harness.stored() == ()
    assert (harness.metrics()["overloaded"], harness.metrics()["refused"]) == (1, 0)
    harness.intake.backlog = MAX_QUEUED_NOTIFICATIONS - 1
    assert await harness.post() == (200, "")


async def test_bodies_that_come_slowly_cannot_fill_the_memory(harness: WebhookHarness) -> None:
    """The ones that have been read longest give way, and what others send meanwhile is taken."""
    go_on = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield FIRING[:10] + b" " * (MAX_BODY_BYTES // 2)
        await go_on.wait()
        yield FIRING[10:]

    room = MAX_BYTES_IN_FLIGHT // (MAX_BODY_BYTES // 2)
    slow = [asyncio.create_task(harness.post(slowly())) for _ in range(room + 2)]
    (first, *_), _ = await asyncio.wait(slow, return_when=asyncio.FIRST_COMPLETED, timeout=10)
    assert first.result() == BUSY
    assert await harness.post() == (200, "")
    go_on.set()
    answers = await asyncio.gather(*slow)
    assert answers.count(BUSY) in range(2, 5)
    assert harness.metrics()["overloaded"] == answers.count(BUSY)


async def test_a_body_that_takes_too_long_may_come_again(sqlite_url: str) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        yield FIRING[:10]
        await asyncio.Event().wait()

    async with open_webhook(sqlite_url, limits=HttpLimits(read_timeout=0.1)) as harness:
        assert await harness.post(slowly()) == (503, "The body took too long.")
        assert (harness.metrics()["overloaded"], harness.metrics()["refused"]) == (1, 0)


async def test_where_the_database_is_away_nothing_is_kept_and_it_may_come_again(sqlite_url: str) -> None:
    nowhere = open_engines("sqlite:////no/such/folder/deepecho.db")
    async with open_webhook(sqlite_url, writer=InboxWriter(nowhere.write)) as harness:
        status, sentence = await harness.post()
        assert (status, sentence) == (503, "The inbox could not be written: OperationalError.")
        assert await harness.stored() == ()
        assert harness.intake.backlog == 0
    await nowhere.dispose()


async def test_without_alerts_in_the_catalogue_it_may_come_again(harness: WebhookHarness) -> None:
    with_alerts, harness.catalogue = harness.catalogue, team_catalogue()
    assert await harness.post() == (503, "The catalogue says nothing of alerts yet.")
    harness.catalogue = with_alerts
    assert await harness.post() == (200, "")


async def test_the_other_methods_lead_nowhere(harness: WebhookHarness) -> None:
    async with aiohttp.ClientSession() as session, session.get(harness.url) as response:
        assert response.status == 405
