"""What people are told before a silence ends, as messages for the outbox."""

from domain.alerts.alerts import AlertGroup
from domain.alerts.silence_endings import SilenceEnding
from storage.outbox_messages import FactKind, OutboxMessage, Urgency, card_key

SILENCE_ENDING = FactKind("silence-ending", 1, SilenceEnding)


def silence_ending(group: AlertGroup, fact: SilenceEnding) -> OutboxMessage:
    """To its owner in the thread of the group, or of its storm; to whoever is on call in a direct message."""
    thread = group.storm or group.id
    key = f"{group.id}/ending/{fact.until:%Y%m%dT%H%M%S.%f}/{fact.told.user_id}"
    key = f"{key}/{fact.team}" if fact.team else key
    return OutboxMessage(
        key=key,
        stream=key if fact.team else thread,
        parent="" if fact.team else card_key(thread),
        channel=fact.told.user_id if fact.team else group.channel,
        urgency=Urgency.OPERATION,
        kind=SILENCE_ENDING,
        fact=fact,
        card=True,
    )
