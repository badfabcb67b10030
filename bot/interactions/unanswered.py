"""Deliveries that nobody answered, because a process ended in between: answered late, or asked for again."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import NoReturn

import structlog

from bot.interactions.dispatcher import Dispatcher
from bot.slack import payloads
from bot.slack.payloads import Said, Unreadable
from domain.answers.answers import Complaint
from domain.clock import Clock
from domain.errors import TemporaryError
from domain.inbound import Delivery, DeliveryKind
from storage.replicas import Replicas
from storage.store import Store

log = structlog.get_logger()

TOO_LATE = timedelta(seconds=60)
"""Whoever typed it has gone on by then: acting on it now would surprise them."""
SETTLING = timedelta(seconds=5)
"""A younger one is simply on its way through its own replica."""
SWEEP_SECONDS = 20.0


class Leftovers:
    """Finds deliveries without an answer. ``dead_after``: when another replica counts as dead; None where there is none."""

    def __init__(
        self, store: Store, clock: Clock, dispatcher: Dispatcher, replica: str, dead_after: Callable[[], timedelta | None]
    ) -> None:
        self._store, self._clock, self._dispatcher, self._replica = store, clock, dispatcher, replica
        self._dead_after = dead_after

    async def keep_sweeping(self) -> NoReturn:
        """Look at once, then every 20 s."""
        await self._look(timedelta())
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            await self._look(SETTLING)

    async def _look(self, settling: timedelta) -> None:
        try:
            await self.sweep(settling)
        except TemporaryError as error:
            # Nothing is lost: the rows stay, and the next look finds them.
            log.warning("could not look for unanswered deliveries", error=str(error))

    async def sweep(self, settling: timedelta = SETTLING) -> None:
        """One look: young ones are answered now, old ones get "please repeat" and never an operation."""
        now = self._clock.now()
        async with self._store.write() as tx:
            await tx.inbox.release(await self._living(tx.replicas))
            left = await tx.inbox.unanswered(received_before=now - settling)
        for delivery in left:
            if self._dispatcher.is_busy_with(delivery.key):
                continue
            if now - delivery.received_at <= TOO_LATE:
                self._dispatcher.submit(delivery)
            else:
                await self._give_up(delivery)

    async def _living(self, replicas: Replicas) -> frozenset[str]:
        dead_after = self._dead_after()
        others = await replicas.alive(dead_after) if dead_after is not None else frozenset()
        return others | {self._replica}

    async def _give_up(self, delivery: Delivery) -> None:
        """Say "please repeat", unless an operation came of it: then its card is the answer."""
        async with self._store.write() as tx:
            if not await tx.inbox.take(delivery.key, self._replica):
                return
            began = await tx.operations.from_source(delivery.key)
            await tx.inbox.answered(delivery.key, self._clock.now(), began.id if began else "please repeat")
        if began is None and delivery.kind is not DeliveryKind.EVENT:
            await self._ask_again(delivery)

    async def _ask_again(self, delivery: Delivery) -> None:
        try:
            said = payloads.said(delivery)
        except Unreadable:
            log.exception("a delivery cannot be read", key=delivery.key)
            return
        await self._dispatcher.replies.tell(said, Complaint(f"{_what(said)} No operation was started.", "Please repeat it."))


def _what(said: Said) -> str:
    if said.kind is DeliveryKind.ACTION:
        return "deepecho stopped before it could answer your click."
    return f"deepecho stopped before it could answer `/deepecho {said.text[:200]}`."
