"""Messages of incidents for the outbox: the card in the incident's channel, the announcement, and notes."""

from dataclasses import replace

from domain.alerts.alerts import AlertNote
from domain.incidents.cards import IncidentCard
from domain.incidents.catchup import Catchup
from domain.incidents.changes import IncidentNote
from domain.incidents.incident import Incident
from domain.incidents.statistics import IncidentStatistics
from domain.people import Person
from storage.outbox_messages import ALERT_NOTE, FactKind, OutboxMessage, Urgency, card_key, card_of, direct_message

INCIDENT_CARD = FactKind("incident-card", 1, IncidentCard)
INCIDENT_NOTE = FactKind("incident-note", 1, IncidentNote)
INCIDENT_CATCHUP = FactKind("incident-catchup", 1, Catchup)
INCIDENT_STATISTICS = FactKind("incident-statistics", 1, IncidentStatistics, is_personal=True)


def channel_card_key(incident_id: str) -> str:
    """The key of the card in the incident's own channel, which is pinned there."""
    return f"{incident_id}/channel"


def channel_card(card: IncidentCard, *, low_priority: bool) -> OutboxMessage:
    """The card in the incident's own channel, which exists."""
    incident = card.incident
    return OutboxMessage(
        key=channel_card_key(incident.id),
        stream=f"{incident.id}/channel",
        parent="",
        channel=incident.channel.id,
        urgency=Urgency.INCIDENT,
        kind=INCIDENT_CARD,
        fact=replace(card, is_announcement=False),
        card=True,
        low_priority=low_priority,
    )


def announcement(card: IncidentCard, *, low_priority: bool) -> OutboxMessage:
    """The card in the channel of all incidents."""
    incident = card.incident
    return card_of(
        incident.id,
        INCIDENT_CARD,
        replace(card, is_announcement=True),
        channel=incident.announcement_channel,
        urgency=Urgency.INCIDENT,
        low_priority=low_priority,
    )


def incident_note(incident: Incident, note: IncidentNote) -> OutboxMessage | None:
    """A message in the incident's channel; before that exists, in the announcement's thread. None without either."""
    if incident.channel.is_usable:
        return in_channel(incident, note)
    if incident.announcement_channel:
        return _note(note, stream=incident.id, parent=card_key(incident.id), channel=incident.announcement_channel)
    return None


def _note(note: IncidentNote, *, stream: str, parent: str, channel: str) -> OutboxMessage:
    return OutboxMessage(
        key=f"{note.incident_id}/t/{note.key}",
        stream=stream,
        parent=parent,
        channel=channel,
        urgency=Urgency.INCIDENT,
        kind=INCIDENT_NOTE,
        fact=note,
        card=False,
    )


def in_channel(incident: Incident, note: IncidentNote) -> OutboxMessage:
    """A note in the incident's own channel, which exists."""
    return _note(note, stream=f"{incident.id}/channel", parent="", channel=incident.channel.id)


def chart_reply(chart: AlertNote, parent: OutboxMessage) -> OutboxMessage:
    """A chart of a linked alert in the thread of a message."""
    return OutboxMessage(
        key=f"{parent.key}/{chart.group_id}",
        stream=parent.stream,
        parent=parent.key,
        channel=parent.channel,
        urgency=Urgency.DETAIL,
        kind=ALERT_NOTE,
        fact=chart,
        card=False,
    )


def private_note(note: IncidentNote, person: Person) -> OutboxMessage:
    """A note in a direct message, such as a file that somebody asked for."""
    key = f"{note.incident_id}/private/{note.key}"
    return replace(_note(note, stream=key, parent="", channel=person.user_id), key=key)


def statistics_message(fact: IncidentStatistics, person: Person, source: str) -> OutboxMessage:
    """Statistics in a direct message, with their chart. ``source`` is the key of the request."""
    return direct_message(INCIDENT_STATISTICS, fact, person, source)


def catchup_message(fact: Catchup, person: Person) -> OutboxMessage:
    """A catch-up in a direct message. Its key is unique for the person and the incident."""
    key = f"{fact.incident_id}/catchup/{person.user_id}"
    return OutboxMessage(
        key=key,
        stream=key,
        parent="",
        channel=person.user_id,
        urgency=Urgency.INCIDENT,
        kind=INCIDENT_CATCHUP,
        fact=fact,
        card=False,
    )
