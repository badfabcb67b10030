"""Names of incident channels, each reserved for one incident, and the channels that have them."""

from datetime import datetime

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.clock import CLOCK_TOLERANCE
from storage.pruning import PRUNE_BATCH_ROWS
from storage.tables.incident_channels import channel_event_times, incident_channels
from storage.upsert import insert


class IncidentChannelRepository:
    """The rows of incident channels on one connection. Use it as ``tx.of(IncidentChannelRepository)``."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def reserve(self, name: str, incident_id: str) -> bool:
        """Reserve a name for an incident, also again. False if it is reserved for another one."""
        # Without it, two incidents of one minute could take the same channel for their own after a crash.
        statement = insert(self._connection, incident_channels).values(name=name, incident_id=incident_id)
        await self._connection.execute(statement.on_conflict_do_nothing())
        found = select(incident_channels.c.incident_id).where(incident_channels.c.name == name)
        return bool((await self._connection.execute(found)).scalar_one() == incident_id)

    async def begin_step(self, incident_id: str, at: datetime, until: datetime) -> datetime | None:
        """Let nobody else work on the incident's channel until then. Returns None, or until when somebody works on it already."""
        where = incident_channels.c.incident_id == incident_id
        found = select(func.max(incident_channels.c.busy_until)).where(where)
        busy_until: datetime | None = (await self._connection.execute(found)).scalar_one()
        # One that lies beyond what this step would set was set before the clock was set back.
        if busy_until is not None and at < busy_until <= until + CLOCK_TOLERANCE:
            return busy_until
        await self._connection.execute(update(incident_channels).where(where).values(busy_until=until))
        return None

    async def end_step(self, incident_id: str) -> None:
        """Let others work on the incident's channel again."""
        where = incident_channels.c.incident_id == incident_id
        await self._connection.execute(update(incident_channels).where(where).values(busy_until=None))

    async def assign(self, name: str, channel_id: str) -> None:
        """Record which channel has the name."""
        where = incident_channels.c.name == name
        await self._connection.execute(update(incident_channels).where(where).values(channel_id=channel_id))

    async def incident_of(self, channel_id: str) -> str:
        """The id of the incident that the channel belongs to; empty for any other channel. One read of an index."""
        found = select(incident_channels.c.incident_id).where(incident_channels.c.channel_id == channel_id)
        return (await self._connection.execute(found)).scalar_one_or_none() or ""

    async def move(self, old_id: str, new_id: str) -> None:
        """Record that Slack gave a channel another id, as it does when the channel is shared with another workspace."""
        where = incident_channels.c.channel_id == old_id
        await self._connection.execute(update(incident_channels).where(where).values(channel_id=new_id))

    async def is_newest(self, channel_id: str, subject: str, at: datetime) -> bool:
        """Record when an event about ``subject`` happened. False if a newer one, or the same, is recorded already."""
        values = {"channel_id": channel_id, "subject": subject, "at": at}
        statement = insert(self._connection, channel_event_times).values(**values)
        is_older = channel_event_times.c.at < at
        upsert = statement.on_conflict_do_update(index_elements=["channel_id", "subject"], set_={"at": at}, where=is_older)
        return (await self._connection.execute(upsert)).rowcount == 1

    async def prune_event_times(self, before: datetime) -> int:
        """Forget when a batch of events happened before this time; returns how many. Slack repeats one for an hour at most."""
        key = (channel_event_times.c.channel_id, channel_event_times.c.subject)
        old = select(*key).where(channel_event_times.c.at < before).limit(PRUNE_BATCH_ROWS)
        return (await self._connection.execute(delete(channel_event_times).where(tuple_(*key).in_(old)))).rowcount
