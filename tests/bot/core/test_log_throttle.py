"""What strangers cause is one event in a while, with its number."""

from bot.core.log_throttle import LogThrottle


def test_the_first_is_logged_and_the_others_are_counted() -> None:
    now = 100.0
    throttle = LogThrottle(60.0, lambda: now)
    assert [throttle.due() for _ in range(1000)] == [1] + [0] * 999
    now = 159.0
    assert throttle.due() == 0
    now = 160.0
    assert throttle.due() == 1001
    assert throttle.due() == 0
