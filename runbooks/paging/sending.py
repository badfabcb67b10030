"""Sends one claimed message and records what became of it."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from domain.backoff import backoff_delay
from domain.clock import Clock
from domain.errors import UNEXPECTED_ERRORS, DeepechoError, PermanentError, TemporaryError, UnknownOutcome
from domain.paging.messages import ClaimedMessage, MessageState
from domain.paging.texts import page_message
from domain.paging.ways import Handover, PageWay, Receipt, RetryRule
from runbooks.retries import retry_attempts
from storage.page_messages import PageMessageRepository
from storage.store import Store, Transaction

SEND_TIMEOUT_SECONDS = 15.0
"""Limit of one attempt. With ``RECORD_TIMEOUT_SECONDS`` it stays below ``storage.page_claims.MESSAGE_CLAIM_TIMEOUT``."""
RECORD_TIMEOUT_SECONDS = 30.0
GIVE_UP_AFTER = timedelta(hours=24)
"""What could not be sent for so long is of no use to anybody."""

_STATES = {
    Handover.ACCEPTED: MessageState.SENT,
    Handover.DELIVERED: MessageState.DELIVERED,
    Handover.SUPPRESSED: MessageState.SUPPRESSED,
}

log = structlog.get_logger()


@dataclass
class SendCounts:
    """How many messages were sent, tried again, and given up, since the process started."""

    sent: int = 0
    retried: int = 0
    failed: int = 0
    uncertain: int = 0


class PageSender:
    """Sends by the ways that are set up. ``observe`` is called around each attempt; tests end the process there."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        ways: Mapping[str, PageWay],
        *,
        rng: random.Random,
        observe: Callable[[str, str, str], None],
        send_timeout: float = SEND_TIMEOUT_SECONDS,
    ) -> None:
        self._store, self._clock, self._ways = store, clock, ways
        self._rng, self.observe, self._send_timeout = rng, observe, send_timeout
        self.counts = SendCounts()

    async def send(self, claimed: ClaimedMessage) -> None:
        """Send the message once, and record the outcome."""
        message = claimed.message
        step = f"page {message.action} {message.way}"
        self.observe(message.page_id, step, "before")
        try:
            receipt = await self._attempt(claimed)
        except DeepechoError as error:
            await self.handle(claimed, error)
        except UNEXPECTED_ERRORS as error:
            log.exception("page not sent, unexpected error", page=message.page_id, way=message.way)
            await self.handle(claimed, PermanentError(f"An error in the program: {type(error).__name__}."))
        else:
            self.observe(message.page_id, step, "done")
            await self._record_receipt(claimed, receipt)
        self.observe(message.page_id, step, "recorded")

    async def handle(self, claimed: ClaimedMessage, error: DeepechoError) -> None:
        """What follows a failed attempt. A message of which nobody knows is sent again only where twice is once."""
        message = claimed.message
        way = self._ways.get(message.way)
        now = self._clock.now()
        is_hopeless = way is None or not isinstance(error, TemporaryError) or now - claimed.created_at > GIVE_UP_AFTER
        log.warning("page not sent", page=message.page_id, way=message.way, attempt=claimed.attempts, error=str(error))
        if way is None or is_hopeless:
            self.counts.failed += 1
            await self._record(lambda tx, at: _messages(tx).settle(claimed, MessageState.FAILED, at, error=error.sentence))
        elif isinstance(error, UnknownOutcome) and not way.repeats_safely:
            self.counts.uncertain += 1
            await self._record(lambda tx, at: _messages(tx).settle(claimed, MessageState.UNCERTAIN, at, error=error.sentence))
        else:
            self.counts.retried += 1
            delay = self._delay(way.retries, claimed.attempts, error)
            await self._record(lambda tx, at: _messages(tx).retry_later(claimed, at + delay, error.sentence))

    async def _attempt(self, claimed: ClaimedMessage) -> Receipt:
        message = claimed.message
        way = self._ways.get(message.way)
        if way is None:
            raise PermanentError(f"{message.way} is not set up.")
        try:
            async with asyncio.timeout(self._send_timeout):
                return await way.send(page_message(claimed), message.destination)
        except TimeoutError as error:
            raise UnknownOutcome(f"{message.way} did not answer within {self._send_timeout:.0f} s.") from error

    async def _record_receipt(self, claimed: ClaimedMessage, receipt: Receipt) -> None:
        state = _STATES[receipt.handover]
        self.counts.sent += 1
        log.info("page sent", page=claimed.message.page_id, way=claimed.message.way, person=claimed.message.person, state=state)
        await self._record(
            lambda tx, at: _messages(tx).settle(claimed, state, at, reference=receipt.reference, error=receipt.note)
        )

    async def _record(self, write: Callable[[Transaction, datetime], Awaitable[object]]) -> None:
        """Write the outcome, also through a short outage of the database. After that the claim expires."""
        try:
            async for attempt in retry_attempts(initial=0.1, maximum=2.0, timeout=RECORD_TIMEOUT_SECONDS):
                with attempt:
                    async with self._store.write() as tx:
                        await write(tx, self._clock.now())
        except TemporaryError as error:
            log.warning("outcome of a page not recorded", error=str(error))

    def _delay(self, rule: RetryRule, attempts: int, error: DeepechoError) -> timedelta:
        requested = error.retry_after if isinstance(error, TemporaryError) else None
        return timedelta(
            seconds=max(requested or 0.0, backoff_delay(attempts, rule.initial_seconds, rule.maximum_seconds, self._rng))
        )


def _messages(tx: Transaction) -> PageMessageRepository:
    return tx.of(PageMessageRepository)
