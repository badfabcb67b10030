"""The whole story of an operation, and of an alert, can be read from the debug log by its id."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.operations.operation import Decision, State
from storage.engines import open_engines
from storage.store import Store
from tests.harness.alerts import open_alerts_harness
from tests.harness.databases import migrated_file, sqlite_url
from tests.harness.debug_log import debug_log, in_order, story_of
from tests.harness.enrichment import EnrichmentHarness, alert_with_expression
from tests.harness.operations import open_operations_harness
from tests.harness.samples.notifications import notification
from tests.harness.samples.team import ANA, LEE

__all__ = ["migrated_file", "sqlite_url"]

MAIN = "deep-echo-main"


@pytest.fixture
async def store(sqlite_url: str) -> AsyncIterator[Store]:
    opened = Store(open_engines(sqlite_url))
    yield opened
    await opened.close()


async def test_the_story_of_an_operation(tmp_path: Path) -> None:
    with debug_log() as entries:
        async with open_operations_harness(tmp_path) as harness:
            plan = await harness.planner.deploy("production", "main-0ddba11", MAIN)
            record = await harness.operations.start(plan, source="s", by=ANA, channel="C1", reason="r")
            await harness.operations.decide(record.id, LEE, Decision.APPROVED)
            ended = await harness.wait_ended(record.id)
        assert ended.state is State.SUCCEEDED

    story = story_of(entries, record.id)
    assert in_order(story, "operation planned", "outbox message stored", "operation started", "operation step done")
    assert in_order(story, "operation planned", "operation decided", "operation step done", "operation ended")
    steps = [entry["step"] for entry in story if entry["event"] == "operation step done"]
    assert steps[0] == "decision 0"
    assert {f"change {MAIN}", f"verify {MAIN}"} <= set(steps)
    (end,) = [entry for entry in story if entry["event"] == "operation ended"]
    assert (end["operation"], end["state"], end["outcome"]) == (record.id, "succeeded", str(ended.outcome))
    assert {entry["message"] for entry in story if "message" in entry} >= {f"{record.id}/card"}


async def test_a_step_that_failed_says_why(tmp_path: Path) -> None:
    with debug_log() as entries:
        async with open_operations_harness(tmp_path) as harness:
            plan = await harness.planner.restart("production", MAIN)
            async with harness.store.write() as tx:
                await tx.locks.lock_environment("production", LEE.person, "database move", harness.clock.now(), None)
            ended = await harness.run_plan(plan)
            await harness.wait_returned(ended.id)
        assert ended.state is State.FAILED

    errors = {entry["step"]: entry["error"] for entry in story_of(entries, ended.id) if entry["event"] == "operation step done"}
    assert errors["lock"].startswith(f"production is locked by @{LEE.person.user_id}: database move.")
    assert errors["end"] == ""


async def test_the_story_of_an_alert(store: Store) -> None:
    with debug_log() as entries:
        async with open_alerts_harness(store) as harness:
            enricher = EnrichmentHarness(harness)
            await harness.receive(notification(alert_with_expression()))
            await enricher.deliver()
            await enricher.enrich_due()
            group = await harness.group()

    story = story_of(entries, group.id)
    assert in_order(story, "alert notification applied", "alert group saved", "outbox message stored", "alert group enriched")
    assert {entry["part"] for entry in story if entry["event"] == "alert group enriched"} == {
        "suspects",
        "chart",
        "value",
        "pods",
    }
    assert all(entry["log_level"] == "debug" for entry in story)


class Interrupted(Exception):
    """The transaction does not come to its end."""


async def interrupted_save(store: Store) -> None:
    async with store.write() as tx:
        tx.trail.add("alert group saved", group="al-never")
        raise Interrupted


async def test_what_was_rolled_back_is_not_told(store: Store) -> None:
    with debug_log() as entries, pytest.raises(Interrupted):
        await interrupted_save(store)
    assert story_of(entries, "al-never") == []
