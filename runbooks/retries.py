"""Retries within one call: stamina, with log events.

Retries that must survive a restart (outbox messages, timers) store the time of the next attempt in their row, computed with
``domain.backoff``.
"""

from collections.abc import AsyncIterator
from typing import Literal

import stamina
import structlog
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from domain.errors import DeepechoError, TemporaryError

log = structlog.get_logger()

MAX_REQUESTED_PAUSE_SECONDS = 30.0
"""The longest pause that ``Retry-After`` is granted: a step holds its locks meanwhile, and hears no cancellation."""


def retry_attempts(
    on: tuple[type[DeepechoError], ...] = (TemporaryError,),
    *,
    initial: float,
    maximum: float,
    attempts: int | None = None,
    timeout: float | None = None,
) -> AsyncIterator[stamina.Attempt]:
    """Use as ``async for attempt in …: with attempt: …``. Raises the error of the last attempt.

    Pauses grow from ``initial`` to ``maximum`` seconds, jitter ``initial``; ``Retry-After`` takes precedence, up to 30 seconds.
    """
    context = stamina.retry_context(
        on=lambda error: isinstance(error, on) and requested_pause(error),
        attempts=attempts,
        timeout=timeout,
        wait_initial=initial,
        wait_max=maximum,
        wait_jitter=initial,
    )
    return aiter(context)


def requested_pause(error: Exception) -> float | Literal[True]:
    """Seconds that the server asked to wait, 30 at most; True where it did not ask, which leaves the pause to the back-off."""
    requested = error.retry_after if isinstance(error, TemporaryError) else None
    return min(requested, MAX_REQUESTED_PAUSE_SECONDS) if requested else True


def log_retry(details: RetryDetails) -> None:
    """One event for each attempt that is repeated."""
    log.info(
        "attempt failed, retrying",
        attempt=details.retry_num,
        seconds=round(details.wait_for, 2),
        error=str(details.caused_by),
        cause=type(details.caused_by).__name__,
    )


# At import, not in a set-up function: stamina's own hook would log the arguments of what is retried.
set_on_retry_hooks([log_retry])
