"""What follows a failed attempt: again and when, elsewhere, or never. And keeping what happened while the database is away."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

import structlog

from bot.delivery.metrics import DeliveryMetrics
from bot.slack.errors import RateLimited, SlackRefused
from domain.clock import Clock
from domain.errors import DeepechoError, TemporaryError, UnknownOutcome
from storage.outbox import OutboxRow
from storage.store import Store, Transaction

CHANNEL = frozenset(
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

ACCOUNT = frozenset(
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
class Patience:
    """Seconds. Attempts are repeated after ``first``, then twice as long each time, at most ``longest``."""

    first: float = 0.5
    longest: float = 60.0
    look_after: float = 2.0
    """After an unknown outcome: so that what was still on its way shows in the channel's history."""
    attempt: float = 30.0
    """The longest that Slack may take over one row, lookups and all. With ``keep`` it stays under ``storage.outbox.STALE``."""
    draw: float = 8.0
    """The longest that a chart may take to be drawn, with its wait for those before it; ten times the first one's time.

    With ``attempt`` and ``keep`` it stays under ``storage.outbox.STALE``.
    """
    keep: float = 20.0
    """For how long an outcome is held while the database does not take it."""
    poll: float = 0.2
    idle: float = 1.0
    unexpected: int = 8
    """Attempts that may end in an error nobody foresaw."""

    def scaled(self, factor: float) -> "Patience":
        """Every span but the drawing's, which is work, times ``factor``, for tests."""
        same = ("unexpected", "draw")
        spans = {each.name: getattr(self, each.name) * factor for each in fields(self) if each.name not in same}
        return Patience(unexpected=self.unexpected, draw=self.draw, **spans)


class NotKept(Exception):
    """The database did not take what happened to a row. The row is left as it is: whoever takes it later looks for it first."""


class Recovery:
    """Decides what follows, and writes it down."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        patience: Patience,
        chance: random.Random,
        fallback: Callable[[OutboxRow], str],
        metrics: DeliveryMetrics,
    ) -> None:
        self._store, self._clock, self._patience = store, clock, patience
        self._chance, self._fallback, self._metrics = chance, fallback, metrics
        self.trouble = ""

    def note_success(self) -> None:
        """Something went out, so the bot's account is well."""
        self.trouble = ""

    async def after(self, row: OutboxRow, error: DeepechoError) -> None:
        """Follow up on an error that is understood."""
        match error:
            case RateLimited(delay=delay):
                # Files have limits of their own: neither posts nor edits wait for one.
                await self._again(row, error, "rate_limited", delay=delay, held="" if row.file_id else row.budget)
            case UnknownOutcome():
                await self._again(row, error, "unknown", delay=self._patience.look_after, uncertain=True)
            case TemporaryError():
                await self._again(row, error, "temporary")
            case SlackRefused(code="missing_scope") if row.file_id:  # the message is there; it does not wait for its file
                await self.fail(row, str(error))
            case SlackRefused(code=code) if code in ACCOUNT:
                self._note_trouble(str(error))
                await self._again(row, error, "account", delay=self._patience.longest, uncertain=row.uncertain)
            case SlackRefused(code=code) if code in CHANNEL and not row.file_id:
                await self._elsewhere(row, error)
            case _:
                await self.fail(row, str(error))

    async def after_unexpected(self, row: OutboxRow, error: Exception) -> None:
        """Follow up on an error that nobody foresaw: repeated, because an upgrade may mend it, but not for ever."""
        sentence = f"An error in the program: {type(error).__name__}."
        if row.attempts >= self._patience.unexpected:
            await self.fail(row, sentence)
        else:
            await self._again(row, TemporaryError(sentence), "unexpected", uncertain=True)

    async def fail(self, row: OutboxRow, sentence: str) -> None:
        """It will never arrive, and that is shown."""
        log.error("outbox.failed", row=row.id, key=row.key, channel=row.channel, problem=sentence)
        await self.record(lambda tx, at: tx.outbox.failed(row, sentence, at))
        self._metrics.settled("failed")

    async def record(self, write: Write) -> None:
        """Write down what happened, again and again while the database does not take it.

        Raises ``NotKept`` after ``Patience.keep``.
        """
        loop = asyncio.get_running_loop()
        until, pause = loop.time() + self._patience.keep, self._patience.first
        while True:
            try:
                async with self._store.write() as tx:
                    await write(tx, self._clock.now())
                    return
            except TemporaryError as error:
                if loop.time() + pause > until:
                    raise NotKept(str(error)) from error
            await asyncio.sleep(pause)
            pause *= 2

    async def _again(
        self,
        row: OutboxRow,
        error: DeepechoError,
        cause: str,
        *,
        delay: float | None = None,
        uncertain: bool = False,
        held: str = "",
    ) -> None:
        """Try again, unless a newer picture of the same card waits. ``held`` is a budget that nobody spends before then."""
        named = error.delay if isinstance(error, TemporaryError) else None
        seconds = max(named or 0.0, self._backoff(row) if delay is None else delay)
        outcome = "retried"

        async def write(tx: Transaction, at: datetime) -> None:
            nonlocal outcome
            until = at + timedelta(seconds=seconds)
            if (row.ts or not uncertain) and await tx.outbox.newer_card_waits(row):
                await tx.outbox.superseded(row, at)
                outcome = "superseded"
            else:
                await tx.outbox.again(row, until, str(error), uncertain=uncertain)
            if held:
                await tx.outbox.hold(held, until)

        await self.record(write)
        if outcome == "superseded":
            self._metrics.settled(outcome)
        else:
            log.info("outbox.again", row=row.id, key=row.key, cause=cause, seconds=round(seconds, 3), problem=str(error))
            self._metrics.retried(cause)

    async def _elsewhere(self, row: OutboxRow, error: SlackRefused) -> None:
        """The channel cannot be used: the rest of the stream goes to the fallback channel, where there is one."""
        channel = self._fallback(row)
        if not channel or channel == row.channel:
            await self.fail(row, str(error))
            return

        async def write(tx: Transaction, at: datetime) -> None:
            await tx.outbox.again(row, at, str(error))
            await tx.outbox.move(row.stream, channel)

        await self.record(write)
        log.error("outbox.moved", stream=row.stream, channel=row.channel, to=channel, problem=str(error))
        self._metrics.retried("moved")

    def _backoff(self, row: OutboxRow) -> float:
        """Twice as long for each attempt, give or take a quarter, so that replicas do not knock in step."""
        span = min(self._patience.longest, self._patience.first * 2.0 ** min(row.attempts - 1, 16))
        return span * self._chance.uniform(0.75, 1.25)

    def _note_trouble(self, sentence: str) -> None:
        if not self.trouble:
            log.error("outbox.trouble", problem=sentence)
        self.trouble = sentence
