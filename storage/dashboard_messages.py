"""Messages about dashboards."""

from domain.dashboards.pictures import PanelPicture
from domain.people import Person
from storage.outbox_messages import FactKind, OutboxMessage, direct_message

PANEL_PICTURE = FactKind("panel-picture", 1, PanelPicture, is_personal=True)


def picture_message(fact: PanelPicture, person: Person, source: str) -> OutboxMessage:
    """A picture in a direct message. ``source`` is the key of the request."""
    return direct_message(PANEL_PICTURE, fact, person, source)
