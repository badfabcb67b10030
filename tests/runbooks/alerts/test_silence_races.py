"""Extensions, ends, tripwires and reminders of one silence that meet, and what people, clocks and Alertmanager do meanwhile."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.alerts.alerts import GroupState
from domain.alerts.group_changes import GroupChange
from domain.alerts.silences import OnNew, SilenceState
from domain.alerts.tripwires import TripwireChoice
from domain.errors import DeepechoError, Refused, UnknownOutcome
from domain.people import Person
from runbooks.alerts.service import AlertRequest
from runbooks.alerts.timers import SILENCE_EXTENSION, TRIPWIRES
from runbooks.alerts.tripwires import Tripwires, TripwireSources
from storage.group_saves import GroupSave
from storage.store import Store
from tests.harness.alerts import ROUTES, open_alerts_harness
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.families import render_text
from tests.harness.incidents import open_incidents_harness
from tests.harness.paging import PEOPLE, TEAM
from tests.harness.samples.notifications import alert, notification
from tests.harness.samples.team import ANA, RAY, team_catalogue
from tests.harness.silence_endings import (
    HOUR,
    LABELS,
    MINUTE,
    ON_CALL,
    OWNER,
    THREAD,
    UNTIL_NIGHT,
    Ending,
    catalogue,
    opened_ending,
)

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]

STEP = timedelta(seconds=15)


def wires(ending: Ending) -> Tripwires:
    sources = TripwireSources(catalogue=lambda: ending.alerts.catalogue, alertmanager=lambda *_: ending.alertmanager)
    return Tripwires(ending.alerts.store, ending.alerts.clock, sources, lambda: None)


async def look(ending: Ending) -> None:
    """Let the time of a check pass, and look."""
    ending.alerts.clock.advance(STEP)
    tripwires = wires(ending)
    async with ending.alerts.store.read() as tx:
        due = [each for each in await tx.timers.due(ending.alerts.clock.now(), limit=99) if each.kind == TRIPWIRES]
    for timer in due:
        # As in the queue: the timer stays where an error keeps it.
        with suppress(DeepechoError):
            await tripwires.work(timer)


def active(ending: Ending) -> list[datetime]:
    now = ending.alerts.clock.now()
    return [s.ends_at for s in ending.alertmanager.stored.values() if s.state is SilenceState.ACTIVE and s.ends_at > now]


@pytest.fixture
async def ending(store: Store) -> AsyncIterator[Ending]:
    async with open_alerts_harness(store, catalogue()) as opened:
        await opened.receive(notification(alert("a", labels=LABELS), labels={"alertname": "HighErrorRate"}))
        yield opened_ending(opened)


@pytest.fixture
async def paged(store: Store) -> AsyncIterator[Ending]:
    """With incidents: the alert is one that opens one."""
    async with open_incidents_harness(store) as opened:
        yield opened_ending(opened)


async def many(ending: Ending, number: int) -> list[str]:
    """More groups with one alert each."""
    for each in range(number):
        labels = {**LABELS, "alertname": f"N{each}"}
        key = f'{{}}:{{alertname="N{each}"}}'
        await ending.alerts.receive(notification(alert(f"n{each}", labels=labels), key=key, labels={"alertname": f"N{each}"}))
        ending.alertmanager.labels[f"n{each}"] = labels
        ending.alerts.clock.advance(MINUTE)
    return [each.id for each in await ending.alerts.groups()]


async def test_ended_by_a_person_while_another_extends_it_hides_nothing_afterwards(ending: Ending) -> None:
    await ending.silence(HOUR)

    async def end() -> None:
        await ending.service.unsilence(await ending.request(RAY, "end"))

    ending.alertmanager.before_move = end
    with pytest.raises(Refused):
        await ending.extend(3 * HOUR)
    assert (await ending.alerts.group()).silence is None
    assert active(ending) == []


async def test_lifted_by_its_tripwire_while_somebody_extends_it_hides_nothing_afterwards(ending: Ending) -> None:
    await ending.silence(HOUR, TripwireChoice(on_new=OnNew.LIFT))
    ending.alertmanager.labels["b"] = {**LABELS, "pod": "b", "severity": "critical"}
    ending.alertmanager.before_move = lambda: look(ending)
    with pytest.raises(Refused):
        await ending.extend(3 * HOUR)
    assert (await ending.alerts.group()).silence is None
    assert active(ending) == []


async def test_two_people_who_extend_it_differently_leave_what_is_recorded(ending: Ending) -> None:
    await ending.silence(HOUR)

    async def extend() -> None:
        await ending.extend(HOUR, RAY, "the other")

    ending.alertmanager.before_move = extend
    with suppress(Refused):
        await ending.extend(3 * HOUR)
    recorded = (await ending.alerts.group()).silence
    assert recorded is not None
    assert active(ending) == [recorded.until]


async def test_extended_in_its_last_second_hides_no_longer_than_is_recorded(ending: Ending) -> None:
    await ending.silence(HOUR)
    ending.alerts.clock.advance(HOUR - timedelta(seconds=1))

    async def ends() -> None:
        await ending.pass_time(timedelta(seconds=2))

    ending.alertmanager.after_move = ends
    with suppress(Refused):
        await ending.extend(3 * HOUR)
    recorded = (await ending.alerts.group()).silence
    assert active(ending) == ([recorded.until] if recorded else [])


async def test_an_extension_whose_answer_was_lost_is_not_said_to_be_over(ending: Ending) -> None:
    """Alertmanager has it, and hides for three hours more; a crash that lasts beyond the old end is the same."""
    await ending.silence(HOUR)
    ending.alertmanager.loses_responses = True
    with pytest.raises(UnknownOutcome):
        await ending.extend(3 * HOUR)
    ending.alertmanager.loses_responses = False
    await ending.pass_time(HOUR)
    assert len(active(ending)) == 1
    assert (await ending.alerts.group()).silence is not None
    assert "is over" not in (await ending.alerts.notes())[-1]


async def test_an_extension_whose_answer_was_lost_is_recorded_once_alertmanager_shows_it(ending: Ending) -> None:
    await ending.silence(HOUR)
    (until,) = ending.held()
    ending.alertmanager.loses_responses = True
    with pytest.raises(UnknownOutcome):
        await ending.extend(3 * HOUR, RAY)
    ending.alertmanager.loses_responses = False
    assert await ending.pass_time(MINUTE) == [SILENCE_EXTENSION]
    later = until + 3 * HOUR
    assert (active(ending), await ending.recorded()) == ([later], (later, [later], [later]))
    assert len([each for each in await ending.alerts.notes() if "extended the silence" in each]) == 1
    async with ending.alerts.store.read() as tx:
        entries = [each.entry async for each in tx.audit.walk() if each.entry.what == "extend-silence"]
    assert [each.who for each in entries] == [RAY.person]


async def test_an_extension_that_never_reached_alertmanager_is_forgotten(ending: Ending) -> None:
    await ending.silence(HOUR)
    (until,) = ending.held()

    async def dies() -> None:
        raise UnknownOutcome("The connection broke before the request was read.")

    ending.alertmanager.before_move = dies
    with pytest.raises(UnknownOutcome):
        await ending.extend(3 * HOUR)
    assert await ending.pass_time(MINUTE) == [SILENCE_EXTENSION]
    assert (active(ending), await ending.recorded()) == ([until], (until, [until], [until]))
    fired = await ending.pass_time(HOUR)
    assert "alert-unsilence" in fired
    assert (await ending.alerts.group()).silence is None


async def test_after_an_outage_beyond_the_old_end_the_same_command_finds_its_extension(ending: Ending) -> None:
    """As documented: after a crash in between the same command ends at the same time."""
    await ending.silence(HOUR)
    request, until = await ending.request(ANA, "extend"), ending.alerts.clock.now() + 4 * HOUR
    ending.alertmanager.loses_responses = True
    with pytest.raises(UnknownOutcome):
        await ending.endings.extend(request, until)
    ending.alertmanager.loses_responses = False
    ending.alerts.clock.advance(HOUR)
    await ending.endings.extend(request, until)
    recorded = (await ending.alerts.group()).silence
    assert recorded is not None
    assert active(ending) == [recorded.until]


async def test_what_was_ended_in_alertmanager_and_notifies_again_opens_an_incident(paged: Ending) -> None:
    labels = {**LABELS, "severity": "critical"}
    await paged.alerts.receive(notification(alert("a", firing=True, labels=LABELS), labels={"alertname": "HighErrorRate"}))
    await paged.silence(8 * HOUR)
    (key,) = paged.alertmanager.stored
    await paged.alertmanager.expire(key)  # by a person, in Alertmanager's own page
    paged.alerts.clock.advance(10 * MINUTE)
    worse = alert("b", labels=labels, began=paged.alerts.clock.now())
    await paged.alerts.receive(notification(worse, labels={"alertname": "HighErrorRate"}))
    await look(paged)
    group = await paged.alerts.group()
    assert (group.state, group.severity.value) == (GroupState.FIRING, "P1")
    assert len(await paged.alerts.all_incidents()) == 1  # type: ignore[attr-defined]


async def test_a_lost_answer_to_an_extension_does_not_switch_the_tripwire_off(ending: Ending) -> None:
    await ending.silence(HOUR, TripwireChoice(on_new=OnNew.LIFT))
    ending.alertmanager.loses_responses = True
    with pytest.raises(UnknownOutcome):
        await ending.extend(3 * HOUR)
    ending.alertmanager.loses_responses = False
    ending.alertmanager.labels["b"] = {**LABELS, "pod": "b", "severity": "critical"}
    await look(ending)
    assert "somebody has changed it in Alertmanager" not in (await ending.alerts.notes())[-1]
    assert active(ending) == []


async def test_the_card_promises_no_lift_that_was_given_up(ending: Ending) -> None:
    await ending.silence(HOUR, TripwireChoice(on_new=OnNew.LIFT))
    ((key, made),) = ending.alertmanager.stored.items()
    ending.alertmanager.stored[key] = replace(made, ends_at=made.ends_at + HOUR)
    ending.alertmanager.labels["b"] = {**LABELS, "pod": "b"}
    await look(ending)
    assert "Not lifted" in (await ending.alerts.notes())[-1]
    assert "something new lifts it" not in render_text((await ending.alerts.cards())[-1])


async def test_ended_by_a_person_while_an_extension_is_recorded_is_not_recorded_as_silenced(ending: Ending) -> None:
    await ending.silence(HOUR)

    async def extend() -> None:
        await ending.extend(3 * HOUR, RAY, "the other")

    ending.alertmanager.before_expire = extend
    with suppress(Refused):
        await ending.service.unsilence(await ending.request(ANA, "end"))
    recorded = (await ending.alerts.group()).silence
    assert active(ending) == ([recorded.until] if recorded else [])


async def test_nobody_is_told_at_night_of_an_end_that_somebody_has_moved(ending: Ending) -> None:
    await ending.silence(UNTIL_NIGHT)
    ((key, made),) = ending.alertmanager.stored.items()
    ending.alertmanager.stored[key] = replace(made, ends_at=made.ends_at + 24 * HOUR)
    await ending.pass_time(UNTIL_NIGHT - 5 * MINUTE)
    assert (ON_CALL, ON_CALL) not in await ending.told()


async def test_an_owner_is_not_told_that_one_ends_soon_which_was_ended_in_alertmanager(ending: Ending) -> None:
    await ending.silence(HOUR)
    (key,) = ending.alertmanager.stored
    await ending.alertmanager.expire(key)
    await ending.pass_time(50 * MINUTE)
    told = (await ending.told()).get((THREAD, OWNER), [])
    assert not any("nothing fires under it now" in each for each in told), told


async def test_an_alertmanager_that_has_just_started_keeps_nobody_from_being_told_at_night(ending: Ending) -> None:
    """Its list is empty until Prometheus has sent again; the group fires by the record."""
    await ending.silence(UNTIL_NIGHT)
    ending.alerts.clock.advance(UNTIL_NIGHT - 5 * MINUTE - timedelta(seconds=10))
    ending.alertmanager.restart()
    ending.alertmanager.stored.clear()
    ending.alertmanager.labels.clear()
    await ending.pass_time(timedelta(seconds=10))
    assert (ON_CALL, ON_CALL) in await ending.told()


async def test_an_outage_under_more_than_is_said_where_nothing_fired_when_it_was_made(store: Store) -> None:
    async with open_alerts_harness(store, catalogue()) as opened:
        labels = {"alertname": "HighErrorRate"}
        await opened.receive(notification(alert("a", labels=LABELS), labels=labels))
        await opened.receive(notification(alert("a", firing=False, labels=LABELS), labels=labels))
        ending = opened_ending(opened)
        ending.alertmanager.labels.clear()
        await ending.silence(HOUR, TripwireChoice(on_new=OnNew.LIFT, max_alerts=5))
        ending.alertmanager.labels["b"] = {**LABELS, "outage": "yes"}  # P0
        await look(ending)
        assert any("Something new" in each for each in await opened.notes())


async def test_after_the_clock_was_set_back_new_alerts_are_said(ending: Ending) -> None:
    await ending.silence(8 * HOUR)
    ending.alertmanager.labels["b"] = {**LABELS, "pod": "b"}
    await look(ending)
    ending.alerts.clock.advance(-3 * HOUR)
    async with ending.alerts.store.write() as tx:
        await tx.timers.shift_after_clock_set_back(ending.alerts.clock.now())
    for number in range(40):
        ending.alertmanager.labels[f"c{number}"] = {**LABELS, "pod": f"c{number}"}
        await look(ending)
    assert len([each for each in await ending.alerts.notes() if "Something new" in each]) > 1


async def test_one_that_cannot_be_lifted_keeps_no_other_from_being_watched(ending: Ending) -> None:
    first, second = await many(ending, 1)
    lift = TripwireChoice(on_new=OnNew.LIFT)
    await ending.service.silence(AlertRequest(group=first, by=ANA, source="1"), HOUR, "", lift)
    await ending.service.silence(AlertRequest(group=second, by=ANA, source="2"), HOUR, "", TripwireChoice())
    ending.alertmanager.denies = "silence-1"  # an account that may not delete, or a silence that it answers 500 for
    ending.alertmanager.labels["b"] = {**LABELS, "pod": "b"}
    ending.alertmanager.labels["c"] = {**LABELS, "alertname": "N0", "pod": "c", "outage": "yes"}
    for _ in range(10):
        await look(ending)
        ending.alerts.clock.advance(MINUTE)
    told = [each for each in await ending.alerts.outbox_entries() if each.key.startswith(f"{second}/t/")]
    assert any("Something new" in str(each.fact.text) for each in told)


async def test_silenced_anew_right_after_the_end_what_was_told_before_has_no_buttons(ending: Ending) -> None:
    await ending.silence(HOUR)
    await ending.pass_time(45 * MINUTE)
    ending.alerts.clock.advance(15 * MINUTE)  # the timer of the end is a second late, or an hour after an outage
    await ending.service.silence(await ending.request(RAY, "again"), 8 * HOUR, "")
    for timer in await ending.due():
        await ending.work(timer)
    (told,) = (await ending.told())[THREAD, OWNER]
    assert "or type" not in told, told


async def test_a_short_extension_is_not_named_again_at_once(ending: Ending) -> None:
    await ending.silence(UNTIL_NIGHT)
    await ending.pass_time(UNTIL_NIGHT - 5 * MINUTE)
    await ending.extend(5 * MINUTE)
    assert await ending.pass_time(timedelta(seconds=1)) == []


async def test_an_extension_is_said_in_the_thread_of_a_storm(ending: Ending) -> None:
    group = await ending.alerts.group()

    async with ending.alerts.store.write() as tx:
        await tx.save_groups([GroupSave(change=GroupChange(record=replace(group, storm="st-1")))], ending.alerts.clock.now())
    await ending.silence(HOUR)
    await ending.extend(HOUR, RAY)
    assert any("extended the silence" in each for each in await ending.alerts.notes())


async def test_who_lets_it_end_and_is_on_call_is_not_told_of_it_again_at_night(ending: Ending) -> None:

    await ending.silence(UNTIL_NIGHT)
    await ending.pass_time(UNTIL_NIGHT - 15 * MINUTE)
    person = Person(ON_CALL, ending.alerts.catalogue.workspaces[0])
    await ending.let_end(replace(ANA, person=person))
    await ending.pass_time(10 * MINUTE)
    assert (ON_CALL, ON_CALL) not in await ending.told()


async def test_extended_while_its_last_check_ran_it_is_still_watched(ending: Ending) -> None:
    """The transaction of the extension is committed after the end; the timer of the end is late, that of tripwires is not."""
    await ending.silence(HOUR, TripwireChoice(on_new=OnNew.LIFT))
    await look(ending)
    ending.alerts.clock.advance(HOUR - 2 * STEP - timedelta(seconds=1))
    await look(ending)  # one that is due before the end

    ending.alertmanager.after_move = lambda: look(ending)
    with suppress(Refused):
        await ending.extend(3 * HOUR)
    group = await ending.alerts.group()
    if group.silence is None or group.silence.until < ending.alerts.clock.now() + HOUR:
        pytest.skip("not extended")
    assert any(TRIPWIRES in key for key in await ending.alerts.timers())


async def test_a_tripwire_that_trips_while_somebody_extends_still_lifts(ending: Ending) -> None:
    await ending.silence(HOUR, TripwireChoice(on_new=OnNew.LIFT))
    ending.alertmanager.labels["b"] = {**LABELS, "pod": "b", "severity": "critical"}
    ending.alertmanager.after_move = lambda: look(ending)
    with suppress(Refused):
        await ending.extend(3 * HOUR)
    for _ in range(5):
        await look(ending)
    assert active(ending) == []


async def test_who_is_told_while_somebody_ends_it_reads_that_it_was_ended(ending: Ending) -> None:
    await ending.silence(UNTIL_NIGHT)
    await ending.pass_time(UNTIL_NIGHT - 6 * MINUTE)

    async def remind() -> None:
        await ending.pass_time(MINUTE)

    ending.alertmanager.before_expire = remind
    await ending.service.unsilence(await ending.request(RAY, "end"))
    (told,) = (await ending.told())[ON_CALL, ON_CALL]
    assert "ended it." in told, told


async def test_another_catalogue_lifts_no_silence_under_which_nothing_is_new(ending: Ending) -> None:
    await ending.silence(8 * HOUR, TripwireChoice(on_new=OnNew.LIFT))
    await look(ending)
    routes = [{**each, "severity": "P1"} if each["name"] == "warning" else each for each in ROUTES]

    alerts = {"default": {"channel": "C0INFO", "severity": "P3"}, "routes": routes}
    ending.alerts.catalogue = team_catalogue(people=PEOPLE, oncall={"platform": TEAM}, alerts=alerts)
    await look(ending)
    assert len(active(ending)) == 1


async def test_nobody_is_told_at_night_of_an_alert_that_would_not_have_called_them(store: Store) -> None:
    """A P3 of staging."""
    labels = {"alertname": "HighErrorRate", "environment": "staging", "severity": "info"}
    async with open_alerts_harness(store, catalogue()) as opened:
        await opened.receive(notification(alert("a", labels=labels), labels={"alertname": "HighErrorRate"}))
        ending = opened_ending(opened)
        ending.alertmanager.labels = {"a": labels}
        await ending.silence(UNTIL_NIGHT)
        await ending.pass_time(UNTIL_NIGHT - 5 * MINUTE)
        assert (ON_CALL, ON_CALL) not in await ending.told()
