"""Whatever anybody posts is refused clearly, or is kept and can be applied, on both databases."""

import asyncio
import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from storage.store import Store
from tests.harness.alertmanager_webhook import RECORDINGS, WebhookHarness, open_webhook
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url
from tests.harness.samples.notifications import alert, notification, webhook_body, webhook_payload

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url"]


@dataclass
class FuzzedWebhook:
    """The webhook on an event loop of its own: Hypothesis has none."""

    runner: asyncio.Runner
    webhook: WebhookHarness

    def post(self, data: bytes) -> int:
        """Post it; whatever is accepted is applied. The status."""
        return self.runner.run(self._take(data))

    async def _take(self, data: bytes) -> int:
        self.webhook.clock.advance(timedelta(minutes=2))
        status, sentence = await self.webhook.post(data)
        assert status == 200 or (status in {400, 413} and sentence.endswith(".")), (status, sentence)
        kept = await self.webhook.stored()
        assert len(kept) == (status == 200)
        assert await self.webhook.intake.apply_batch() == len(kept)
        assert (self.webhook.intake.set_aside, self.webhook.intake.backlog) == (0, 0), kept
        return status


@pytest.fixture
def webhook(database_url: str) -> Iterator[FuzzedWebhook]:
    with asyncio.Runner() as runner:
        opening = open_webhook(database_url)
        yield FuzzedWebhook(runner, runner.run(opening.__aenter__()))
        runner.run(opening.__aexit__(None, None, None))


RECORDED = [json.loads(file.read_text()) for file in RECORDINGS]
NESTED: Any = "bottom"
for _ in range(150):
    NESTED = [NESTED]
MOMENTS = (
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999999-14:00",
    "2026-11-23T03:07:54.804122911Z",
    "2026-02-30T00:00:00Z",
    -62135596800,
    253402300799,
)
ODD = some.one_of(
    some.none(),
    some.booleans(),
    some.integers(),
    some.sampled_from([10**18, -(10**30), 10**4000, 1e308, float("nan"), float("inf"), -0.0]),
    some.text(max_size=20),
    some.sampled_from(
        ["", "\x00", "\ud800", "\udfff\ud800", "x" * 100_000, "<!channel> *b* <@U1> {{ .Labels }} %s \u202e", "firing"]
    ),
    some.sampled_from(MOMENTS),
    some.sampled_from(
        [[], {}, [[]], {"": ""}, {"\x00": "\x00"}, {"a": {"b": "c"}}, {f"l{n}": "v" * 500 for n in range(500)}, NESTED]
    ),
    some.dictionaries(some.text(max_size=5), some.text(max_size=5), max_size=5),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path in a payload."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [each for key, part in inner for each in places(part, (*path, key))]


@some.composite
def mutated(draw: some.DrawFn) -> bytes:
    """A recorded payload with something odd in it, here and there."""
    told = json.loads(json.dumps(draw(some.sampled_from(RECORDED))))
    for _ in range(draw(some.integers(1, 3))):
        if not (found := places(told)):
            break
        *way, last = draw(some.sampled_from(found))
        part = told
        for key in way:
            part = part[key]
        _mutate(draw, part, last)
    return _on_the_wire(draw, told)


def _mutate(draw: some.DrawFn, part: Any, last: Any) -> None:
    match draw(some.sampled_from(["odd", "gone", "again", "moment"])):
        case "odd":
            part[last] = deepcopy(draw(ODD))
        case "moment":
            part[last] = draw(some.sampled_from(MOMENTS))
        case "gone":
            del part[last]
        case "again" if isinstance(part, list):
            part += [part[last]] * draw(some.integers(1, 50))


def _on_the_wire(draw: some.DrawFn, told: Any) -> bytes:
    text = json.dumps(told, ensure_ascii=draw(some.booleans())).encode(errors="surrogatepass")
    match draw(some.sampled_from(["whole", "whole", "whole", "cut", "twice", "dirty"])):
        case "cut":
            return text[: draw(some.integers(0, len(text)))]
        case "twice":
            return b'{"version":"4","groupKey":"first","alerts":[],' + text[1:]
        case "dirty":
            at = draw(some.integers(0, len(text)))
            return text[:at] + draw(some.binary(min_size=1, max_size=4)) + text[at:]
        case _:
            return text


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=mutated())
def test_whatever_comes_is_a_clear_refusal_or_can_be_applied(webhook: FuzzedWebhook, data: bytes) -> None:
    webhook.post(data)


@pytest.mark.parametrize("moment", MOMENTS)
def test_times_beyond_all_calendars_can_be_applied_and_looked_around(webhook: FuzzedWebhook, moment: Any) -> None:
    for key in ("startsAt", "endsAt"):
        for status in ("firing", "resolved", "firing"):
            told = webhook_payload(notification(alert("a"), key=f"{key} {moment}"))
            told["alerts"][0] |= {"status": status, key: moment}
            webhook.post(json.dumps(told).encode())
    groups, _ = webhook.runner.run(_groups(webhook.webhook.store))
    for group in groups:
        assert group.began_at - timedelta(days=30) < group.began_at + timedelta(days=30)
        assert group.began_at.timestamp() >= 0


async def _groups(store: Store) -> Any:
    async with store.read() as tx:
        return await tx.alerts.search(environments=("production", "staging", "development"), limit=100)


def test_absurd_sizes_make_no_absurd_cards(webhook: FuzzedWebhook) -> None:
    huge = alert("a", summary="s" * 1_000_000, labels={f"label{number}": "v" * 30_000 for number in range(100)})
    assert webhook.post(webhook_body(notification(huge)).encode()) == 200
    (group,), _ = webhook.runner.run(_groups(webhook.webhook.store))
    (example,) = group.examples
    assert len(group.summary) == 3000
    assert len(example.labels) == 64
    assert max(map(len, example.labels.values())) == 4096
    assert group.title == "HighErrorRate"
