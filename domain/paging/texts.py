"""What a page says, whichever way it goes out."""

from domain.paging.messages import ClaimedMessage
from domain.paging.pages import PageCall
from domain.paging.ways import PageAction, PageMessage
from domain.rich_text import CommandMention, Text, sentence
from domain.text import and_more


def call_title(call: PageCall) -> Text:
    """The title, and how many more pages the message announces."""
    count = len(call.others) + call.more
    again = "again, as the first may not have arrived: " if call.is_repeated else ""
    return sentence(again, call.page.request.title, f" ({and_more(count)} pages)" if count else "")


def call_lines(call: PageCall) -> tuple[Text, ...]:
    """The facts of the page, how to acknowledge it, and the other pages by their titles."""
    others = tuple(sentence(f"{each.request.severity} ", each.request.title) for each in call.others)
    more = (f"{and_more(call.more)}; no single messages while so many wait",) if call.more else ()
    return (*call.page.request.lines, *others, *more)


def page_message(claimed: ClaimedMessage) -> PageMessage:
    """The message for a way."""
    call, message = claimed.call, claimed.message
    request = call.page.request
    how = (sentence("Acknowledge: ", CommandMention(f"ack {call.id}")),) if message.action is PageAction.TRIGGER else ()
    return PageMessage(
        page_id=call.page.id,
        dedup_key=message.dedup_key,
        message_id=message.key,
        action=message.action,
        severity=request.severity,
        title=call_title(call),
        lines=(*how, *call_lines(call)),
        link=request.link,
        source=request.team or request.subject,
        raised_at=call.page.requested_at,
        is_test=request.is_test,
    )
