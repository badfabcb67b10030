"""How long to wait before the next attempt."""

import random

_MAX_DOUBLINGS = 16
"""2.0**1024 would overflow; no maximum in use is reached later."""


def backoff_delay(attempt: int, initial: float, maximum: float, rng: random.Random | None = None) -> float:
    """Seconds after the ``attempt``-th failure (from 1): ``initial``, twice as long each time, at most ``maximum``.

    With ``rng`` give or take a quarter, so that several processes do not retry in step.
    """
    delay = min(maximum, initial * 2.0 ** min(attempt - 1, _MAX_DOUBLINGS))
    return delay * rng.uniform(0.75, 1.25) if rng is not None else delay
