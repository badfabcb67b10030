"""Annotations against the strict stand-in: each once, as it stands, late rather than never, and nothing waits for them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from domain.catalogue.catalogue import Catalogue
from domain.health import HealthLevel
from domain.incidents.changes import IncidentChange
from domain.incidents.incident import Incident, IncidentState, Mark, Participant
from domain.operations.operation import OperationRecord, State
from domain.operations.transitions import Transition
from domain.people import Person
from domain.severities import Severity
from integrations.grafana import Grafana, open_grafana
from runbooks.dashboards.annotations import FIRST_PAUSE, GIVE_UP_AFTER, LONGEST_PAUSE, AnnotationListeners, AnnotationWriter
from runbooks.dashboards.health import GrafanaHealth
from runbooks.dashboards.sources import annotation_of_incident, incident_source, operation_source
from runbooks.incidents.saving import IncidentSaver
from runbooks.queued_timers import WORKERS, QueuedTimers
from runbooks.timers import TimerDispatcher
from sandbox.grafana import StandInGrafana
from sandbox.grafana.model import Annotation, Trouble
from storage.annotations import ANNOTATE
from storage.store import Store
from storage.timers import Timer
from tests.harness.fakes.clock import StoppedClock
from tests.harness.incidents import incidents_catalogue
from tests.harness.queued_timers import run_queued, running
from tests.harness.samples.operations import NOW, approved, record, rejected, rolling, succeeded
from tests.harness.wait import wait_until

MAX_ROUNDS = 200


@dataclass
class AnnotationHarness:
    """One replica with its database and a Grafana."""

    store: Store
    clock: StoppedClock
    stand_in: StandInGrafana
    grafana: Grafana
    writer: AnnotationWriter
    catalogue: Catalogue

    async def save(self, operation: OperationRecord, *, new: bool = False) -> None:
        async with self.store.write() as tx:
            await tx.apply(Transition(record=operation), self.clock.now(), new=new)

    async def timers(self) -> int:
        """How many annotations are still to be written."""
        async with self.store.read() as tx:
            due = await tx.timers.due(self.clock.now() + timedelta(days=3))
        return sum(timer.kind == ANNOTATE for timer in due)

    async def run_due(self) -> None:
        """What is due is done at once, as the ticker and the task do together."""

        async def write(timer: Timer, _at: datetime) -> None:
            await self.writer.write(timer)

        await TimerDispatcher(store=self.store, clock=self.clock, replica="a", handlers={ANNOTATE: write}).run_due()

    @property
    def annotations(self) -> list[Annotation]:
        return list(self.stand_in.state.annotations.values())


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[AnnotationHarness]:
    clock, catalogue = StoppedClock(NOW + timedelta(minutes=5)), incidents_catalogue()
    async with StandInGrafana() as stand_in, open_grafana(stand_in.url, stand_in.token, timeout_seconds=2) as grafana:
        sources = {"op": operation_source(lambda: catalogue), "inc": incident_source}
        writer = AnnotationWriter(store, clock, lambda _: grafana, sources, write_seconds=3)
        listeners = AnnotationListeners(lambda: catalogue, lambda _: grafana)
        store.listeners.on_operation_saved.append(listeners.on_operation_saved)
        store.listeners.on_incident_saved.append(listeners.on_incident_saved)
        yield AnnotationHarness(store, clock, stand_in, grafana, writer, catalogue)


async def test_a_rollback_is_marked_when_it_begins_and_over_its_time_when_it_has_ended(harness: AnnotationHarness) -> None:
    await harness.save(record(), new=True)
    await harness.run_due()
    assert harness.annotations == []
    await harness.save(rolling())
    await harness.run_due()
    (begun,) = harness.annotations
    assert begun.time == begun.time_end == int((NOW + timedelta(minutes=3)).timestamp() * 1000)
    assert begun.text.startswith("op-k7m2: rollback of deep-echo-main, deep-echo-cognitive in production (main-abc1234)")
    await harness.save(succeeded())
    await harness.run_due()
    (ended,) = harness.annotations
    assert (ended.id, ended.time_end) == (begun.id, int((NOW + timedelta(minutes=5)).timestamp() * 1000))
    assert "succeeded: Verified: all 9 pods run main-abc1234." in ended.text
    assert ended.tags == [
        *("deepecho", "deepecho:op-k7m2", "environment:production", "rollback"),
        *("service:deep-echo-cognitive", "service:deep-echo-main"),
    ]
    assert await harness.timers() == 0


async def test_what_changed_nothing_is_on_no_graph(harness: AnnotationHarness) -> None:
    await harness.save(rejected(), new=True)
    assert await harness.timers() == 0


async def test_writing_again_changes_nothing(harness: AnnotationHarness) -> None:
    await harness.save(succeeded(), new=True)
    await harness.run_due()
    before = list(harness.stand_in.state.requests)
    async with harness.store.write() as tx:
        await tx.apply(Transition(record=succeeded()), harness.clock.now())
    await harness.run_due()
    again = harness.stand_in.state.requests[len(before) :]
    assert [each.partition(" ")[0] for each in again] == ["GET"]
    assert len(harness.annotations) == 1


@pytest.mark.parametrize(
    "trouble",
    [Trouble(status=502), Trouble(delay_seconds=30), Trouble(rubbish=b"<html>"), Trouble(status=429)],
    ids=["down", "slow", "rubbish", "busy"],
)
async def test_where_grafana_is_in_trouble_it_is_written_afterwards(harness: AnnotationHarness, trouble: Trouble) -> None:
    harness.stand_in.state.trouble = trouble
    await harness.save(succeeded(), new=True)
    for _ in range(2):
        await harness.run_due()
        assert harness.annotations == []
        harness.clock.advance(2 * FIRST_PAUSE)
    harness.stand_in.state.trouble = Trouble()
    await harness.run_due()
    assert len(harness.annotations) == 1
    assert await harness.timers() == 0


async def test_a_grafana_in_trouble_is_left_alone_however_much_waits(harness: AnnotationHarness) -> None:
    harness.stand_in.state.trouble = Trouble(status=502)
    for number in range(60):
        await harness.save(replace(succeeded(), id=f"op-{number}", source=f"click-{number}"), new=True)
    for _ in range(5):
        await harness.run_due()
    assert len(harness.stand_in.state.requests) == 1
    harness.stand_in.state.trouble = Trouble()
    harness.clock.advance(FIRST_PAUSE)
    for _ in range(5):
        await harness.run_due()
    assert (len(harness.annotations), await harness.timers()) == (60, 0)


async def test_those_that_fail_at_the_same_time_count_as_one_failure(harness: AnnotationHarness) -> None:
    harness.stand_in.state.trouble = Trouble(delay_seconds=30)
    for number in range(WORKERS):
        await harness.save(replace(succeeded(), id=f"op-{number}", source=f"click-{number}"), new=True)
    queue = QueuedTimers("annotations", harness.clock, harness.writer.write)
    handlers = {ANNOTATE: queue.submit}
    await TimerDispatcher(store=harness.store, clock=harness.clock, replica="a", handlers=handlers).run_due()
    await run_queued(queue)
    assert len(harness.stand_in.state.requests) == WORKERS
    harness.stand_in.state.trouble = Trouble()
    harness.clock.advance(FIRST_PAUSE)
    await harness.run_due()
    assert (len(harness.annotations), await harness.timers()) == (WORKERS, 0)


async def test_an_answer_that_was_lost_makes_no_second_one(harness: AnnotationHarness) -> None:
    harness.stand_in.state.trouble = Trouble(loses_writes=True)
    await harness.save(succeeded(), new=True)
    await harness.run_due()
    assert len(harness.annotations) == 1
    harness.stand_in.state.trouble = Trouble()
    harness.clock.advance(FIRST_PAUSE)
    await harness.run_due()
    assert (len(harness.annotations), await harness.timers()) == (1, 0)


async def test_of_several_one_stays(harness: AnnotationHarness) -> None:
    await harness.save(succeeded(), new=True)
    await harness.run_due()
    (first,) = harness.annotations
    harness.stand_in.state.annotations[9] = replace(first, id=9)
    await harness.save(succeeded())
    await harness.run_due()
    assert [each.id for each in harness.annotations] == [first.id]


async def test_a_refusal_is_counted_and_not_repeated(harness: AnnotationHarness) -> None:
    harness.stand_in.state.trouble = Trouble(status=403)
    await harness.save(succeeded(), new=True)
    await harness.run_due()
    assert (harness.writer.given_up, await harness.timers()) == (1, 0)


async def test_health_says_that_grafana_refuses_and_that_it_does_no_longer(harness: AnnotationHarness) -> None:
    health = GrafanaHealth(harness.clock, lambda name: harness.grafana if name == "production" else None, harness.writer.problem)
    assert await health.check("staging") == ()

    async def line() -> tuple[HealthLevel, str]:
        (found,) = await health.check("production")
        return found.level, str(found.text)

    assert await line() == (HealthLevel.GREEN, "answers, version 12.3.0")
    harness.stand_in.state.trouble = Trouble(status=403)
    await harness.save(succeeded(), new=True)
    await harness.run_due()
    harness.stand_in.state.trouble = Trouble()
    level, text = await line()
    assert level is HealthLevel.YELLOW
    assert text.startswith("answers, but takes no annotations: Grafana at ")
    await harness.save(succeeded())
    await harness.run_due()
    assert await line() == (HealthLevel.GREEN, "answers, version 12.3.0")
    harness.stand_in.state.trouble = Trouble(status=503)
    level, text = await line()
    assert level is HealthLevel.YELLOW
    assert "HTTP 503" in text


async def test_after_a_day_without_grafana_it_is_given_up(harness: AnnotationHarness) -> None:
    harness.stand_in.state.trouble = Trouble(status=502)
    await harness.save(succeeded(), new=True)
    for _ in range(MAX_ROUNDS):
        await harness.run_due()
        if not await harness.timers():
            break
        harness.clock.advance(LONGEST_PAUSE)
    assert harness.writer.given_up == 1
    assert harness.clock.now() - NOW > GIVE_UP_AFTER
    assert len(harness.stand_in.state.requests) < MAX_ROUNDS


async def test_what_changes_while_it_is_written_is_written_too(harness: AnnotationHarness) -> None:
    await harness.save(rolling(), new=True)
    async with harness.store.read() as tx:
        (timer,) = await tx.timers.due(harness.clock.now())
    harness.clock.advance(timedelta(seconds=1))
    await harness.save(succeeded())
    await harness.writer.write(timer)
    assert await harness.timers() == 1
    await harness.run_due()
    assert "succeeded" in harness.annotations[0].text


async def test_nobody_waits_for_it(harness: AnnotationHarness) -> None:
    harness.stand_in.state.trouble = Trouble(delay_seconds=30)
    await harness.save(succeeded(), new=True)
    assert harness.stand_in.state.requests == []
    queue = QueuedTimers("annotations", harness.clock, harness.writer.write)
    timers = TimerDispatcher(store=harness.store, clock=harness.clock, replica="a", handlers={ANNOTATE: queue.submit})
    await timers.run_due()
    assert harness.stand_in.state.requests == []
    async with running(queue):
        await wait_until(lambda: bool(harness.stand_in.state.requests))


def incident(**more: object) -> Incident:
    """Declared an hour ago."""
    declared = Mark(Participant(Person("U0ANA00001", "T0DEEPECHO"), "ana"), NOW - timedelta(hours=1))
    values = {
        "id": "inc-x4k2",
        "title": "checkout <b>fails</b>",
        "severity": Severity.P1,
        "environment": "production",
        "services": ("deep-echo-main",),
        "declared": declared,
    }
    return Incident(**values | more)  # type: ignore[arg-type]


async def save_incident(harness: AnnotationHarness, saved: Incident) -> None:
    async with harness.store.write() as tx:
        await IncidentSaver(lambda: harness.catalogue).add(tx, IncidentChange(record=saved), harness.clock.now())


async def test_an_incident_is_marked_from_its_declaration_on(harness: AnnotationHarness) -> None:
    await save_incident(harness, incident())
    await harness.run_due()
    (mark,) = harness.annotations
    assert mark.text == "inc-x4k2: P1 checkout &lt;b&gt;fails&lt;/b&gt;. declared"
    assert {"incident", "environment:production", "service:deep-echo-main"} <= set(mark.tags)


async def test_of_a_security_incident_grafana_learns_nothing(harness: AnnotationHarness) -> None:
    await save_incident(harness, incident(security=True))
    assert await harness.timers() == 0


def test_an_incident_lasts_until_its_resolution_and_a_rehearsal_is_none() -> None:
    declared = incident().declared
    resolved = Mark(declared.by, NOW)
    ended = annotation_of_incident(incident(state=IncidentState.CLOSED, resolved=resolved, closed=Mark(declared.by, NOW)))
    assert ended is not None
    assert (ended.since, ended.until) == (declared.at, NOW)
    merged = annotation_of_incident(incident(state=IncidentState.CLOSED, closed=resolved, merged_into="inc-a"))
    assert merged is not None
    assert merged.until == NOW
    assert annotation_of_incident(incident(is_test=True)) is None


async def test_an_operation_that_failed_says_so(harness: AnnotationHarness) -> None:
    await harness.save(replace(approved(State.FAILED), progress=rolling().progress, outcome="No.", ended_at=NOW), new=True)
    await harness.run_due()
    assert "failed: No." in harness.annotations[0].text
