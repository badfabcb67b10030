"""Where in Slack the entries of a timeline are, as permalinks."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.incidents.incident import Incident
from storage.tables.core import messages

_parents = messages.alias("parents")


class IncidentLinks:
    """Reads addresses of an incident's messages. Use it as ``tx.of(IncidentLinks)``."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of_entries(self, incident: Incident) -> Mapping[int, str]:
        """Permalinks of the messages that report entries, by the entry's number. Empty before the incident has a channel."""
        workspace, _, _ = incident.channel.permalink.rpartition("/")
        if not workspace:
            return {}
        prefix = f"{incident.id}/t/"
        is_note = (messages.c.key > prefix) & (messages.c.key < f"{incident.id}/t0") & (messages.c.ts != "")
        statement = (
            select(messages.c.key, messages.c.channel, messages.c.ts, _parents.c.ts)
            .select_from(messages.outerjoin(_parents, _parents.c.key == messages.c.parent))
            .where(is_note)
        )
        rows = [(key.removeprefix(prefix), *address) for key, *address in await self._connection.execute(statement)]
        return {int(number): _permalink(workspace, *address) for number, *address in rows if number.isdecimal()}


def _permalink(workspace: str, channel: str, ts: str, thread_ts: str | None) -> str:
    thread = f"?thread_ts={thread_ts}&cid={channel}" if thread_ts else ""
    return f"{workspace}/{channel}/p{ts.replace('.', '')}{thread}"
