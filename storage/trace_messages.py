"""Messages about traces."""

from domain.people import Person
from domain.traces.picture import TracePicture
from storage.outbox_messages import FactKind, OutboxMessage, direct_message

TRACE_PICTURE = FactKind("trace-picture", 1, TracePicture, is_personal=True)


def picture_message(fact: TracePicture, person: Person, source: str) -> OutboxMessage:
    """A picture in a direct message. ``source`` is the key of the request."""
    return direct_message(TRACE_PICTURE, fact, person, source)
