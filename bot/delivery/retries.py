"""What follows a failed attempt: again and when, elsewhere, or never. And keeping what happened while the database is away."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

import structlog

from bot.delivery.metrics import OutboxMetrics
from bot.slack.errors import RateLimited, SlackRefused
from domain.backoff import backoff_delay
from domain.clock import Clock
from domain.errors import DeepechoError, TemporaryError, UnknownOutcome
from runbooks.retries import retry_attempts
from storage.outbox import OutboxRow
from storage.store import Store, Transaction

CHANNEL_ERRORS = frozenset(
    {
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "is_inactive",
        "messages_tab_disabled",
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
    }
)
"""The channel cannot be written to, whatever is sent there."""

ACCOUNT_ERRORS = frozenset(
    {
        "access_denied",
        "account_inactive",
        "ekm_access_denied",
        "invalid_auth",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
    }
)
"""The bot's own account is the problem: no message is to blame, so all of them wait until somebody mends it."""

log = structlog.get_logger(__name__)

Write = Callable[[Transaction, datetime], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Seconds. Attempts are repeated after ``first``, then twice as long each time, at most ``longest``."""

    initial_delay: float = 0.5
    max_delay: float = 60.0
    unknown_outcome_delay: float = 2.0
    """After an unknown outcome: so that what was still on its way shows in the channel's history."""
    attempt_timeout: float = 30.0
    """The longest that Slack may take over one row, lookups and all. With ``keep`` it stays under ``storage.outbox.STALE``."""
    drawing_timeout: float = 8.0
    """The longest that a chart may take to be drawn, with its wait for those before it; ten times the first one's time.

    With ``attempt`` and ``keep`` it stays under ``storage.outbox.STALE``.
    """
    record_timeout: float = 20.0
    """For how long an outcome is held while the database does not take it."""
    poll_interval: float = 0.2
    idle_interval: float = 1.0
    max_unexpected_errors: int = 8
    """Attempts that may end in an error nobody foresaw."""

    def scaled(self, factor: float) -> "RetryPolicy":
        """Every span but the drawing's, which is work, times ``factor``, for tests."""
        unscaled = ("max_unexpected_errors", "drawing_timeout")
        spans = {each.name: getattr(self, each.name) * factor for each in fields(self) if each.name not in unscaled}
        return RetryPolicy(max_unexpected_errors=self.max_unexpected_errors, drawing_timeout=self.drawing_timeout, **spans)


class OutcomeNotRecorded(Exception):
    """The database did not take what happened to a row. The row is left as it is: whoever takes it later looks for it first."""


class FailureHandler:
    """Decides what follows, and writes it down."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        retry_policy: RetryPolicy,
        rng: random.Random,
        fallback: Callable[[OutboxRow], str],
        metrics: OutboxMetrics,
    ) -> None:
        self._store, self._clock, self._retry_policy = store, clock, retry_policy
        self._rng, self._fallback, self._metrics = rng, fallback, metrics
        self.account_error = ""

    def note_success(self) -> None:
        """Something went out, so the bot's account is well."""
        self.account_error = ""

    async def handle(self, row: OutboxRow, error: DeepechoError) -> None:
        """Follow up on an error that is understood."""
        match error:
            case RateLimited(delay=delay):
                # Files have limits of their own: neither posts nor edits wait for one.
                await self._retry(row, error, "rate_limited", delay=delay, blocked_budget="" if row.file_id else row.budget)
            case UnknownOutcome():
                await self._retry(row, error, "unknown_outcome", delay=self._retry_policy.unknown_outcome_delay, uncertain=True)
            case TemporaryError():
                await self._retry(row, error, "temporary")
            case SlackRefused(code="missing_scope") if row.file_id:  # the message is there; it does not wait for its file
                await self.fail(row, str(error))
            case SlackRefused(code=code) if code in ACCOUNT_ERRORS:
                self._note_account_error(str(error))
                await self._retry(row, error, "account_error", delay=self._retry_policy.max_delay, uncertain=row.outcome_unknown)
            case SlackRefused(code=code) if code in CHANNEL_ERRORS and not row.file_id:
                await self._reroute(row, error)
            case _:
                await self.fail(row, str(error))

    async def handle_unexpected(self, row: OutboxRow, error: Exception) -> None:
        """Follow up on an error that nobody foresaw: repeated, because an upgrade may mend it, but not for ever."""
        sentence = f"An error in the program: {type(error).__name__}."
        if row.attempts >= self._retry_policy.max_unexpected_errors:
            await self.fail(row, sentence)
        else:
            await self._retry(row, TemporaryError(sentence), "max_unexpected_errors", uncertain=True)

    async def fail(self, row: OutboxRow, sentence: str) -> None:
        """It will never arrive, and that is shown."""
        log.error("outbox.failed", row=row.id, key=row.key, channel=row.channel, error=sentence)
        await self.record(lambda tx, at: tx.outbox.mark_failed(row, sentence, at))
        self._metrics.settled("failed")

    async def record(self, write: Write) -> None:
        """Write down what happened, again and again while the database does not take it.

        Raises ``NotKept`` after ``Patience.keep``.
        """
        policy = self._retry_policy
        try:
            # Short pauses: with the last one this must end before another replica may take the row (``SEND_CLAIM_TIMEOUT``).
            async for attempt in retry_attempts(
                initial=policy.initial_delay, maximum=policy.record_timeout / 20, timeout=policy.record_timeout
            ):
                with attempt:
                    async with self._store.write() as tx:
                        await write(tx, self._clock.now())
        except TemporaryError as error:
            raise OutcomeNotRecorded(str(error)) from error

    async def _retry(
        self,
        row: OutboxRow,
        error: DeepechoError,
        cause: str,
        *,
        delay: float | None = None,
        uncertain: bool = False,
        blocked_budget: str = "",
    ) -> None:
        """Try again, unless a newer picture of the same card waits. ``held`` is a budget that nobody spends before then."""
        requested_delay = error.retry_after if isinstance(error, TemporaryError) else None
        if delay is None:
            delay = backoff_delay(row.attempts, self._retry_policy.initial_delay, self._retry_policy.max_delay, self._rng)
        seconds = max(requested_delay or 0.0, delay)
        outcome = "retried"

        async def write(tx: Transaction, at: datetime) -> None:
            nonlocal outcome
            until = at + timedelta(seconds=seconds)
            if (row.ts or not uncertain) and await tx.outbox.has_newer_card(row):
                await tx.outbox.mark_superseded(row, at)
                outcome = "superseded"
            else:
                await tx.outbox.retry_later(row, until, str(error), outcome_unknown=uncertain)
            if blocked_budget:
                await tx.outbox.block_budget(blocked_budget, until)

        await self.record(write)
        if outcome == "superseded":
            self._metrics.settled(outcome)
        else:
            log.info("outbox.retry", row=row.id, key=row.key, cause=cause, seconds=round(seconds, 3), error=str(error))
            self._metrics.retried(cause)

    async def _reroute(self, row: OutboxRow, error: SlackRefused) -> None:
        """The channel cannot be used: the rest of the stream goes to the fallback channel, where there is one."""
        channel = self._fallback(row)
        if not channel or channel == row.channel:
            await self.fail(row, str(error))
            return

        async def write(tx: Transaction, at: datetime) -> None:
            await tx.outbox.retry_later(row, at, str(error))
            await tx.outbox.move_stream(row.stream, channel)

        await self.record(write)
        log.error("outbox.rerouted", stream=row.stream, channel=row.channel, to=channel, error=str(error))
        self._metrics.retried("rerouted")

    def _note_account_error(self, sentence: str) -> None:
        if not self.account_error:
            log.error("outbox.account_error", error=sentence)
        self.account_error = sentence
