"""A bucket never takes more than its limits say, in any order of times."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.paging.buckets import BUNDLE_DELAY, PERSON_LIMITS, decide, room_in

NOW = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)


@given(st.lists(st.integers(0, 4 * 60), max_size=200))
def test_whatever_comes_when_no_window_has_more_than_its_limit(minutes: list[int]) -> None:
    sent: list[datetime] = []
    for minute in sorted(minutes):
        now = NOW + timedelta(minutes=minute)
        room = room_in(PERSON_LIMITS, sent, now)
        assert (room.opens_at is None) == (room.free > 0)
        if room.free > 0:
            sent.append(now)
        elif room.opens_at is not None:
            assert room.opens_at > now
            assert room_in(PERSON_LIMITS, sent, room.opens_at).free > 0
    for limit in PERSON_LIMITS:
        for at in sent:
            assert sum(at - limit.span < other <= at for other in sent) <= limit.messages


def test_the_last_place_waits_for_others_and_then_stands_for_all_of_them() -> None:
    room = room_in(PERSON_LIMITS, [NOW - timedelta(minutes=number) for number in range(4)], NOW)
    assert room.free == 1
    early = decide(room, 7, NOW, NOW, urgent=False, urgent_sent=0)
    assert (early.bundled, early.wait_until) == (False, NOW + BUNDLE_DELAY)
    later = decide(room, 7, NOW, NOW + BUNDLE_DELAY, urgent=False, urgent_sent=0)
    assert (later.bundled, later.wait_until) == (True, None)
    alone = decide(room, 1, NOW, NOW + BUNDLE_DELAY, urgent=False, urgent_sent=0)
    assert (alone.bundled, alone.wait_until) == (False, None)


def test_a_clock_that_was_set_back_closes_no_bucket_for_longer_than_its_span() -> None:
    sent = [NOW + timedelta(days=1)] * 5
    room = room_in(PERSON_LIMITS, sent, NOW)
    assert room.opens_at == NOW + timedelta(minutes=15)
