"""Schedules that PagerDuty keeps: both shapes, gaps, outages."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import DeepechoError, PermanentError, Refused, TemporaryError
from domain.oncall.schedule import assignments
from domain.paging.remote import OnCallShift, RemotePerson
from runbooks.oncall.schedules import READ_INTERVAL, ScheduleReader
from runbooks.oncall.timers import SCHEDULE
from tests.harness.oncall import CHANNEL, MONDAY, PEOPLE, OncallHarness, oncall_catalogue

LAYERS = {"primary": "PPRIMARY", "secondary": "PSECOND"}
ANA, LEE, ZOE = RemotePerson("PANA01", "Ana"), RemotePerson("PLEE01", "Lee"), RemotePerson("PZOE01", "Zoe Z")
KNOWN = {**PEOPLE, "ana": PEOPLE["ana"] | {"pagerduty": "PANA01"}, "lee": PEOPLE["lee"] | {"pagerduty": "PLEE01"}}
HOUR = timedelta(hours=1)


def entry(
    person: RemotePerson, start: datetime | None, end: datetime | None, schedule: str = "PPRIMARY", policy: str = "POL1"
) -> OnCallShift:
    return OnCallShift(person=person, schedule_id=schedule, policy_id=policy, level=1, start=start, end=end)


class MemoryPagerDuty:
    """What PagerDuty answers, and what it was asked."""

    def __init__(self, *entries: OnCallShift) -> None:
        self.entries: tuple[OnCallShift, ...] = entries
        self.failures: list[DeepechoError] = []
        self.asked: list[tuple[datetime, datetime, tuple[str, ...]]] = []

    async def on_call(self, since: datetime, until: datetime, *, schedules: Sequence[str] = ()) -> tuple[OnCallShift, ...]:
        self.asked.append((since, until, tuple(schedules)))
        if self.failures:
            raise self.failures.pop(0)
        return self.entries


def whole(*people: RemotePerson) -> list[OnCallShift]:
    return [entry(person, MONDAY - HOUR, MONDAY + timedelta(days=61)) for person in people]


@pytest.fixture
def pagerduty(oncall: OncallHarness) -> MemoryPagerDuty:
    source = MemoryPagerDuty(*whole(ANA))
    oncall.catalogue = oncall_catalogue(people=KNOWN, layers=[], pagerduty=LAYERS)
    reader = ScheduleReader(
        store=oncall.store, catalogue=lambda: oncall.catalogue, source=lambda: source, notify_outbox=lambda: None
    )
    oncall.handlers[SCHEDULE] = reader.run_due
    return source


async def people(oncall: OncallHarness) -> list[tuple[str, ...]]:
    return [each.people for each in assignments(await oncall.service.roster("platform"), oncall.clock.now())]


async def settle(oncall: OncallHarness) -> None:
    for _ in range(3):
        await oncall.tick()
        oncall.clock.advance(timedelta(seconds=1))


async def test_it_is_asked_for_explicit_times_in_utc_and_each_shift_counts_once(
    oncall: OncallHarness, pagerduty: MemoryPagerDuty
) -> None:
    pagerduty.entries = (*whole(ANA), entry(ANA, MONDAY - HOUR, MONDAY + timedelta(days=61), policy="POL2"))
    await settle(oncall)
    since, until, schedules = pagerduty.asked[0]
    assert (since.tzinfo, until.tzinfo, schedules) == (UTC, UTC, ("PPRIMARY", "PSECOND"))
    assert until - since <= timedelta(days=90)
    assert await people(oncall) == [("ana",), ()]


async def test_an_edit_there_tells_those_whose_shifts_it_moves(oncall: OncallHarness, pagerduty: MemoryPagerDuty) -> None:
    await settle(oncall)
    await oncall.told()
    pagerduty.entries = tuple(whole(LEE))
    oncall.clock.advance(READ_INTERVAL)
    await settle(oncall)
    told = {each.receiver: each.text for each in await oncall.told()}
    assert "You are on call for platform (primary)" in told["lee"]
    assert "Why: the schedule in PagerDuty was edited." in told["lee"]
    assert "You are no longer on call for platform (primary). @U0APPROVER is now." in told["ana"]


async def test_a_handoff_as_planned_has_no_reason(oncall: OncallHarness, pagerduty: MemoryPagerDuty) -> None:
    later = MONDAY + 5 * HOUR
    pagerduty.entries = (entry(ANA, None, later), entry(LEE, later, None))
    await settle(oncall)
    await oncall.told()
    await oncall.until(later)
    told = {each.receiver: each.text for each in await oncall.told()}
    assert told["lee"] == "You are on call for platform (primary), with no change in sight. Before you: @U0DEPLOYER."


async def test_a_schedule_that_becomes_shift_based_may_have_several_people_and_gaps(
    oncall: OncallHarness, pagerduty: MemoryPagerDuty
) -> None:
    await settle(oncall)
    await oncall.told()
    gap = MONDAY + timedelta(days=2)
    pagerduty.entries = tuple(
        each
        for person in (ANA, ZOE)
        for each in (entry(person, MONDAY - HOUR, gap), entry(person, gap + HOUR, MONDAY + timedelta(days=61)))
    )
    oncall.clock.advance(READ_INTERVAL)
    await settle(oncall)
    assert (await people(oncall))[0] == ("Zoe Z", "ana")
    gaps = {each.fact.gap for each in await oncall.told() if each.fact.gap}
    assert {(each.starts, each.ends) for each in gaps} == {(gap, gap + HOUR)}


async def test_while_pagerduty_is_down_its_last_answer_holds_and_nobody_is_told_anything(
    oncall: OncallHarness, pagerduty: MemoryPagerDuty
) -> None:
    await settle(oncall)
    await oncall.told()
    pagerduty.failures = [TemporaryError("no answer")] * 1000
    await oncall.until(MONDAY + timedelta(hours=30))
    assert (await people(oncall))[0] == ("ana",)
    assert await oncall.told() == []


async def test_what_it_refuses_for_good_is_told_once(oncall: OncallHarness, pagerduty: MemoryPagerDuty) -> None:
    await settle(oncall)
    await oncall.told()
    pagerduty.failures = [PermanentError("PagerDuty has no schedule PSECOND.")] * 5
    await oncall.until(MONDAY + timedelta(hours=3))
    told = [(each.receiver, each.text) for each in await oncall.told()]
    assert told == [(CHANNEL, "PagerDuty has no schedule PSECOND."), ("lee", "PagerDuty has no schedule PSECOND.")]
    assert (await people(oncall))[0] == ("ana",)


async def test_before_it_answers_nobody_is_relieved_and_no_gap_is_told(oncall: OncallHarness, pagerduty: MemoryPagerDuty) -> None:
    pagerduty.failures = [TemporaryError("no answer")] * 5
    await settle(oncall)
    assert await oncall.told() == []


async def test_overrides_are_made_there(oncall: OncallHarness, pagerduty: MemoryPagerDuty) -> None:
    await settle(oncall)
    with pytest.raises(Refused, match="The schedules of platform are kept in PagerDuty"):
        await oncall.service.take(oncall.request("lee"), "platform", "primary")
