"""Exponential back-off: the delay before the next attempt."""

import random

_MAX_DOUBLINGS = 16
"""``2.0**1024`` would overflow. Every maximum in use is reached with fewer doublings."""


def backoff_delay(attempt: int, initial: float, maximum: float, rng: random.Random | None = None) -> float:
    """Seconds to wait after failure number ``attempt``, from 1: ``initial``, doubled each time, at most ``maximum``.

    With ``rng`` it varies by a quarter up or down, so that several processes do not retry in step.
    """
    delay = min(maximum, initial * 2.0 ** min(attempt - 1, _MAX_DOUBLINGS))
    return delay * rng.uniform(0.75, 1.25) if rng is not None else delay
