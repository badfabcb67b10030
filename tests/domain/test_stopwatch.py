"""Spans are measured by a clock that nobody can set."""

from datetime import timedelta

from domain.clock import Stopwatch


def test_it_shows_what_has_passed_since_it_was_started() -> None:
    readings = iter([100.0, 100.0, 130.5])
    stopwatch = Stopwatch(lambda: next(readings))
    assert (stopwatch.elapsed, stopwatch.elapsed) == (timedelta(), timedelta(seconds=30.5))
