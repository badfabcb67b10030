"""Answers inbound messages that a process stored but did not answer before it ended; old ones are to be repeated."""

from collections.abc import Callable
from datetime import timedelta
from itertools import chain, repeat
from typing import NoReturn

import structlog

from bot.interactions.dispatcher import Dispatcher
from bot.slack import payloads
from bot.slack.payload_shapes import InvalidPayload
from bot.slack.payloads import Interaction
from domain.answers.answers import ErrorAnswer
from domain.clock import Clock, has_passed
from domain.inbound import InboundKind, InboundMessage
from domain.rich_text import CommandMention, Text, sentence
from runbooks.periodic import run_periodically
from storage.replicas import ReplicaRepository
from storage.store import Store

log = structlog.get_logger()

MAX_ANSWER_AGE = timedelta(seconds=60)
"""The person has moved on by then: acting on an older message would surprise them."""
GRACE_PERIOD = timedelta(seconds=5)
"""A younger message is probably still being processed by the replica that received it."""
SWEEP_INTERVAL = timedelta(seconds=20)


class UnansweredSweeper:
    """Finds unanswered inbound messages. ``dead_after``: heartbeat age of a dead replica; None where this is the only one."""

    def __init__(
        self, store: Store, clock: Clock, dispatcher: Dispatcher, replica: str, dead_after: Callable[[], timedelta | None]
    ) -> None:
        self._store, self._clock, self._dispatcher, self._replica = store, clock, dispatcher, replica
        self._dead_after = dead_after

    async def run(self) -> NoReturn:
        """Sweep at once, without a grace period, then every ``SWEEP_INTERVAL``."""
        grace_periods = chain([timedelta()], repeat(GRACE_PERIOD))
        await run_periodically("unanswered sweep", SWEEP_INTERVAL, lambda: self.run_once(next(grace_periods)))

    async def run_once(self, grace_period: timedelta = GRACE_PERIOD) -> None:
        """Submit recent messages again; answer old ones with "expired" and never start an operation for them."""
        now = self._clock.now()
        async with self._store.write() as tx:
            await tx.inbox.release_dead_claims(await self._live_replicas(tx.replicas))
            unanswered = await tx.inbox.unanswered(received_before=now - grace_period)
        for inbound in unanswered:
            if self._dispatcher.is_processing(inbound.key):
                continue
            if not has_passed(MAX_ANSWER_AGE, inbound.received_at, now):
                self._dispatcher.submit(inbound)
            else:
                await self._give_up(inbound)

    async def _live_replicas(self, replicas: ReplicaRepository) -> frozenset[str]:
        dead_after = self._dead_after()
        others = await replicas.live(dead_after) if dead_after is not None else frozenset()
        return others | {self._replica}

    async def _give_up(self, inbound: InboundMessage) -> None:
        """Mark the message as expired, unless it started an operation: then the operation's card is the answer."""
        async with self._store.write() as tx:
            if not await tx.inbox.claim(inbound.key, self._replica):  # another replica processes it after all
                return
            operation = await tx.operations.get_by_source(inbound.key)
            await tx.inbox.mark_answered(inbound.key, self._clock.now(), operation.id if operation else "expired")
        if operation is None and inbound.kind is not InboundKind.EVENT:
            await self._ask_to_repeat(inbound)

    async def _ask_to_repeat(self, inbound: InboundMessage) -> None:
        try:
            interaction = payloads.parse_inbound(inbound)
        except InvalidPayload:
            log.exception("inbound message is invalid", inbound=inbound.key)
            return
        await self._dispatcher.replies.send(
            interaction, ErrorAnswer(sentence(_describe(interaction), " No operation was started."), "Please repeat it.")
        )


def _describe(interaction: Interaction) -> Text:
    if interaction.kind in {InboundKind.ACTION, InboundKind.SHORTCUT}:
        return "deepecho stopped before it could answer your click."
    return sentence("deepecho stopped before it could answer ", CommandMention(interaction.text[:200]), ".")
