"""The silences of a window: exactly its scope, ours alone, gone when it is over."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.views.maintenance import card
from domain.alerts.silences import Silence, SilenceState
from domain.errors import Forbidden
from domain.maintenance.window import GRACE, MaintenanceWindow
from storage.store import Store
from tests.harness.fakes.alertmanager import MemoryAlertmanager
from tests.harness.fakes.clock import NOW, StoppedClock
from tests.harness.maintenance import LENGTH, MaintenanceReplica

STAGING = {"alertname": "HighErrorRate", "service": "deep-echo-main", "environment": "staging"}
MINUTE = timedelta(minutes=1)


@pytest.fixture
def alertmanager(replica: MaintenanceReplica) -> MemoryAlertmanager:
    assert isinstance(replica.alertmanager, MemoryAlertmanager)
    return replica.alertmanager


@pytest.fixture
def replica(store: Store) -> MaintenanceReplica:
    clock = StoppedClock(NOW)
    server = MemoryAlertmanager(clock)
    server.labels = {"ours": STAGING, "development": STAGING | {"environment": "development"}}
    return MaintenanceReplica(store, clock, server)


async def begin(replica: MaintenanceReplica) -> MaintenanceWindow:
    window = await replica.plan()
    await replica.tick()
    return window


async def standing(alertmanager: MemoryAlertmanager) -> list[Silence]:
    return [each for each in await alertmanager.silences() if each.in_force]


async def hidden(alertmanager: MemoryAlertmanager) -> list[str]:
    return [each.fingerprint for each in await alertmanager.alert_details() if each.silenced_by]


async def test_exactly_its_scope_is_hidden_until_the_freeze_ends(
    replica: MaintenanceReplica, alertmanager: MemoryAlertmanager
) -> None:
    window = await begin(replica)
    (silence,) = await standing(alertmanager)
    assert (silence.by, silence.ends_at) == ("deepecho", window.starts_at + LENGTH + GRACE)
    assert silence.comment.endswith(window.marker)
    assert await hidden(alertmanager) == ["ours"]
    assert "(1 firing now)" in " ".join(await replica.notes())
    await replica.tick()
    assert len(alertmanager.stored) == 1


async def test_at_its_end_ours_are_lifted_and_others_stay(replica: MaintenanceReplica, alertmanager: MemoryAlertmanager) -> None:
    window = await begin(replica)
    (ours,) = await standing(alertmanager)
    foreign = replace(ours, id="foreign", by="kim")
    copied = replace(ours, id="copied", comment="maintenance: RDS minor upgrade [mw-other]")
    alertmanager.stored |= {each.id: each for each in (foreign, copied)}
    await replica.end(window)
    await replica.tick()
    assert [each.id for each in await standing(alertmanager)] == ["foreign", "copied"]


async def test_silences_that_cannot_be_lifted_are_said_and_tried_again(
    replica: MaintenanceReplica, alertmanager: MemoryAlertmanager
) -> None:
    window = await begin(replica)
    lifting = replica.alertmanager

    class Forbidding(MemoryAlertmanager):
        async def silences(self) -> tuple[Silence, ...]:
            raise Forbidden("Alertmanager does not let the bot list the silences (HTTP 403).")

    replica.alertmanager = Forbidding(replica.clock)
    await replica.end(window)
    for _ in range(3):
        await replica.tick()
        replica.clock.advance(timedelta(seconds=61))
    said = [note for note in await replica.notes() if note.startswith("Alerts are still hidden, until ")]
    assert len(said) == 1
    assert f"look for `[{window.id}]` in Alertmanager" in said[0]
    assert len(await standing(alertmanager)) == 1
    replica.alertmanager = lifting
    await replica.tick()
    assert await standing(alertmanager) == []


async def test_what_a_person_has_changed_is_theirs(replica: MaintenanceReplica, alertmanager: MemoryAlertmanager) -> None:
    window = await begin(replica)
    (silence,) = await standing(alertmanager)
    alertmanager.stored[silence.id] = replace(silence, ends_at=silence.ends_at + LENGTH)
    await replica.end(window)
    await replica.tick()
    assert await standing(alertmanager)
    assert "changed by somebody since, so it stays until" in " ".join(await replica.notes())


async def test_what_a_person_has_lifted_is_not_set_again(replica: MaintenanceReplica, alertmanager: MemoryAlertmanager) -> None:
    await begin(replica)
    (silence,) = await standing(alertmanager)
    await alertmanager.expire(silence.id)
    replica.clock.advance(5 * MINUTE)
    await replica.tick()
    assert await standing(alertmanager) == []


async def test_an_extension_leaves_lifted_what_a_person_has_lifted(
    replica: MaintenanceReplica, alertmanager: MemoryAlertmanager
) -> None:
    window = await replica.plan(scope="alertname=HighErrorRate service=deep-echo-main; alertname=RedisDown")
    await replica.tick()
    lifted, kept = await standing(alertmanager)
    replica.clock.advance(MINUTE)
    await alertmanager.expire(lifted.id)
    for more, key in ((LENGTH, "extend"), (MINUTE, "extend again")):
        extended = await replica.extend(window, more, key)
        await replica.tick()
        (silence,) = await standing(alertmanager)
        assert (set(silence.matchers), silence.ends_at) == (set(kept.matchers), extended.frozen_until)
    assert await hidden(alertmanager) == []
    (note,) = [each for each in await replica.notes() if "by hand" in each]
    assert note.endswith('service="deep-echo-main", environment="staging"}` was lifted by hand, so it is not set again.')
    shown = str(card(await replica.find(window)))
    assert "Lifted or changed by hand, not set again: " in shown
    assert shown.count("Alerts hidden meanwhile: ") == 1
    await replica.end(window)
    await replica.tick()
    assert await standing(alertmanager) == []


async def test_an_extension_leaves_an_end_that_a_person_has_moved(
    replica: MaintenanceReplica, alertmanager: MemoryAlertmanager
) -> None:
    window = await begin(replica)
    (ours,) = await standing(alertmanager)
    moved = replace(ours, ends_at=ours.starts_at + 10 * MINUTE, by="kim", comment="ends earlier")
    alertmanager.stored[ours.id] = moved
    await replica.extend(window, LENGTH)
    await replica.tick()
    assert await standing(alertmanager) == [moved]
    assert "was changed by hand, so its end stays" in (await replica.notes())[-1]
    assert "Alerts hidden meanwhile" not in str(card(await replica.find(window)))


async def test_what_a_person_lifts_after_a_lost_answer_is_not_asked_for_again(
    replica: MaintenanceReplica, alertmanager: MemoryAlertmanager
) -> None:
    alertmanager.loses_responses = True
    await begin(replica)
    (ours,) = await standing(alertmanager)
    alertmanager.loses_responses = False
    replica.clock.advance(timedelta(seconds=30))
    await alertmanager.expire(ours.id)
    replica.clock.advance(MINUTE)
    await replica.tick()
    assert await standing(alertmanager) == []
    assert "was lifted by hand, so it is not set again." in (await replica.notes())[-1]


async def test_what_alertmanager_itself_has_ended_or_lost_is_set_again(
    replica: MaintenanceReplica, alertmanager: MemoryAlertmanager
) -> None:
    window = await begin(replica)
    alertmanager.stored.clear()
    await replica.extend(window, LENGTH)
    await replica.tick()
    assert await hidden(alertmanager) == ["ours"]
    (ours,) = await standing(alertmanager)
    await replica.extend(window, LENGTH, "extend again")
    alertmanager.stored[ours.id] = replace(ours, state=SilenceState.EXPIRED)
    await replica.tick()
    assert await hidden(alertmanager) == ["ours"]
    assert (len(alertmanager.stored), any("by hand" in each for each in await replica.notes())) == (2, False)


async def test_a_silence_that_hides_more_than_its_scope_is_lifted_at_once(
    replica: MaintenanceReplica, alertmanager: MemoryAlertmanager
) -> None:
    alertmanager.hides_everything = True
    window = await begin(replica)
    assert await standing(alertmanager) == []
    assert "hid HighErrorRate, which is none of its scope, and was lifted at once" in " ".join(await replica.notes())
    assert await replica.is_frozen()
    replica.clock.advance(5 * MINUTE)
    await replica.tick()
    assert len(alertmanager.stored) == 1
    assert (await replica.find(window)).scopes == ()


async def test_a_scope_whose_alerts_name_no_environment_is_not_set_where_it_reaches_others(
    replica: MaintenanceReplica, alertmanager: MemoryAlertmanager
) -> None:
    nameless = {"alertname": "RedisDown", "service": "deep-echo-main", "namespace": "deep-echo-staging", "environment": ""}
    alertmanager.labels["ours"] = nameless
    alertmanager.labels["other"] = nameless | {"environment": "production"}
    await begin(replica)
    assert await standing(alertmanager) == []
    assert "of another environment too" in " ".join(await replica.notes())


async def test_a_silence_that_fits_nothing_says_so(replica: MaintenanceReplica, alertmanager: MemoryAlertmanager) -> None:
    alertmanager.labels.clear()
    await begin(replica)
    assert "nothing that fires now fits it" in " ".join(await replica.notes())


async def test_an_extension_moves_the_end_of_the_silence_without_a_gap(
    replica: MaintenanceReplica, alertmanager: MemoryAlertmanager
) -> None:
    window = await begin(replica)
    extended = await replica.extend(window, LENGTH)
    await replica.tick()
    (silence,) = await standing(alertmanager)
    assert silence.ends_at == extended.frozen_until
    assert await hidden(alertmanager) == ["ours"]
    await replica.end(window)
    await replica.tick()
    assert await standing(alertmanager) == []


async def test_an_alertmanager_that_does_not_answer_is_asked_again_and_the_thread_says_so_once(
    replica: MaintenanceReplica, alertmanager: MemoryAlertmanager
) -> None:
    alertmanager.unreachable = True
    window = await begin(replica)
    for _ in range(3):
        replica.clock.advance(MINUTE + timedelta(seconds=1))
        await replica.tick()
    assert sum("tried again each minute" in note for note in await replica.notes()) == 1
    alertmanager.unreachable = False
    replica.clock.advance(MINUTE + timedelta(seconds=1))
    await replica.tick()
    assert await hidden(alertmanager) == ["ours"]
    alertmanager.unreachable = True
    await replica.end(window)
    await replica.tick()
    alertmanager.unreachable = False
    replica.clock.advance(MINUTE + timedelta(seconds=1))
    await replica.tick()
    assert await standing(alertmanager) == []


async def test_an_answer_that_was_lost_leaves_one_silence(replica: MaintenanceReplica, alertmanager: MemoryAlertmanager) -> None:
    alertmanager.loses_responses = True
    window = await begin(replica)
    alertmanager.loses_responses = False
    await replica.end(window)
    await replica.tick()
    assert await standing(alertmanager) == []


async def test_a_request_of_a_process_that_died_is_found_at_the_second_look(
    replica: MaintenanceReplica, alertmanager: MemoryAlertmanager
) -> None:
    window = await begin(replica)
    (silence,) = await standing(alertmanager)
    await replica.end(window)
    await replica.tick()
    alertmanager.stored["late"] = replace(silence, id="late")
    replica.clock.advance(MINUTE)
    await replica.tick()
    assert await standing(alertmanager) == []
    async with replica.store.read() as tx:
        assert await tx.timers.due(replica.clock.now() + LENGTH) == ()


async def test_what_alertmanager_refuses_is_said_and_nothing_else_is_silenced(
    replica: MaintenanceReplica, alertmanager: MemoryAlertmanager
) -> None:
    alertmanager.refuses_after = 1
    await replica.plan(scope="alertname=HighErrorRate; alertname=RedisDown")
    await replica.tick()
    assert (len(alertmanager.stored), await standing(alertmanager)) == (1, [])
    assert "No alert is hidden for this window. Alertmanager refused" in " ".join(await replica.notes())
    assert await replica.is_frozen()


async def test_what_an_extension_has_replaced_was_not_lifted_by_hand(
    replica: MaintenanceReplica, alertmanager: MemoryAlertmanager
) -> None:
    window = await begin(replica)
    await replica.extend(window, LENGTH)
    replica.clock.advance(MINUTE)
    await replica.tick()
    replaced, ours = alertmanager.stored.values()
    assert replaced.ends_at < window.frozen_until
    await replica.extend(window, LENGTH, "extend again")
    alertmanager.stored[ours.id] = replace(ours, state=SilenceState.EXPIRED)
    await replica.tick()
    assert await hidden(alertmanager) == ["ours"]
