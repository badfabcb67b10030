"""The incidents' channels as ``channel_setup`` reads and writes them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.incidents.channel import Bookmark, IncidentChannel, WantedChannel
from domain.incidents.incident import ClockKind, Incident, IncidentState
from domain.oncall.schedule import on_call
from domain.people import Person
from domain.rich_text import plain_text
from runbooks.incidents.channel_setup import ChannelState
from runbooks.incidents.saving import IncidentSaver
from storage.incident_messages import channel_card_key
from storage.incidents import IncidentRepository
from storage.oncall import OncallRepository
from storage.store import Transaction


@dataclass(frozen=True, slots=True)
class ChannelRecords:
    """``channel_setup.IncidentChannelRecords`` over the stored incidents."""

    saver: IncidentSaver
    clock: Clock

    async def load_for_update(self, tx: Transaction, incident_id: str) -> ChannelState | None:
        """The channel and how it should be, with the incident's row locked."""
        incident = await tx.of(IncidentRepository).get_for_update(incident_id)
        if incident is None:
            return None
        card = await tx.outbox.address(channel_card_key(incident_id))
        return ChannelState(incident.channel, await self._wanted(tx, incident, card[1] if card else ""))

    async def save(self, tx: Transaction, incident_id: str, channel: IncidentChannel, at: datetime) -> None:
        """Write the channel back. Once it can be used, the card is posted there, with what happened until then."""
        incident = await tx.of(IncidentRepository).get_for_update(incident_id)
        if incident is not None:
            await self.saver.save_channel(tx, incident, replace(incident, channel=channel), at)

    async def _wanted(self, tx: Transaction, incident: Incident, card: str) -> WantedChannel:
        catalogue = self.saver.catalogue()
        is_waited_for = any(incident.clock(kind) for kind in (ClockKind.POSTMORTEM, ClockKind.ARCHIVE))
        return WantedChannel(
            incident_id=incident.id,
            declared_at=incident.declared.at,
            is_private=incident.security,
            topic=_topic(incident),
            invitees=tuple(dict.fromkeys(await self._invitees(tx, incident, catalogue))),
            card=card,
            bookmarks=_bookmarks(incident, catalogue),
            is_archived=incident.state is IncidentState.CLOSED and not is_waited_for,
        )

    async def _invitees(self, tx: Transaction, incident: Incident, catalogue: Catalogue) -> list[Person]:
        """Who should be in the channel. After the end nobody is invited any more."""
        if not incident.state.is_ongoing:
            return []
        people = [incident.declared.by, incident.commander, incident.comms, incident.scribe]
        named = [each.person for each in people if each is not None and not each.is_bot]
        if incident.security:
            return [*named, *_people(self.saver.config.invite_security, catalogue)]
        on_call = [catalogue.people[name].slack for name in await self._on_call(tx, incident, catalogue)]
        return [*named, *_people((*on_call, *self.saver.config.invite), catalogue)]

    async def _on_call(self, tx: Transaction, incident: Incident, catalogue: Catalogue) -> tuple[str, ...]:
        """Who is on call for the incident's team, by name; nobody where the catalogue has no such team."""
        team = incident.team or catalogue.team_of("")
        if team not in catalogue.oncall:
            return ()
        at = self.clock.now()
        names = on_call(await tx.of(OncallRepository).roster(catalogue, team, at), at)
        return tuple(name for name in names if name in catalogue.people)


def _people(ids: Iterable[str], catalogue: Catalogue) -> list[Person]:
    """The users among the ids: a user group cannot be invited."""
    return [Person(user_id, catalogue.workspaces[0]) for user_id in ids if not user_id.startswith("S")]


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
