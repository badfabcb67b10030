"""The direct message of a page, as the outbox sends it: before everything else."""

from domain.paging.pages import PageCall
from storage.outbox_messages import FactKind, OutboxMessage, Urgency

PAGE_CALL = FactKind("page-call", 1, PageCall)


def page_call_card(call: PageCall, key: str) -> OutboxMessage:
    """A direct message to one person. It is edited when the page changes."""
    return OutboxMessage(
        key=key,
        stream=key,
        parent="",
        channel=call.destination,
        urgency=Urgency.PAGE,
        kind=PAGE_CALL,
        fact=call,
        card=True,
    )
