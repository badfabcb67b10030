import random

from domain.backoff import backoff_delay


def test_pauses_double_up_to_the_maximum() -> None:
    assert [backoff_delay(attempt, 0.5, 5) for attempt in range(1, 7)] == [0.5, 1, 2, 4, 5, 5]
    assert backoff_delay(100_000, 0.5, 60) == 60


def test_processes_do_not_retry_in_step() -> None:
    delays = {backoff_delay(3, 1, 60, random.Random(seed)) for seed in range(20)}  # noqa: S311 -- no secret

    assert len(delays) == 20
    assert all(3 <= delay <= 5 for delay in delays)
