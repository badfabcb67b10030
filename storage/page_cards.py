"""Messages of pages in Slack, which the outbox sends before everything else: direct messages, cards, reports of rehearsals."""

from domain.paging.messages import PageCard
from domain.paging.pages import PageCall
from domain.paging.rehearsals import RehearsalReport
from storage.outbox_messages import FactKind, OutboxMessage, Urgency, card_of, reply_to

PAGE_CALL = FactKind("page-call", 1, PageCall)
PAGE_CARD = FactKind("page-card", 1, PageCard)
REHEARSAL_REPORT = FactKind("page-rehearsal", 1, RehearsalReport)


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


def page_card(card: PageCard) -> OutboxMessage:
    """The card of a page that people or a rehearsal asked for."""
    page = card.page
    return card_of(page.id, PAGE_CARD, card, channel=page.request.channel, urgency=Urgency.INCIDENT)


def rehearsal_report(report: RehearsalReport, channel: str) -> OutboxMessage:
    """How a rehearsal went, in the thread of its card."""
    return reply_to(report.page.id, "report", REHEARSAL_REPORT, report, channel=channel)
