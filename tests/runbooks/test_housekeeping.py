"""What is deleted once its time is over, and what stays because something still needs it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.alerts.storms import Storm
from domain.audit import find_broken_link
from domain.operations.operation import State
from domain.operations.plans import Plan
from domain.workloads.image_history import KEPT_IMAGES
from domain.workloads.image_ids import ReportedImage
from runbooks.housekeeping import Retention
from storage.store import Store, Transaction
from storage.tables.alerts import alert_groups, alert_keys, alerts, storms
from storage.tables.core import budgets, inbox, messages, outbox
from storage.tables.operations import images, operations
from storage.timers import Timer
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.fakes.clock import StoppedClock
from tests.harness.housekeeping import (
    DAY,
    add_answered,
    add_operations,
    column,
    count_rows,
    ended_operation,
    housekeeping,
    send_all,
)
from tests.harness.outbox import outbox_note
from tests.harness.samples.alerts import alert, group
from tests.harness.samples.operations import ANA, NOW, change, plan, record

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]

OLD, RECENT = NOW - 400 * DAY, NOW - 20 * DAY
Arrange = Callable[[Transaction], Awaitable[object]]


def timer(subject: str, key: str = "t-1") -> Timer:
    return Timer(key, "revert-scale", subject, NOW + DAY)


NEEDED_OPERATIONS: dict[str, Arrange] = {
    "it locks a service": lambda tx: tx.locks.lock_services("op-old", "production", ("deep-echo-main",), ANA, NOW),
    "a timer is about it": lambda tx: tx.timers.set(timer("op-old")),
    "a timer that exists started it": lambda tx: tx.timers.set(timer("op-first", "inbox-old")),
    "a message about it is unsent": lambda tx: tx.outbox.put(outbox_note("t/late", stream="op-old"), at=NOW),
}


async def test_operations_go_a_year_after_their_end_however_old_the_request(store: Store) -> None:
    states = {f"op-{state.value}": ended_operation(state.value, OLD, state) for state in State}
    await add_operations(store, *states.values(), ended_operation("late", RECENT))
    await send_all(store, OLD)
    await housekeeping(store).run_once()
    assert await column(store, operations, "id") == {"op-waiting", "op-running", "op-late"}


@pytest.mark.parametrize("why", NEEDED_OPERATIONS)
async def test_an_operation_that_something_needs_stays(store: Store, why: str) -> None:
    await add_operations(store, ended_operation("old", OLD), ended_operation("other", OLD))
    await send_all(store, OLD)
    async with store.write() as tx:
        await NEEDED_OPERATIONS[why](tx)
    await housekeeping(store).run_once()
    assert await column(store, operations, "id") == {"op-old"}


async def test_the_audit_log_stays_whole_and_no_id_in_it_is_given_again(store: Store) -> None:
    await add_operations(store, *(ended_operation(f"{number}", OLD) for number in range(120)))
    await send_all(store, OLD)
    await housekeeping(store).run_once()
    async with store.read() as tx:
        records = [entry async for entry in tx.audit.walk()]
        assert find_broken_link(records, await tx.audit.head()) is None
        assert len(records) == 120
        assert await tx.operations.known_ids(["op-7", "op-new"]) == {"op-7"}
    assert await count_rows(store, operations, outbox, messages) == (0, 0, 0)


async def test_where_a_message_is_stays_known_while_it_may_be_needed(store: Store) -> None:
    await add_operations(store, ended_operation("gone", OLD), ended_operation("late", RECENT), ended_operation("edit", OLD))
    await send_all(store, NOW - 100 * DAY)
    async with store.write() as tx:
        await tx.outbox.put(outbox_note("t/late", stream="op-edit", parent="card"), at=NOW)
    await housekeeping(store).run_once()
    late, edited = {"op-late/card", "op-late/t/asked"}, {"op-edit/card", "op-edit/t/asked"}
    assert await column(store, messages, "key") == {"op-gone/card", *late, *edited}, "a card a year, and all of what is stored"
    clock = StoppedClock(NOW + 300 * DAY)
    await housekeeping(store, clock).run_once()
    assert await column(store, messages, "key") == late | edited


async def test_what_was_answered_sent_and_spent_goes_after_a_month(store: Store) -> None:
    await add_answered(store, 450, OLD, prefix="old")
    await add_answered(store, 2, RECENT, prefix="new")
    async with store.write() as tx:
        await tx.timers.set(timer("old-7"))
        await tx.outbox.block_budget("post/C1", OLD, OLD)
        await tx.outbox.block_budget("post/C2", NOW, NOW)
    await housekeeping(store).run_once()
    assert await column(store, inbox, "key") == {"new-0", "new-1", "old-7"}, "a timer is about that notification"
    assert await column(store, budgets, "key") == {"post/C2"}


async def test_each_period_is_its_own(store: Store) -> None:
    await add_answered(store, 1, NOW - 3 * DAY)
    await add_operations(store, ended_operation("a", NOW - 3 * DAY))
    await send_all(store, NOW)
    await housekeeping(store, retention=Retention(messages=2 * DAY)).run_once()
    assert await count_rows(store, inbox, operations) == (0, 1)
    await housekeeping(store, retention=Retention(operations=2 * DAY)).run_once()
    assert await count_rows(store, operations) == (0,)


async def save_groups(store: Store, *names: str, resolved_at: datetime | None = OLD, storm: str = "") -> None:
    made = [group(id=name, resolved_at=resolved_at, storm=storm) for name in names]
    async with store.write() as tx:
        await tx.alerts.save(made)
        await tx.alerts.save_alerts({name: [alert("a"), alert("b")] for name in names})
        await tx.alerts.assign_keys({name: name for name in names})


async def test_alert_groups_go_but_for_those_that_fire_or_are_waited_for(store: Store) -> None:
    await save_groups(store, "al-silenced", "al-unsent", *(f"al-{number}" for number in range(50)))
    await save_groups(store, "al-fires", resolved_at=None)
    async with store.write() as tx:
        await tx.timers.set(timer("al-silenced"))
        await tx.outbox.put(outbox_note("t/1", stream="al-unsent"), at=NOW)
    await housekeeping(store).run_once()
    assert await column(store, alert_groups, "id") == {"al-silenced", "al-unsent", "al-fires"}
    assert await count_rows(store, alerts, alert_keys) == (6, 3)


async def test_a_storm_stays_while_a_group_has_no_card_but_its(store: Store) -> None:
    await save_groups(store, "al-folded", resolved_at=None, storm="st-held")
    async with store.write() as tx:
        for name in ("st-held", "st-gone"):
            await tx.storms.save(Storm(id=name, channel="C1", began_at=OLD, last_at=OLD, ended_at=OLD))
    await housekeeping(store).run_once()
    assert await column(store, storms, "id") == {"st-held"}


async def test_a_version_that_may_still_be_chosen_is_known_by_what_it_ran_as(store: Store) -> None:
    async with store.write() as tx:
        for number in range(KEPT_IMAGES + 5):
            seen_at = OLD - timedelta(minutes=number)
            await tx.images.record(f"ghcr.io/acme/shop:{number}", ReportedImage("shop@sha256:1", "linux/amd64"), seen_at)
        await tx.images.record("ghcr.io/acme/rare:1", ReportedImage("rare@sha256:1", "linux/amd64"), OLD)
    waiting = record(State.WAITING, plan=_plan_for(f"ghcr.io/acme/shop:{KEPT_IMAGES + 2}"))
    await add_operations(store, waiting)
    await housekeeping(store).run_once()
    kept = {f"ghcr.io/acme/shop:{number}" for number in (*range(KEPT_IMAGES), KEPT_IMAGES + 2)}
    assert await column(store, images, "image") == {*kept, "ghcr.io/acme/rare:1"}


def _plan_for(image: str) -> Plan:
    wanted = change()
    return replace(plan(), changes=(replace(wanted, after=replace(wanted.after, image=image)),))
