"""Operations whose environment, service or cluster a reload took away: a sentence, and an end."""

from collections.abc import Callable

import pytest

from domain.catalogue.catalogue import Catalogue
from domain.operations.operation import Decision, Phase, State
from domain.rich_text import plain_text
from tests.harness.cluster_namespace import wait_until
from tests.harness.operations import OperationsHarness
from tests.harness.rights import (
    MAIN,
    assert_untouched,
    other_cluster,
    without_environment,
    without_service,
)
from tests.harness.samples.team import ANA, LEE

GONE = [
    pytest.param(without_environment, "production is no longer in the catalogue.", id="environment"),
    pytest.param(without_service, "deep-echo-main is no longer in the catalogue.", id="service"),
    pytest.param(other_cluster, "The catalogue names another place for deep-echo-main in production by now.", id="cluster"),
]


@pytest.mark.parametrize(("make", "words"), GONE)
@pytest.mark.parametrize("decision", [Decision.APPROVED, Decision.REJECTED])
async def test_an_answer_to_what_a_reload_took_away_ends_it(
    harness: OperationsHarness, make: Callable[[], Catalogue], words: str, decision: Decision
) -> None:
    record = await harness.start(ANA)
    harness.reload(make())
    ended = await harness.operations.decide(record.id, LEE, decision)
    assert (ended.state, plain_text(ended.outcome)) == (State.DRIFTED, words)
    assert "Nothing was changed." in plain_text(ended.end_state[0])
    (note,) = [each for each in await harness.notes(record.id) if each.key == "ended"]
    assert plain_text(note.text) == words
    await assert_untouched(harness)


@pytest.mark.parametrize(("make", "words"), GONE)
async def test_nobody_has_to_answer_what_a_reload_took_away(
    harness: OperationsHarness, make: Callable[[], Catalogue], words: str
) -> None:
    record = await harness.start(ANA)
    harness.reload(make())
    await harness.recovery.run_once()
    ended = await harness.operations.find(record.id)
    assert (ended.state, plain_text(ended.outcome)) == (State.DRIFTED, words)
    await wait_until(lambda: harness.engine.waiting == frozenset())


async def test_what_a_reload_took_away_can_be_cancelled(harness: OperationsHarness) -> None:
    record = await harness.start(ANA)
    harness.reload(without_environment())
    assert (await harness.operations.cancel(record.id, ANA)).state is State.CANCELLED


async def test_a_rollout_in_an_environment_that_a_reload_took_away_is_watched_to_its_end(harness: OperationsHarness) -> None:
    record = await harness.start_plan(await harness.planner.rollback("production", "abc1234", MAIN))
    await harness.wait_until(record.id, lambda each: each.progress[0].phase is Phase.ROLLING)
    harness.reload(without_environment())
    assert (await harness.wait_ended(record.id)).outcome == "Verified: all 3 pods run main-abc1234."
