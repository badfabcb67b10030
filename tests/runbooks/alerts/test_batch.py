"""Whether notifications are applied one by one or many at a time, the same becomes true."""

import asyncio
import shutil
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from sqlalchemy import select

from domain.alerts.alerts import Alert, AlertNote, Notification
from storage.engines import open_engines
from storage.store import Store
from storage.tables.alerts import alerts, storms
from tests.harness.alerts import AlertsHarness, alerts_catalogue, open_alerts_harness
from tests.harness.databases import migrated_file
from tests.harness.samples.notifications import alert, notification

__all__ = ["migrated_file"]

CATALOGUE = {"flap_changes": 4, "flap_minutes": 30, "reopen_minutes": 60, "storm_quiet_minutes": 5}
NUMBERS = count()
PODS, KEYS = "abcdef", ("one", "two", "three", "four")


@dataclass(frozen=True)
class NotificationStep:
    """What Alertmanager says, so many minutes after it said something else."""

    key: str
    pods: dict[str, bool]
    severity: str
    pause: int


heard = some.builds(
    NotificationStep,
    key=some.sampled_from(KEYS),
    pods=some.dictionaries(some.sampled_from(PODS), some.booleans(), min_size=1, max_size=4),
    severity=some.sampled_from(["info", "info", "warning", "critical"]),
    pause=some.sampled_from([0, 0, 0, 1, 6, 70]),
)


async def apply_story(harness: AlertsHarness, story: list[NotificationStep], *, together: bool) -> dict[str, Any]:
    """What is true at the end."""
    for word in story:
        harness.clock.advance(timedelta(minutes=word.pause))
        await harness.store_notifications(notification_of(harness, word))
        if not together:
            await harness.apply()
    await harness.apply()
    assert set(await harness.answers()) <= {"applied"}
    notes = [each.fact for each in await harness.outbox_entries() if isinstance(each.fact, AlertNote)]
    rows = await harness.rows(select(alerts.c.group_id, alerts.c.fingerprint, alerts.c.alert).order_by(*alerts.primary_key))
    kept_storms = await harness.rows(select(storms).order_by(storms.c.id))
    return {
        "groups": await harness.groups(),
        "alerts": [tuple(each) for each in rows],
        "storms": [tuple(each) for each in kept_storms],
        "said": [(each.group_id, each.key, each.text, each.lines) for each in notes],
        "counted": {each.storm.id: (each.groups, each.firing) for each in await harness.storm_cards()},
        "timers": await harness.timers(),
    }


def notification_of(harness: AlertsHarness, word: NotificationStep) -> Notification:
    return notification(*(alert_of(harness, name, word, firing=each) for name, each in word.pods.items()), key=word.key)


def alert_of(harness: AlertsHarness, name: str, word: NotificationStep, *, firing: bool) -> Alert:
    """An alert of this moment that fires, or of a while ago that ended just now."""
    now, labels = harness.clock.now(), {"severity": word.severity}
    began = now if firing else now - timedelta(minutes=30)
    return alert(name, firing=firing, began=began, ended=None if firing else now, labels=labels)


async def compare_batched(story: list[NotificationStep], file: Path, folder: Path, most: int) -> list[dict[str, Any]]:
    found = []
    for together in (False, True):
        database = folder / f"{next(NUMBERS)}.db"
        store = Store(open_engines(f"sqlite:///{shutil.copy(file, database)}"))
        async with open_alerts_harness(store, alerts_catalogue(storm_threshold_per_minute=most, **CATALOGUE)) as harness:
            found.append(await apply_story(harness, story, together=together))
        await store.close()
    return found


BATCH_SETTINGS = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@BATCH_SETTINGS
@given(story=some.lists(heard, max_size=20))
def test_groups_alerts_and_threads_are_the_same(tmp_path: Path, migrated_file: Path, story: list[NotificationStep]) -> None:
    one_by_one, together = asyncio.run(compare_batched(story, migrated_file, tmp_path, most=1000))
    for part, found in one_by_one.items():
        assert _sorted(together[part]) == _sorted(found), part


@BATCH_SETTINGS
@given(story=some.lists(heard, max_size=20))
def test_storms_are_the_same(tmp_path: Path, migrated_file: Path, story: list[NotificationStep]) -> None:
    """But for replies of groups that came out of a storm within the batch: their threads have what they would have missed."""
    one_by_one, together = asyncio.run(compare_batched(story, migrated_file, tmp_path, most=1))
    assert set(one_by_one.pop("said")) <= set(together.pop("said"))
    assert together == one_by_one


def _sorted(part: Any) -> Any:
    return sorted(part) if isinstance(part, list) and part and isinstance(part[0], tuple) else part
