"""Digests: planned before they are due, made once, delivered once. The key is audience and period."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.digest.digest import Digest
from domain.digest.trends import DigestChart, trend_chart
from storage.outbox_messages import FactKind, OutboxMessage, Urgency, dump, type_adapter
from storage.tables.digest import digests
from storage.timers import Timer
from storage.upsert import insert

DIGEST = FactKind("digest", 1, Digest)
DIGEST_CHART = FactKind("digest-chart", 1, DigestChart)
DIGEST_TIMER = "digest"


class DigestState(StrEnum):
    """How far a digest is. ``MADE``: its message is in the outbox, which tries until it is in Slack."""

    PLANNED = "planned"
    MADE = "made"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDigest:
    """A row without what the digest says."""

    audience: str
    period: date
    environment: str
    due_at: datetime
    state: DigestState = DigestState.PLANNED

    @property
    def timer(self) -> Timer:
        """Due when the digest is."""
        subject = f"{self.audience}/{self.period:%Y-%m-%d}"
        return Timer(f"{DIGEST_TIMER}/{subject}", DIGEST_TIMER, subject, self.due_at)


def digest_message(digest: Digest) -> OutboxMessage:
    """The message. Its key is that of the row, so that a second one is not taken."""
    key = _message_key(digest)
    return OutboxMessage(
        key=key, stream=key, parent="", channel=digest.channel, urgency=Urgency.DIGEST, kind=DIGEST, fact=digest, card=False
    )


def digest_chart_message(digest: Digest) -> OutboxMessage | None:
    """Its picture, in the thread of the message, which does not wait for it. None where there is nothing to draw."""
    chart = trend_chart(digest)
    if chart is None:
        return None
    key = _message_key(digest)
    return OutboxMessage(
        key=f"{key}/chart",
        stream=key,
        parent=key,
        channel=digest.channel,
        urgency=Urgency.DIGEST,
        kind=DIGEST_CHART,
        fact=DigestChart(environment=digest.environment, channel=digest.channel, chart=chart),
        card=False,
    )


def _message_key(digest: Digest) -> str:
    return f"{DIGEST_TIMER}/{digest.audience}/{digest.period:%Y-%m-%d}"


class DigestRepository:
    """The rows of digests on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def latest(self, audience: str) -> PlannedDigest | None:
        """The row with the latest period of an audience."""
        return await self._one(digests.c.audience == audience)

    async def last_made(self, audience: str) -> PlannedDigest | None:
        """The row with the latest period that was made."""
        return await self._one((digests.c.audience == audience) & (digests.c.state != DigestState.PLANNED.value))

    async def previous(self, environment: str, before: date, audience: str = "") -> PlannedDigest | None:
        """The last one of an environment that was made for a period before this one; for this audience, where one is named."""
        is_made = digests.c.state != DigestState.PLANNED.value
        where = (digests.c.environment == environment) & (digests.c.period < before.isoformat()) & is_made
        return await self._one(where & (digests.c.audience == audience) if audience else where)

    async def get(self, audience: str, period: date) -> PlannedDigest | None:
        """The row of a period."""
        return await self._one(_is(audience, period))

    async def plan(self, planned: PlannedDigest) -> bool:
        """Add a row. False if another replica was first."""
        values = {
            "audience": planned.audience,
            "period": planned.period.isoformat(),
            "environment": planned.environment,
            "due_at": planned.due_at,
            "state": DigestState.PLANNED.value,
            "record": "",
        }
        statement = insert(self._connection, digests).values(**values).on_conflict_do_nothing()
        return (await self._connection.execute(statement)).rowcount == 1

    async def forget(self, planned: PlannedDigest) -> bool:
        """Delete a row that was not made. False if it was meanwhile."""
        where = _is(planned.audience, planned.period) & (digests.c.state == DigestState.PLANNED.value)
        return (await self._connection.execute(delete(digests).where(where))).rowcount == 1

    async def make(self, digest: Digest) -> bool:
        """Say what a planned one says. False if that was said before."""
        where = _is(digest.audience, digest.period) & (digests.c.state == DigestState.PLANNED.value)
        values = {"state": DigestState.MADE.value, "record": dump(digest), "environment": digest.environment}
        return (await self._connection.execute(update(digests).where(where).values(**values))).rowcount == 1

    async def mark_delivered(self, digest: Digest) -> None:
        """It is in Slack."""
        where = _is(digest.audience, digest.period) & (digests.c.state == DigestState.MADE.value)
        await self._connection.execute(update(digests).where(where).values(state=DigestState.DELIVERED.value))

    async def earlier(self, environment: str, before: date, limit: int) -> tuple[Digest, ...]:
        """The digests of an environment from before a period, the newest first, one for each period."""
        where = (digests.c.environment == environment) & (digests.c.period < before.isoformat()) & (digests.c.record != "")
        periods = select(digests.c.period).where(where).distinct().order_by(digests.c.period.desc()).limit(limit)
        newest = list((await self._connection.execute(periods)).scalars())
        statement = select(digests.c.record).where(where & digests.c.period.in_(newest))
        found = (await self._connection.execute(statement.order_by(digests.c.period.desc(), digests.c.audience.desc()))).scalars()
        # Of several audiences, the first one's takes the place of the others'.
        return tuple({each.period: each for each in map(_read, found)}.values())

    async def of(self, environment: str, period: date) -> Digest | None:
        """The digest of an environment and a period; the first where several audiences had one."""
        where = (digests.c.environment == environment) & (digests.c.period == period.isoformat()) & (digests.c.record != "")
        statement = select(digests.c.record).where(where).order_by(digests.c.audience).limit(1)
        text = (await self._connection.execute(statement)).scalar_one_or_none()
        return _read(text) if text else None

    async def prune(self, before: datetime) -> int:
        """Delete those that were made and due before a time; returns how many."""
        where = (digests.c.due_at < before) & (digests.c.state != DigestState.PLANNED.value)
        return (await self._connection.execute(delete(digests).where(where))).rowcount

    async def _one(self, where: ColumnElement[bool]) -> PlannedDigest | None:
        columns = (digests.c.audience, digests.c.period, digests.c.environment, digests.c.due_at, digests.c.state)
        row = (await self._connection.execute(select(*columns).where(where).order_by(digests.c.period.desc()).limit(1))).first()
        if row is None:
            return None
        audience, period, environment, due_at, state = row
        return PlannedDigest(
            audience=audience,
            period=date.fromisoformat(period),
            environment=environment,
            due_at=due_at,
            state=DigestState(state),
        )


def _is(audience: str, period: date) -> ColumnElement[bool]:
    return (digests.c.audience == audience) & (digests.c.period == period.isoformat())


def _read(text: str) -> Digest:
    digest: Digest = type_adapter(Digest).validate_json(text)
    return digest
