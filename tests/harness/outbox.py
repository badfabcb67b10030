"""The outbox as delivery uses it, and messages to put into it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.notes import OperationNote
from storage.outbox import OutboxRow, RateLimits
from storage.outbox_messages import OPERATION_NOTE, OutboxMessage, Urgency
from storage.store import Store
from tests.harness.fakes.clock import StoppedClock
from tests.harness.samples.operations import NOW

SECOND = timedelta(seconds=1)
NO_RATE_LIMITS = RateLimits(post_interval=timedelta(), edit_interval=timedelta(), low_priority_interval=timedelta())
"""No rate limits."""


def outbox_note(key: str, *, stream: str = "op-a", parent: str = "", channel: str = "C1", **more: object) -> OutboxMessage:
    fields: dict[str, object] = {"urgency": Urgency.OPERATION, "card": False, "low_priority": False}
    fact = OperationNote(operation_id=stream, key=key, at=NOW, text=str(more.pop("text", key)))
    return OutboxMessage(
        key=f"{stream}/{key}",
        stream=stream,
        parent=f"{stream}/{parent}" if parent else "",
        channel=channel,
        kind=OPERATION_NOTE,
        fact=fact,
        **(fields | more),  # type: ignore[arg-type]
    )


def card(text: str, **more: object) -> OutboxMessage:
    return outbox_note("card", card=True, text=text, **more)  # type: ignore[arg-type]


def reply(number: int, **more: object) -> OutboxMessage:
    return outbox_note(f"t/{number}", parent="card", **more)  # type: ignore[arg-type]


def text_of(row: OutboxRow | None) -> str:
    """The text of a row's note; empty for no row."""
    return "" if row is None else str(row.fact.split('"text":"')[1].split('"')[0])


@dataclass
class OutboxHarness:
    """An outbox as delivery uses it, each call a transaction."""

    store: Store
    clock: StoppedClock
    pace: RateLimits = NO_RATE_LIMITS

    @property
    def now(self) -> datetime:
        return self.clock.now()

    async def put(self, *messages: OutboxMessage) -> None:
        for message in messages:
            async with self.store.write() as tx:
                await tx.outbox.put(message, at=self.now)

    async def claim(self, replica: str = "replica-1") -> OutboxRow | None:
        async with self.store.write() as tx:
            return await tx.outbox.claim(replica, self.now, self.pace)

    async def claim_next(self, replica: str = "replica-1") -> OutboxRow:
        row = await self.claim(replica)
        assert row is not None, "nothing may go out"
        return row

    async def deliver(self, row: OutboxRow, ts: str = "") -> bool:
        async with self.store.write() as tx:
            return await tx.outbox.mark_delivered(row, row.channel, ts or row.ts or f"{row.id}.0", self.now)

    async def send_all(self) -> list[str]:
        """Deliver every row that is due; their texts, in order."""
        sent = []
        while (row := await self.claim()) is not None:
            await self.deliver(row)
            sent.append(text_of(row))
        return sent

    async def retry_later(self, row: OutboxRow, after: timedelta = timedelta(), *, uncertain: bool = False) -> None:
        async with self.store.write() as tx:
            await tx.outbox.retry_later(row, self.now + after, "broken", outcome_unknown=uncertain)

    async def fail(self, row: OutboxRow, error: str = "no such channel") -> None:
        async with self.store.write() as tx:
            await tx.outbox.mark_failed(row, error, self.now)

    async def counts(self) -> dict[str, int]:
        async with self.store.read() as tx:
            return dict(await tx.outbox.count_by_state())
