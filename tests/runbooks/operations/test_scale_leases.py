"""A temporary scale is a lease: recorded with its end, ended with it, compared with the cluster."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.components.leases import health_lines
from domain.answers.leases import LeasesAnswer
from domain.errors import Refused
from domain.health import HealthLevel
from domain.leases.lease import LeaseKind, Reality
from domain.operations.operation import Decision, OperationRecord, State
from domain.people import Member
from runbooks.leases.service import LeaseService, SilenceList
from runbooks.operations.scale_leases import plan_early_end
from sandbox.cluster import ClusterFault
from sandbox.cluster.resources import DEPLOYMENTS
from storage.leases import LeaseRepository
from storage.store import Transaction
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url
from tests.harness.fakes.user_groups import MemoryGroups
from tests.harness.families import render_text
from tests.harness.operations import OperationsHarness, open_operations_harness
from tests.harness.recreation import recreate
from tests.harness.samples.team import LEE, RAY, SAM

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url"]

MAIN = "deep-echo-main"
HOUR = timedelta(hours=1)


def no_alertmanager(environment: str, source: str = "", /) -> SilenceList:
    raise Refused(f"The catalogue names no Alertmanager of {environment} {source}.")


async def leases(harness: OperationsHarness) -> LeasesAnswer:
    service = LeaseService(
        store=harness.store,
        clock=harness.clock,
        catalogue=harness.current_catalogue,
        alertmanager=no_alertmanager,
        clusters=harness.dependencies.clusters,
        user_groups=MemoryGroups(),
    )
    return await service.compare(["production"])


async def reality(harness: OperationsHarness) -> list[tuple[str, Reality]]:
    return [(each.lease.key, each.reality) for each in (await leases(harness)).readings]


async def scale(
    harness: OperationsHarness, to: int, *, hours: float = 0, by: Member = RAY, reason: str = "the fair"
) -> OperationRecord:
    plan = await harness.planner.scale("production", MAIN, to)
    duration = timedelta(hours=hours) if hours else None
    key = f"{to} at {harness.clock.now()}"
    record = await harness.operations.start(plan, source=key, by=by, channel="C1", reason=reason, duration=duration)
    if record.approval is not None:
        await harness.operations.decide(record.id, LEE, Decision.APPROVED)
    return await harness.wait_ended(record.id)


def set_by_hand(harness: OperationsHarness, replicas: int) -> None:
    harness.stand_in.store.modify(DEPLOYMENTS, ("deep-echo-prod", MAIN), lambda each: each["spec"].update(replicas=replicas))


async def replicas(harness: OperationsHarness) -> int:
    return (await harness.cluster.workload(harness.target())).replicas


async def let_pass(harness: OperationsHarness, time: timedelta) -> None:
    """What is due then is done to its end."""
    harness.clock.advance(time)
    await harness.timers.run_due()
    for record in await harness.operations.recent(unfinished=True):
        await harness.wait_ended(record.id)


async def texts(harness: OperationsHarness, operation: str) -> list[str]:
    return [str(each.text) for each in await harness.notes(operation)]


@pytest.fixture
async def on_both(database_url: str, tmp_path: Path) -> AsyncIterator[OperationsHarness]:
    async with open_operations_harness(tmp_path, database_url) as opened:
        yield opened


async def test_the_lease_is_written_with_the_end_of_the_scale_and_ended_with_the_end_of_putting_back(
    on_both: OperationsHarness,
) -> None:
    harness, seen = on_both, list[tuple[State, int, State, int]]()

    async def look(tx: Transaction, record: OperationRecord, _at: datetime) -> None:
        """The transaction that ends an operation has its lease; nobody else sees one of both without the other."""
        if record.state.final:
            async with harness.store.read() as outside:
                before = await outside.operations.get(record.id)
                others = len(await outside.of(LeaseRepository).of_kind(LeaseKind.SCALE, "production"))
            assert before is not None
            own = len(await tx.of(LeaseRepository).of_kind(LeaseKind.SCALE, "production"))
            seen.append((record.state, own, before.state, others))

    harness.store.listeners.on_operation_saved.append(look)
    record = await scale(harness, 5, hours=2)
    (reading,) = (await leases(harness)).readings
    lease = reading.lease
    assert reading.reality is Reality.HELD
    assert (lease.key, lease.owner, lease.undo) == (record.id, RAY.person, f"unscale {record.id}")
    assert abs(lease.until - lease.set_at - 2 * HOUR) < timedelta(seconds=5)
    assert lease.purpose == f"{MAIN} has 5 pods instead of 3: the fair"

    await let_pass(harness, 2 * HOUR)
    assert await replicas(harness) == 3
    assert await reality(harness) == []
    assert seen == [(State.SUCCEEDED, 1, State.RUNNING, 0), (State.SUCCEEDED, 0, State.RUNNING, 1)]


async def test_a_scale_that_the_cluster_refused_has_set_nothing(harness: OperationsHarness) -> None:
    harness.stand_in.inject_fault(ClusterFault(kind="status", status=403, times=1, path_prefix="/apis/apps/v1", method="PATCH"))
    refused = await scale(harness, 4, hours=2)
    assert refused.state is State.FAILED
    assert await reality(harness) == []


async def test_while_putting_back_is_late_it_is_overdue(harness: OperationsHarness) -> None:
    record = await scale(harness, 5, hours=2)
    harness.clock.advance(3 * HOUR)
    assert await reality(harness) == [(record.id, Reality.OVERDUE)]
    answer = await leases(harness)
    assert "not put back yet" in render_text(answer)
    (line,) = health_lines(answer, "production", harness.clock.now())
    assert (line.level, line.text) == (HealthLevel.YELLOW, "scales: 1 past their time")
    await let_pass(harness, timedelta())
    assert await reality(harness) == []


async def test_what_a_person_sets_for_good_ends_the_lease_at_once_and_is_never_undone_by_the_timer(
    on_both: OperationsHarness,
) -> None:
    """Also where the same number is set a second time, which the timer would take for its own."""
    harness = on_both
    first = await scale(harness, 5, hours=2)
    back = await scale(harness, 3, by=SAM)
    assert await reality(harness) == []
    who = f"@{SAM.person.user_id} has set 3 pods since ({back.id})"
    assert (await texts(harness, first.id))[-1] == f"{who}, so nothing is put back when the time of this scale is over."
    await scale(harness, 5, by=SAM)
    await let_pass(harness, 2 * HOUR)
    assert await replicas(harness) == 5
    assert len(await harness.operations.recent()) == 3


async def test_what_is_changed_by_hand_is_said_and_left_alone_at_the_end(harness: OperationsHarness) -> None:
    record = await scale(harness, 5, hours=2)
    set_by_hand(harness, 8)
    assert await reality(harness) == [(record.id, Reality.CHANGED)]
    answer = await leases(harness)
    assert "Somebody has changed it. There are 8 replicas now: they are left alone at its end." in render_text(answer)
    (line,) = health_lines(answer, "production", harness.clock.now())
    assert (line.level, line.text) == (HealthLevel.YELLOW, "scales: 1 changed by somebody")
    await let_pass(harness, 2 * HOUR)
    assert (await leases(harness)) == LeasesAnswer(environments=("production",), readings=())


async def test_a_workload_that_was_made_anew_holds_nothing_of_ours(harness: OperationsHarness) -> None:
    record = await scale(harness, 5, hours=2)
    await recreate(harness, "production")
    assert await reality(harness) == [(record.id, Reality.GONE)]
    await let_pass(harness, 2 * HOUR)
    assert await reality(harness) == []


async def test_what_could_not_be_put_back_is_an_orphan_until_somebody_does(harness: OperationsHarness) -> None:
    record = await scale(harness, 5, hours=2)
    at = harness.clock.now()
    async with harness.store.write() as tx:
        await tx.locks.lock_environment("production", SAM.person, "the fair goes on", at, None)
    await let_pass(harness, 2 * HOUR)
    answer = await leases(harness)
    (orphan,) = answer.orphans
    assert (answer.readings, orphan.key, orphan.owner) == ((), record.id, RAY.person)
    assert orphan.undo == f"unscale {record.id}"
    assert "the fair goes on" in str(orphan.why)
    assert "scale in production that nothing puts back" in render_text(answer)
    (line,) = health_lines(answer, "production", harness.clock.now())
    assert (line.level, line.text) == (HealthLevel.RED, "scales: 1 that nothing puts back")
    async with harness.store.write() as tx:
        lock = await tx.locks.environment_lock("production", harness.clock.now())
        assert lock is not None
        assert await tx.locks.unlock_environment(lock)
    await scale(harness, 3)
    assert (await leases(harness)).orphans == ()


async def test_what_nobody_may_put_back_is_an_orphan_until_its_number_is_another(harness: OperationsHarness) -> None:
    await scale(harness, 5, hours=2)
    tracked = {"argocd.argoproj.io/tracking-id": "deep-echo-docs:apps/Deployment:deep-echo-prod/deep-echo-main"}
    harness.stand_in.store.modify(
        DEPLOYMENTS, ("deep-echo-prod", MAIN), lambda each: each["metadata"]["annotations"].update(tracked)
    )
    await let_pass(harness, 2 * HOUR)
    (orphan,) = (await leases(harness)).orphans
    assert "Argo CD" in str(orphan.why)
    set_by_hand(harness, 4)
    assert (await leases(harness)).orphans == ()


async def test_one_on_top_of_another_goes_back_step_by_step(harness: OperationsHarness) -> None:
    lower = await scale(harness, 5, hours=4)
    upper = await scale(harness, 8, hours=1)
    assert dict(await reality(harness)) == {lower.id: Reality.HELD, upper.id: Reality.HELD}
    assert f"{upper.id} has set 8 pods on top of it." in render_text(await leases(harness))
    await let_pass(harness, HOUR)
    assert (await replicas(harness), await reality(harness)) == (5, [(lower.id, Reality.HELD)])
    await let_pass(harness, 3 * HOUR)
    assert (await replicas(harness), await reality(harness)) == (3, [])


async def test_one_on_top_that_lasts_longer_goes_back_to_the_number_from_before_both(harness: OperationsHarness) -> None:
    lower = await scale(harness, 5, hours=1)
    upper = await scale(harness, 8, hours=4)
    await let_pass(harness, HOUR)
    assert (await replicas(harness), await reality(harness)) == (8, [(upper.id, Reality.HELD)])
    over = f"The time of this scale is over. {upper.id} has set 8 pods for longer; when its time is over, 3 come back."
    assert (await texts(harness, lower.id))[-1] == over
    early = f"The time of {lower.id} is over before this one's. When this one's is, 3 pods come back."
    assert (await texts(harness, upper.id))[-1] == early
    (reading,) = (await leases(harness)).readings
    assert reading.lease.undo == f"unscale {upper.id}"
    await let_pass(harness, 3 * HOUR)
    assert (await replicas(harness), await reality(harness)) == (3, [])


@pytest.mark.parametrize("by_hand", [True, False])
async def test_nothing_is_promised_where_the_one_on_top_is_no_longer_there(harness: OperationsHarness, *, by_hand: bool) -> None:
    lower = await scale(harness, 5, hours=1)
    await scale(harness, 8, hours=4)
    if by_hand:
        set_by_hand(harness, 9)
    else:
        await recreate(harness, "production")
    await let_pass(harness, HOUR)
    assert "left alone" in (await texts(harness, lower.id))[-1]
    await let_pass(harness, 3 * HOUR)
    assert (await leases(harness)) == LeasesAnswer(environments=("production",), readings=())


async def test_the_one_on_top_that_is_ended_early_leaves_the_one_below(on_both: OperationsHarness) -> None:
    harness = on_both
    lower = await scale(harness, 5, hours=4)
    upper = await scale(harness, 8, hours=2)
    plan = await plan_early_end(harness.store, harness.planner, harness.catalogue, upper.id, harness.clock.now())
    ended = await harness.run_plan(plan, by=RAY)
    assert ended.state is State.SUCCEEDED, ended.outcome
    assert (await replicas(harness), await reality(harness)) == (5, [(lower.id, Reality.HELD)])
    early = f"@{RAY.person.user_id} has ended this scale early ({ended.id}): it is back at 5 pods."
    assert (await texts(harness, upper.id))[-1] == early
    await let_pass(harness, 4 * HOUR)
    assert (await replicas(harness), await reality(harness)) == (3, [])


async def test_a_cluster_that_does_not_answer_is_said_and_the_record_still_shown(harness: OperationsHarness) -> None:
    record = await scale(harness, 5, hours=2)
    harness.stand_in.inject_fault(ClusterFault(kind="status", status=503, times=1000, path_prefix="/apis/apps/v1"))
    assert await reality(harness) == [(record.id, Reality.UNKNOWN)]
    answer = await leases(harness)
    harness.stand_in.control.clear_faults()
    assert "Not compared: deep-echo-main in production" in render_text(answer)
    assert health_lines(answer, "production", harness.clock.now()) == ()


async def test_what_a_person_set_on_top_stays_when_the_first_of_three_ends(harness: OperationsHarness) -> None:
    """The last of them wants the number of the first, by chance or on purpose."""
    first = await scale(harness, 5, hours=1)
    await scale(harness, 8, hours=4)
    await scale(harness, 5, hours=3, by=SAM)
    await let_pass(harness, HOUR)
    assert await replicas(harness) == 5
    assert any("The time of this scale is over." in each for each in await texts(harness, first.id))
    await let_pass(harness, 2 * HOUR)
    assert await replicas(harness) == 8
    await let_pass(harness, HOUR)
    assert await replicas(harness) == 3


async def test_what_was_set_after_a_change_by_hand_stays_when_an_older_one_ends(harness: OperationsHarness) -> None:
    first = await scale(harness, 5, hours=1)
    set_by_hand(harness, 7)
    later = await scale(harness, 5, hours=4, by=SAM)
    assert dict(await reality(harness)) == {first.id: Reality.CHANGED, later.id: Reality.HELD}
    with pytest.raises(Refused, match=rf"{later.id} has set 5 replicas of .* since"):
        await plan_early_end(harness.store, harness.planner, harness.catalogue, first.id, harness.clock.now())
    await let_pass(harness, HOUR)
    assert await replicas(harness) == 5
    assert any(f"{later.id} has set 5 replicas since" in each for each in await texts(harness, first.id))
    await let_pass(harness, 3 * HOUR)
    assert await replicas(harness) == 7
