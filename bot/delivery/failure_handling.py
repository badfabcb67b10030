"""What follows a failed attempt: a retry, another channel, or failure. Outcomes are recorded even through a database outage."""

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
"""Slack's codes for a channel that takes no message at all, whatever its content."""

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
"""Slack's codes for a problem of the bot's account. No message is at fault, so all wait until somebody repairs it."""

GONE_ERRORS = frozenset(
    {"cannot_reply_to_message", "cant_update_message", "message_not_found", "parent_is_not_found", "thread_not_found"}
)
"""Slack's codes for a card that is no longer there: a person, an app or the workspace's retention has deleted it."""
MAX_THREAD_ATTEMPTS = 4
"""Attempts of a reply for which its card may be posted anew. After that it is posted without a thread."""

log = structlog.get_logger(__name__)

Write = Callable[[Transaction, datetime], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Delays and timeouts, in seconds. Retries wait ``initial_delay``, then twice as long each time, at most ``max_delay``."""

    initial_delay: float = 0.5
    max_delay: float = 60.0
    unknown_outcome_delay: float = 2.0
    """Delay after an unknown outcome: a message still in transit needs time to appear in the channel's history."""
    attempt_timeout: float = 30.0
    """Limit of one attempt, lookups included. Plus ``record_timeout`` it stays below ``storage.outbox.SEND_CLAIM_TIMEOUT``."""
    drawing_timeout: float = 8.0
    """Limit of drawing a chart, with its wait for earlier charts: ten times what the first chart of a process takes.

    With ``attempt_timeout`` and ``record_timeout`` it stays below ``storage.outbox.SEND_CLAIM_TIMEOUT``.
    """
    record_timeout: float = 20.0
    """How long an outcome is offered to an unavailable database."""
    poll_interval: float = 0.2
    idle_interval: float = 1.0
    max_unexpected_errors: int = 8
    """Attempts of one row that may end in an unexpected error before the row fails."""

    def scaled(self, factor: float) -> "RetryPolicy":
        """Every delay and timeout times ``factor``, for tests. Drawing takes real CPU time and is not scaled."""
        unscaled = ("max_unexpected_errors", "drawing_timeout")
        spans = {field.name: getattr(self, field.name) * factor for field in fields(self) if field.name not in unscaled}
        return RetryPolicy(max_unexpected_errors=self.max_unexpected_errors, drawing_timeout=self.drawing_timeout, **spans)


class OutcomeNotRecorded(Exception):
    """The database did not store a row's outcome. The row stays claimed; its next owner looks the message up before sending."""


class FailureHandler:
    """Decides what follows a failed attempt, and records it."""

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
        """A message was sent, so the bot's account works."""
        self.account_error = ""

    async def handle(self, row: OutboxRow, error: DeepechoError) -> None:
        """Handle an error of Slack or of the connection."""
        match error:
            case RateLimited(delay=delay):
                # Files have limits of their own: neither posts nor edits wait for one.
                await self._retry(row, error, "rate_limited", delay=delay, blocked_budget="" if row.file_id else row.budget)
            case UnknownOutcome():
                await self._retry(row, error, "unknown_outcome", delay=self._retry_policy.unknown_outcome_delay, uncertain=True)
            case TemporaryError():
                await self._retry(row, error, "temporary")
            case SlackRefused(code="missing_scope") if row.file_id:
                # The message itself was sent; only its file needs the scope, so the account is not the problem.
                await self.fail(row, str(error))
            case SlackRefused(code=code) if code in ACCOUNT_ERRORS:
                self._note_account_error(str(error))
                await self._retry(row, error, "account_error", delay=self._retry_policy.max_delay, uncertain=row.outcome_unknown)
            case SlackRefused(code=code) if code in CHANNEL_ERRORS and not row.file_id:
                await self._reroute(row, error)
            case SlackRefused(code=code) if code in GONE_ERRORS and (row.ts or row.parent_ts) and not row.file_id:
                await self._post_card_anew(row, error)
            case _:
                await self.fail(row, str(error))

    async def handle_unexpected(self, row: OutboxRow, error: Exception) -> None:
        """Handle an unexpected error: retry, because an upgrade may mend it, at most ``max_unexpected_errors`` times."""
        sentence = f"An error in the program: {type(error).__name__}."
        if row.attempts >= self._retry_policy.max_unexpected_errors:
            await self.fail(row, sentence)
        else:
            await self._retry(row, TemporaryError(sentence), "unexpected", uncertain=True)

    async def fail(self, row: OutboxRow, sentence: str) -> None:
        """Record that the message will never arrive; status commands show it."""
        log.error("outbox message failed", message=row.key, row=row.id, channel=row.channel, error=sentence)
        await self.record(lambda tx, at: tx.outbox.mark_failed(row, sentence, at))
        self._metrics.settled("failed")

    async def record(self, write: Write) -> None:
        """Write an outcome, retrying while the database is unavailable.

        Raises ``OutcomeNotRecorded`` after ``RetryPolicy.record_timeout``.
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
        """Schedule a retry, unless a newer version of the same card waits. ``blocked_budget`` is spent by no row until then."""
        requested_delay = error.retry_after if isinstance(error, TemporaryError) else None
        if delay is None:
            delay = backoff_delay(row.attempts, self._retry_policy.initial_delay, self._retry_policy.max_delay, self._rng)
        seconds = max(requested_delay or 0.0, delay)
        outcome = "retried"

        async def write(tx: Transaction, at: datetime) -> None:
            nonlocal outcome
            until = at + timedelta(seconds=seconds)
            # A card that may have been posted, but whose ts is unknown, must be found first: the newer version has to edit it.
            if (row.ts or not uncertain) and await tx.outbox.has_newer_card(row):
                await tx.outbox.mark_superseded(row, at)
                outcome = "superseded"
            else:
                await tx.outbox.retry_later(row, until, str(error), outcome_unknown=uncertain)
            if blocked_budget:
                await tx.outbox.block_budget(blocked_budget, until, at)

        await self.record(write)
        if outcome == "superseded":
            self._metrics.settled(outcome)
        else:
            log.info(
                "outbox message not sent, retrying",
                message=row.key,
                row=row.id,
                cause=cause,
                delay=round(seconds, 3),
                error=str(error),
            )
            self._metrics.retried(cause)

    async def _reroute(self, row: OutboxRow, error: SlackRefused) -> None:
        """Move the rest of the stream to the fallback channel. Without one, the row fails."""
        channel = self._fallback(row)
        if not channel or channel == row.channel:
            await self.fail(row, str(error))
            return

        async def write(tx: Transaction, at: datetime) -> None:
            await tx.outbox.retry_later(row, at, str(error))
            await tx.outbox.move_stream(row.stream, channel)

        await self.record(write)
        log.error("outbox stream moved to another channel", stream=row.stream, channel=row.channel, to=channel, error=str(error))
        self._metrics.retried("rerouted")

    async def _post_card_anew(self, row: OutboxRow, error: SlackRefused) -> None:
        """Post the row's card, or the card of the thread that it belongs to, as a new message; the row follows it."""
        card = row.key if row.ts else row.parent
        hopeless = not row.ts and row.attempts >= MAX_THREAD_ATTEMPTS

        async def write(tx: Transaction, at: datetime) -> None:
            await tx.outbox.retry_later(row, at, str(error))
            await tx.outbox.post_anew(card, at, requeue=not hopeless)

        await self.record(write)
        log.warning("card is gone from slack, posting it anew", message=card, row=row.id, error=str(error))
        self._metrics.retried("posted_anew")

    def _note_account_error(self, sentence: str) -> None:
        if not self.account_error:
            log.error("slack refused the bot account", error=sentence)
        self.account_error = sentence
