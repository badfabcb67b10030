"""The incidents' channels as ``channel_setup`` reads and writes them."""

from dataclasses import dataclass, replace
from datetime import datetime

from domain.catalogue.catalogue import Catalogue
from domain.incidents.channel import Bookmark, IncidentChannel, WantedChannel
from domain.incidents.incident import ClockKind, Incident, IncidentState
from domain.people import Person
from domain.rich_text import plain_text
from runbooks.incidents.channel_setup import ChannelState
from runbooks.incidents.saving import IncidentSaver
from storage.incident_messages import channel_card_key
from storage.incidents import IncidentRepository
from storage.store import Transaction


@dataclass(frozen=True, slots=True)
class ChannelRecords:
    """``channel_setup.IncidentChannelRecords`` over the stored incidents."""

    saver: IncidentSaver

    async def load_for_update(self, tx: Transaction, incident_id: str) -> ChannelState | None:
        """The channel and how it should be, with the incident's row locked."""
        incident = await tx.of(IncidentRepository).get_for_update(incident_id)
        if incident is None:
            return None
        card = await tx.outbox.address(channel_card_key(incident_id))
        return ChannelState(incident.channel, self._wanted(incident, card[1] if card else ""))

    async def save(self, tx: Transaction, incident_id: str, channel: IncidentChannel, at: datetime) -> None:
        """Write the channel back. Once it can be used, the card is posted there, with what happened until then."""
        incident = await tx.of(IncidentRepository).get_for_update(incident_id)
        if incident is not None:
            await self.saver.save_channel(tx, incident, replace(incident, channel=channel), at)

    def _wanted(self, incident: Incident, card: str) -> WantedChannel:
        catalogue = self.saver.catalogue()
        is_waited_for = any(incident.clock(kind) for kind in (ClockKind.POSTMORTEM, ClockKind.ARCHIVE))
        return WantedChannel(
            incident_id=incident.id,
            declared_at=incident.declared.at,
            is_private=incident.security,
            topic=_topic(incident),
            invitees=tuple(dict.fromkeys(self._invitees(incident, catalogue))),
            card=card,
            bookmarks=_bookmarks(incident, catalogue),
            is_archived=incident.state is IncidentState.CLOSED and not is_waited_for,
        )

    def _invitees(self, incident: Incident, catalogue: Catalogue) -> list[Person]:
        """Who should be in the channel. After the end nobody is invited any more."""
        if not incident.state.is_ongoing:
            return []
        config, team = self.saver.config, catalogue.workspaces[0]
        people = [incident.declared.by, incident.commander, incident.comms, incident.scribe]
        named = [each.person for each in people if each is not None and not each.is_bot]
        always = config.invite_security if incident.security else config.invite
        return [*named, *(Person(user_id, team) for user_id in always if not user_id.startswith("S"))]


def _topic(incident: Incident) -> str:
    """``P1 · acknowledged · checkout is failing · commander ana``."""
    commander = f"commander {plain_text(incident.commander.text)}" if incident.commander else "no commander"
    return f"{incident.severity} · {incident.state} · {incident.title} · {commander}"


def _bookmarks(incident: Incident, catalogue: Catalogue) -> tuple[Bookmark, ...]:
    """Links to the environment's servers that people need first."""
    environment = catalogue.environments.get(incident.environment)
    if environment is None:
        return ()
    links = (("Grafana", environment.grafana), ("Prometheus", environment.prometheus), ("Jaeger", environment.jaeger))
    return tuple(Bookmark(title, url) for title, url in links if url)
