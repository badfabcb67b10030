"""People are told before a silence ends, once; they extend it, or let it end, and what they were told shows it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest

from domain.alerts.silence_endings import SilenceEnding
from domain.alerts.silences import OnNew, SilenceState
from domain.alerts.tripwires import TripwireChoice
from domain.errors import Refused, TemporaryError, UnknownOutcome
from runbooks.alerts.silence_endings import SilenceEndings
from runbooks.alerts.timers import SILENCE_ENDING, SILENCE_ENDING_AT_NIGHT
from runbooks.alerts.tripwires import Tripwires, TripwireSources
from storage.store import Store
from tests.harness.alerts import open_alerts_harness
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.fakes.alertmanager import MemoryAlertmanager
from tests.harness.samples.notifications import alert, notification
from tests.harness.samples.team import ANA, RAY
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


@pytest.fixture
async def ending(store: Store) -> AsyncIterator[Ending]:
    async with open_alerts_harness(store, catalogue()) as opened:
        await opened.receive(notification(alert("a", labels=LABELS), labels={"alertname": "HighErrorRate"}))
        yield opened_ending(opened)


async def test_the_owner_is_told_in_the_thread_a_quarter_of_an_hour_before_the_end_and_once(ending: Ending) -> None:
    await ending.silence(2 * HOUR)
    assert await ending.pass_time(104 * MINUTE) == []
    ending.alerts.clock.advance(MINUTE)
    (timer,) = await ending.due()
    await asyncio.gather(ending.work(timer), ending.work(timer))
    (told,) = (await ending.told())[THREAD, OWNER]
    assert "your silence of HighErrorRate · production ends at" in told
    assert "1 alert fires under it and will notify again." in told
    rows = [each for each in await ending.alerts.outbox_entries() if isinstance(each.fact, SilenceEnding)]
    assert len(rows) == 1
    assert await ending.pass_time(10 * MINUTE) == [SILENCE_ENDING_AT_NIGHT]
    assert await ending.pass_time(5 * MINUTE) == ["alert-unsilence"]
    (told,) = (await ending.told())[THREAD, OWNER]
    assert "It is over." in told


async def test_a_short_silence_is_named_after_three_quarters_of_its_time(ending: Ending) -> None:
    await ending.silence(8 * MINUTE)
    assert await ending.pass_time(5 * MINUTE) == []
    assert set(await ending.pass_time(MINUTE)) == {SILENCE_ENDING, SILENCE_ENDING_AT_NIGHT}
    assert list(await ending.told()) == [(THREAD, OWNER)]


@pytest.mark.parametrize(
    ("fires", "says"), [(0, "nothing fires under it now."), (3, "3 alerts fire under it and will notify again.")]
)
async def test_what_it_hides_is_asked_then(ending: Ending, fires: int, says: str) -> None:
    await ending.silence(HOUR)
    ending.alertmanager.labels = {f"n{number}": LABELS for number in range(fires)}
    await ending.pass_time(45 * MINUTE)
    (told,) = (await ending.told())[THREAD, OWNER]
    assert says in told


async def test_without_an_answer_of_alertmanager_the_end_is_said_and_the_rest_is_not_known(ending: Ending) -> None:
    await ending.silence(UNTIL_NIGHT)
    ending.alertmanager.unreachable = True
    await ending.pass_time(UNTIL_NIGHT - 5 * MINUTE)
    told = await ending.told()
    assert list(told) == [(THREAD, OWNER), (ON_CALL, ON_CALL)]
    for (words,) in told.values():
        assert "what fires under it will notify again. What that is, Alertmanager did not say." in words


async def test_one_that_was_ended_is_not_named(ending: Ending) -> None:
    await ending.silence(HOUR)
    await ending.service.unsilence(await ending.request(ANA, "end"))
    assert await ending.pass_time(50 * MINUTE) == []
    assert await ending.told() == {}


async def test_after_an_outage_that_outlasted_it_only_its_end_is_said(ending: Ending) -> None:
    await ending.silence(UNTIL_NIGHT)
    fired = await ending.pass_time(UNTIL_NIGHT + HOUR)
    assert set(fired) == {SILENCE_ENDING, SILENCE_ENDING_AT_NIGHT, "alert-unsilence"}
    assert await ending.told() == {}
    assert "is over" in (await ending.alerts.notes())[-1]


async def test_at_night_whoever_is_on_call_is_told_five_minutes_before(ending: Ending) -> None:
    await ending.silence(UNTIL_NIGHT)
    await ending.pass_time(UNTIL_NIGHT - 6 * MINUTE)
    assert list(await ending.told()) == [(THREAD, OWNER)]
    await ending.pass_time(MINUTE)
    (told,) = (await ending.told())[ON_CALL, ON_CALL]
    assert f"The silence of @{OWNER} on HighErrorRate · production ends at" in told
    assert "1 alert fires under it and will notify again." in told
    assert "You are told because you are on call for platform, and it is night." in told


async def test_nobody_is_told_at_night_where_nothing_fires_under_it(ending: Ending) -> None:
    await ending.silence(UNTIL_NIGHT)
    ending.alertmanager.labels.clear()
    await ending.pass_time(UNTIL_NIGHT - 5 * MINUTE)
    assert list(await ending.told()) == [(THREAD, OWNER)]


@pytest.mark.parametrize(
    ("night", "is_told"),
    [({}, True), ({"begins": "23:03"}, False), ({"begins": "23:02"}, True), ({"begins": "00:00", "ends": "23:02"}, False)],
)
async def test_the_night_is_the_teams_and_can_be_set(ending: Ending, night: Mapping[str, str], *, is_told: bool) -> None:
    ending.alerts.catalogue = catalogue(**night)
    await ending.silence(UNTIL_NIGHT)
    await ending.pass_time(UNTIL_NIGHT - 5 * MINUTE)
    assert ((ON_CALL, ON_CALL) in await ending.told()) is is_told


async def test_an_extension_moves_everything_that_stands_for_the_silence(ending: Ending) -> None:
    await ending.silence(HOUR)
    (until,) = ending.held()
    await ending.pass_time(50 * MINUTE)
    after = await ending.extend(HOUR, RAY)
    assert after.silence is not None
    assert (after.silence.by, after.silence.owner) == (ANA.person, RAY.person)
    later = until + HOUR
    assert (ending.held(), await ending.recorded()) == ([later], (later, [later], [later]))
    (told,) = (await ending.told())[THREAD, OWNER]
    assert f"@{RAY.person.user_id} extended it until" in told
    assert "or type" not in told
    assert f"@{RAY.person.user_id} extended the silence until" in (await ending.alerts.notes())[-1]
    assert await ending.pass_time(10 * MINUTE) == []
    assert await ending.pass_time(45 * MINUTE) == [SILENCE_ENDING]
    (told,) = (await ending.told())[THREAD, RAY.person.user_id]
    assert "your silence of" in told


async def test_a_second_tap_changes_nothing(ending: Ending) -> None:
    await ending.silence(HOUR)
    (until,) = ending.held()
    await ending.endings.extend(await ending.request(ANA, "first tap"), until + HOUR)
    with pytest.raises(Refused, match=r"is silenced until .* already"):
        await ending.endings.extend(await ending.request(ANA, "second tap"), until + HOUR)
    assert ending.held() == [until + HOUR]


async def test_two_people_at_once_extend_it_once(ending: Ending) -> None:
    await ending.silence(HOUR)
    (until,) = ending.held()
    taps = [ending.endings.extend(await ending.request(by, by.name), until + HOUR) for by in (ANA, RAY)]
    outcomes = await asyncio.gather(*taps, return_exceptions=True)
    assert sorted(type(each).__name__ for each in outcomes) == ["AlertGroup", "Refused"]
    assert (ending.held(), (await ending.recorded())[0]) == ([until + HOUR], until + HOUR)
    assert len([each for each in await ending.alerts.notes() if "extended" in each]) == 1


async def test_an_extension_that_died_before_it_was_recorded_is_done_again_and_moves_it_once(ending: Ending) -> None:
    await ending.silence(HOUR)
    (until,) = ending.held()
    ending.alertmanager.loses_responses = True
    with pytest.raises(UnknownOutcome):
        await ending.extend(HOUR)
    assert (ending.held(), (await ending.recorded())[0]) == ([until + HOUR], until)
    ending.alertmanager.loses_responses = False
    await ending.extend(HOUR)
    assert (ending.held(), (await ending.recorded())[0]) == ([until + HOUR], until + HOUR)


async def test_alertmanager_that_is_away_changes_nothing(ending: Ending) -> None:
    await ending.silence(HOUR)
    (until,) = ending.held()
    ending.alertmanager.unreachable = True
    with pytest.raises(TemporaryError):
        await ending.extend(HOUR)
    assert await ending.recorded() == (until, [until], [until])


async def test_one_that_somebody_changed_in_alertmanager_is_left_alone(ending: Ending) -> None:
    await ending.silence(HOUR)
    ((key, made),) = ending.alertmanager.stored.items()
    ending.alertmanager.stored[key] = replace(made, ends_at=made.ends_at + 3 * HOUR)
    with pytest.raises(Refused, match=r"Somebody has let it end at .* in Alertmanager\. Nothing was changed\."):
        await ending.extend(HOUR)
    assert ending.held() == [made.ends_at + 3 * HOUR]


async def test_one_that_somebody_ended_in_alertmanager_is_not_made_anew(ending: Ending) -> None:
    await ending.silence(HOUR)
    (key,) = ending.alertmanager.stored
    await ending.alertmanager.expire(key)
    with pytest.raises(Refused, match=r"Somebody has ended it in Alertmanager\. Nothing was changed\."):
        await ending.extend(HOUR)
    assert ending.held() == []


async def test_where_alertmanager_makes_another_one_of_it_that_one_is_recorded(ending: Ending) -> None:
    await ending.silence(HOUR)
    (until,) = ending.held()

    class Remaking(MemoryAlertmanager):
        """As one does that was changed between two requests."""

        async def move_end(self, silence: Any, ends_at: datetime, /) -> str:
            await self.expire(silence.id)
            return await self.create_silence(
                silence.matchers, starts_at=self.clock.now(), ends_at=ends_at, by=silence.by, comment=silence.comment
            )

    remaking = Remaking(ending.alerts.clock, stored=ending.alertmanager.stored, labels=ending.alertmanager.labels)
    next(remaking._numbers)
    service = replace(ending.service, alertmanager=lambda *_: remaking)
    after = await SilenceEndings(alerts=service).extend(await ending.request(ANA, "extend"), until + HOUR)
    assert after.silence is not None
    assert [each.id for each in remaking.stored.values() if each.state is SilenceState.ACTIVE] == [after.silence.id]
    later = until + HOUR
    assert await ending.recorded() == (later, [later], [later])


async def test_one_that_is_being_lifted_is_not_extended(ending: Ending) -> None:
    await ending.silence(HOUR, TripwireChoice(on_new=OnNew.LIFT))
    ending.alertmanager.labels["b"] = {**LABELS, "pod": "b"}
    sources = TripwireSources(catalogue=lambda: ending.alerts.catalogue, alertmanager=lambda *_: Failing(ending.alertmanager))
    tripwires = Tripwires(ending.alerts.store, ending.alerts.clock, sources, lambda: None)
    ending.alerts.clock.advance(MINUTE)
    async with ending.alerts.store.read() as tx:
        (timer,) = [each for each in await tx.timers.due(ending.alerts.clock.now(), limit=99) if each.kind == "alert-tripwires"]
    with pytest.raises(TemporaryError):
        await tripwires.check(timer)
    with pytest.raises(Refused, match="is being lifted: 1 alert under it did not fire when it was made"):
        await ending.extend(HOUR)


@dataclass
class Failing:
    """One that ends no silence."""

    real: MemoryAlertmanager

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    async def expire(self, silence_id: str, /) -> bool:
        raise TemporaryError(f"{silence_id} cannot be ended now.")


async def test_who_lets_it_end_takes_the_buttons_away_and_whoever_is_on_call_is_told_so(ending: Ending) -> None:
    await ending.silence(UNTIL_NIGHT)
    await ending.pass_time(UNTIL_NIGHT - 15 * MINUTE)
    await ending.let_end(RAY)
    (told,) = (await ending.told())[THREAD, OWNER]
    assert f"@{RAY.person.user_id} lets it end." in told
    with pytest.raises(Refused, match=r"lets the silence of .* end already"):
        await ending.let_end()
    await ending.pass_time(10 * MINUTE)
    (told,) = (await ending.told())[ON_CALL, ON_CALL]
    assert f"@{RAY.person.user_id} has seen it and lets it end." in told


async def test_who_lets_it_end_before_is_not_reminded(ending: Ending) -> None:
    await ending.silence(HOUR)
    await ending.let_end()
    await ending.pass_time(50 * MINUTE)
    assert await ending.told() == {}


@pytest.mark.parametrize("act", ["end", "extend"])
async def test_what_was_told_shows_everywhere_what_became_of_it(ending: Ending, act: str) -> None:
    await ending.silence(UNTIL_NIGHT)
    await ending.pass_time(UNTIL_NIGHT - 5 * MINUTE)
    if act == "end":
        await ending.service.unsilence(await ending.request(RAY, "end"))
    else:
        await ending.extend(HOUR, RAY)
    says = "ended it." if act == "end" else "extended it until"
    told = await ending.told()
    assert list(told) == [(THREAD, OWNER), (ON_CALL, ON_CALL)]
    assert all(f"@{RAY.person.user_id} {says}" in words for (words,) in told.values())
