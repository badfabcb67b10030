"""Messages about dashboards."""

from domain.dashboards.pictures import PanelPicture
from domain.people import Person
from storage.outbox_messages import FactKind, OutboxMessage, Urgency

PANEL_PICTURE = FactKind("panel-picture", 1, PanelPicture)


def picture_message(fact: PanelPicture, person: Person, source: str) -> OutboxMessage:
    """A picture in a direct message. ``source`` is the key of the request."""
    key = f"panel-picture/{source}"
    return OutboxMessage(
        key=key,
        stream=key,
        parent="",
        channel=person.user_id,
        urgency=Urgency.DETAIL,
        kind=PANEL_PICTURE,
        fact=fact,
        card=False,
    )
