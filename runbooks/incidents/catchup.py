"""Catch-ups: for whoever asks, and once for whoever joins an incident's channel late."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.clock import Clock
from domain.incidents.catchup import Catchup, catchup_of
from domain.incidents.evidence import nameless, with_names
from domain.incidents.incident import Incident
from domain.people import BOT, Directory, Person
from runbooks.incidents.names import lookup_names
from runbooks.incidents.saving import IncidentSaver
from storage.incident_evidence import EvidenceReader
from storage.incident_messages import catchup_message
from storage.incidents import IncidentRepository
from storage.store import Store, Transaction

LATE_AFTER = timedelta(minutes=5)
"""Who joins within this time of the declaration was invited with it, and reads the card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchupService:
    """Sums up incidents, privately."""

    store: Store
    clock: Clock
    saver: IncidentSaver
    directory: Directory
    notify_outbox: Callable[[], None]

    async def catchup(self, incident: Incident) -> Catchup:
        """What somebody has to know who comes late."""
        at = self.clock.now()
        async with self.store.read() as tx:
            evidence = await tx.of(EvidenceReader).read(incident, at)
            steps = await self.saver.upcoming(tx, incident)
        return catchup_of(with_names(evidence, await lookup_names(self.directory, nameless(evidence))), steps)

    async def welcome(self, incident_id: str, person: Person) -> bool:
        """Send a catch-up to a person who has just joined the channel. False where none is due.

        Guests and people of other workspaces get none: it names operations and locks that they may not look up. Raises
        ``TemporaryError`` if Slack does not say who it is.
        """
        member = await self.directory.member(person)
        if member.guest or member.stranger:
            return False
        at = self.clock.now()
        async with self.store.write() as tx:
            incident = await tx.of(IncidentRepository).get(incident_id)
            is_sent = incident is not None and await self.send_catchup(tx, incident, person, at)
        self.notify_outbox()
        return is_sent

    async def send_catchup(self, tx: Transaction, incident: Incident, person: Person, at: datetime) -> bool:
        """Put a catch-up for a person into the outbox: late, while the incident is open, once. False where none is due."""
        if not is_late(incident, person, at):
            return False
        evidence = await tx.of(EvidenceReader).read(incident, at)
        message = catchup_message(catchup_of(evidence, await self.saver.upcoming(tx, incident)), person)
        # Rows of the outbox are deleted after a month; addresses of messages stay.
        return await tx.outbox.address(message.key) is None and await tx.put_message(message, at)


def is_late(incident: Incident, person: Person, at: datetime) -> bool:
    """Whether the person joins an open incident that has been going on without them."""
    takes_part = any(each is not None and each.person == person for each in (incident.commander, incident.declared.by))
    return incident.is_open and not takes_part and person != BOT and at - incident.declared.at >= LATE_AFTER
