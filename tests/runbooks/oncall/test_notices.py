"""What people are told about the rota, and that it is once, on any number of replicas."""

import asyncio
from datetime import UTC, datetime, timedelta

from domain.oncall.cover_requests import Period
from runbooks.oncall.changes import Wish
from storage.store import Store
from tests.harness.oncall import CHANNEL, LAYER, MONDAY, PEOPLE, OncallHarness, oncall_catalogue

HANDOFF = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
NIGHT = {"start": "18:00", "end": "09:00"}


def wish(person: str, starts: datetime, ends: datetime, **more: object) -> Wish:
    return Wish(team="platform", layer="primary", person=person, period=Period(starts, ends), **more)  # type: ignore[arg-type]


async def test_the_first_look_at_a_team_tells_nobody_anything(oncall: OncallHarness) -> None:
    await oncall.tick()
    assert await oncall.told() == []


async def test_a_handoff_is_told_to_both_and_to_the_channel_when_it_happens(oncall: OncallHarness) -> None:
    await oncall.tick()
    await oncall.until(HANDOFF - timedelta(seconds=1))
    assert await oncall.told() == []
    await oncall.until(HANDOFF)
    told = {each.receiver: each.text for each in await oncall.told()}
    assert told == {
        "ana": "You are on call for platform (primary) until 2026-12-07 08:00 UTC. Before you: @U0RESPONDER.",
        "ray": "You are no longer on call for platform (primary). @U0DEPLOYER is now.",
        CHANNEL: "ana is on call for platform (primary) until 2026-12-07 08:00 UTC. Before: ray.",
    }


async def test_until_is_the_override_that_begins_in_the_middle_of_the_shift(oncall: OncallHarness) -> None:
    await oncall.tick()
    await oncall.service.override(oncall.request("lee"), wish("lee", HANDOFF + timedelta(days=2), HANDOFF + timedelta(days=3)))
    await oncall.told()
    await oncall.until(HANDOFF)
    assert "until 2026-12-02 08:00 UTC" in {each.receiver: each.text for each in await oncall.told()}["ana"]
    await oncall.until(HANDOFF + timedelta(days=2))
    assert "until 2026-12-03 08:00 UTC" in {each.receiver: each.text for each in await oncall.told()}["lee"]
    await oncall.until(HANDOFF + timedelta(days=3))
    assert "until 2026-12-07 08:00 UTC" in {each.receiver: each.text for each in await oncall.told()}["ana"]


async def test_a_bot_that_was_down_over_a_handoff_tells_it_late_and_once(oncall: OncallHarness) -> None:
    await oncall.tick()
    oncall.clock.advance(HANDOFF - MONDAY + timedelta(days=8))
    await oncall.tick()
    await oncall.tick()
    told = await oncall.told()
    assert [each.receiver for each in told] == ["lee", "ray", CHANNEL]
    assert told[0].text.startswith("You are on call for platform (primary) until 2026-12-14 08:00 UTC.")


class TestMoves:
    async def test_an_edit_of_the_catalogue_tells_those_whose_shifts_it_moves(self, oncall: OncallHarness) -> None:
        await oncall.tick()
        oncall.catalogue = oncall_catalogue({**LAYER, "people": ["ana", "lee", "ray", "sam"]})
        await oncall.tick()
        told = {each.receiver: each.text for each in await oncall.told()}
        assert told.keys() == {"ana", "lee", "ray", "sam", CHANNEL}
        # Sam has the pager at once: that is said first, and not again among the shifts.
        first, why, *shifts = told["sam"].split("\n")
        assert first == "You are on call for platform (primary) until 2026-11-30 08:00 UTC. Before you: @U0RESPONDER."
        assert why == "Why: the catalogue was edited."
        assert shifts[0] == "Yours now: 2026-12-21 08:00 UTC to 2026-12-28 08:00 UTC (primary)"

    async def test_an_edit_that_moves_nobody_tells_nobody(self, oncall: OncallHarness) -> None:
        await oncall.tick()
        oncall.catalogue = oncall_catalogue(LAYER, people={**PEOPLE, "zoe": {"slack": "U0ZOE"}})
        await oncall.tick()
        assert await oncall.told() == []

    async def test_an_override_tells_those_whose_shifts_it_moves_but_not_who_made_it(self, oncall: OncallHarness) -> None:
        await oncall.tick()
        starts = HANDOFF + timedelta(hours=10)
        await oncall.service.override(oncall.request("lee", "dentist"), wish("sam", starts, starts + timedelta(hours=2)))
        told = await oncall.told()
        assert {each.receiver for each in told} == {"ana", "sam"}
        assert {each.receiver: each.text.split("\n") for each in told}["ana"] == [
            "Your on-call shifts for platform changed.",
            "Why: @U0APPROVER made an override: dentist.",
            "No longer yours: 2026-11-30 18:00 UTC to 2026-11-30 20:00 UTC (primary)",
        ]
        assert all(each.fact.undo.startswith("oc-") for each in told)

    async def test_time_that_passes_moves_nothing(self, oncall: OncallHarness) -> None:
        await oncall.tick()
        await oncall.until(HANDOFF - timedelta(minutes=1))
        assert await oncall.told() == []

    async def test_a_hundred_moved_shifts_are_one_message(self, oncall: OncallHarness) -> None:
        daily = {**LAYER, "turn": "1d", "handoff": {"at": "09:00"}}
        oncall.catalogue = oncall_catalogue(daily)
        await oncall.tick()
        oncall.catalogue = oncall_catalogue({**daily, "people": ["ana", "ray", "lee"]})
        await oncall.tick()
        told = [each for each in await oncall.told() if each.receiver == "ana"]
        assert len(told) == 1
        assert "No longer yours: 24 more" in told[0].text

    async def test_a_replica_with_the_old_catalogue_tells_nobody_that_all_moves_back(self, oncall: OncallHarness) -> None:
        stale = OncallHarness(oncall.store, catalogue=oncall.catalogue, clock=oncall.clock, replica="two")
        await oncall.tick()
        await stale.tick()
        oncall.clock.advance(timedelta(minutes=1))
        oncall.catalogue = oncall_catalogue({**LAYER, "people": ["lee", "ana", "ray"]})
        await oncall.tick()
        assert await oncall.told() != []
        for _ in range(5):
            oncall.clock.advance(timedelta(hours=2))
            await stale.tick()
        assert await oncall.told() == []
        oncall.clock.advance(timedelta(hours=2))
        await oncall.tick()
        assert await oncall.told() == []


class TestGaps:
    async def test_a_gap_is_told_once_to_channel_and_lead_with_a_way_to_fill_it(self, oncall: OncallHarness) -> None:
        oncall.catalogue = oncall_catalogue(
            {**LAYER, "restrictions": [{"days": ["mon", "tue"], "start": "09:00", "end": "09:00"}]}
        )
        await oncall.tick()
        told = await oncall.told()
        assert {each.receiver for each in told} == {CHANNEL, "lee"}
        first = next(each for each in told if each.receiver == CHANNEL)
        assert first.text.startswith("Nobody is on call for platform from 2026-11-25 08:00 UTC to 2026-11-30 08:00 UTC (5 days).")
        assert first.fact.gap.starts == datetime(2026, 11, 25, 8, tzinfo=UTC)
        await oncall.until(MONDAY + timedelta(hours=30))
        assert await oncall.told() == []

    async def test_a_gap_that_has_begun_is_the_same_gap(self, oncall: OncallHarness) -> None:
        oncall.catalogue = oncall_catalogue(
            {**LAYER, "restrictions": [{"days": ["mon", "tue"], "start": "09:00", "end": "09:00"}]}
        )
        await oncall.tick()
        await oncall.told()
        await oncall.until(datetime(2026, 11, 28, tzinfo=UTC))
        assert [each.text for each in await oncall.told() if each.fact.gap] == []

    async def test_a_gap_that_changes_is_told_again_and_one_that_is_filled_is_not(self, oncall: OncallHarness) -> None:
        oncall.catalogue = oncall_catalogue(
            {**LAYER, "restrictions": [{"days": ["mon", "tue"], "start": "09:00", "end": "09:00"}]}
        )
        await oncall.tick()
        await oncall.told()
        starts, ends = datetime(2026, 11, 25, 8, tzinfo=UTC), datetime(2026, 11, 30, 8, tzinfo=UTC)
        half = starts + timedelta(days=2)
        await oncall.service.override(oncall.request("sam"), wish("sam", starts, half, fills_gaps=True))
        gaps = [each.fact.gap for each in await oncall.told() if each.fact.gap]
        assert {(gap.starts, gap.ends) for gap in gaps} == {(half, ends)}
        await oncall.service.override(oncall.request("sam"), wish("sam", half, ends, fills_gaps=True))
        assert [each for each in await oncall.told() if each.fact.gap] == []

    async def test_gaps_of_the_past_and_far_future_are_not_told(self, oncall: OncallHarness) -> None:
        oncall.catalogue = oncall_catalogue(LAYER)
        await oncall.tick()
        assert await oncall.told() == []
        oncall.catalogue = oncall_catalogue({**LAYER, "starts": "2027-01-04"})
        await oncall.tick()
        gaps = {each.text for each in await oncall.told() if each.fact.gap}
        assert len(gaps) == 1
        assert "from now to 2027-01-04 08:00 UTC" in gaps.pop()

    async def test_without_channel_and_lead_everybody_of_the_rotation_is_told(self, oncall: OncallHarness) -> None:
        oncall.catalogue = oncall_catalogue({**LAYER, "starts": "2026-12-07"}, channel=None, lead="")
        await oncall.tick()
        assert {each.receiver for each in await oncall.told()} == {"ana", "lee", "ray"}


class TestOnce:
    async def test_two_replicas_tell_a_handoff_once(self, oncall: OncallHarness) -> None:
        other = OncallHarness(oncall.store, clock=oncall.clock, replica="two")
        await asyncio.gather(oncall.tick(), other.tick())
        oncall.clock.advance(HANDOFF - MONDAY)
        await asyncio.gather(oncall.tick(), other.tick())
        await asyncio.gather(oncall.tick(), other.tick())
        assert sorted(each.receiver for each in await oncall.told()) == ["C0ONCALL", "ana", "ray"]

    async def test_a_process_that_dies_between_claim_and_commit_leaves_the_notice_to_the_next(self, store: Store) -> None:
        oncall = OncallHarness(store)
        await oncall.tick()
        oncall.clock.advance(HANDOFF - MONDAY)
        async with store.write() as tx:
            [timer] = [each for each in await tx.timers.due(oncall.clock.now()) if each.kind == "oncall-review"]
            assert await tx.timers.claim(timer, "dead", oncall.clock.now())
        await oncall.tick()
        assert await oncall.told() == []
        oncall.clock.advance(timedelta(seconds=61))
        await oncall.tick()
        assert sorted(each.receiver for each in await oncall.told()) == ["C0ONCALL", "ana", "ray"]

    async def test_a_team_that_left_the_catalogue_is_forgotten_in_silence(self, oncall: OncallHarness) -> None:
        await oncall.tick()
        oncall.catalogue = oncall.catalogue.model_copy(update={"oncall": {}})
        oncall.clock.advance(HANDOFF - MONDAY)
        await oncall.tick()
        assert await oncall.told() == []
