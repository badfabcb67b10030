"""Pages: the direct message that calls somebody, the card of a page that was asked for, the report of a rehearsal."""

from datetime import datetime

from bot.views.alert_card import SEVERITY_EMOJI
from bot.views.markup.document import Actions, Block, Button, Context, Document, Header, Paragraph
from bot.views.markup.spans import Hyperlink, Line, Strong, join_dots, line
from domain.paging.messages import MessageState, PageCard, StoredMessage
from domain.paging.outcomes import way_label
from domain.paging.pages import Page, PageCall, PageState
from domain.paging.rehearsals import RehearsalReport
from domain.paging.texts import call_lines, call_title
from domain.rich_text import Code, CommandMention, Timestamp, plain_text, sentence
from domain.text import format_duration

ACKNOWLEDGE = "page.acknowledge"

_STATE_EMOJI = {PageState.ACKNOWLEDGED: "👀", PageState.ENDED: "✅", PageState.UNANSWERED: "🆘", PageState.FOLDED: "📎"}
_OUTCOMES = {
    MessageState.PENDING: "waits",
    MessageState.SENDING: "is being sent",
    MessageState.QUEUED: "is on its way",
    MessageState.SENT: "accepted by the service",
    MessageState.DELIVERED: "delivered",
    MessageState.UNCERTAIN: "may not have arrived",
    MessageState.SUPPRESSED: "not sent, it has ended there",
    MessageState.FAILED: "failed",
    MessageState.STOPPED: "not sent any more",
}


def call(fact: PageCall) -> Document:
    """The direct message to somebody who is called. Once somebody has it, it says so and has no button."""
    page = fact.page
    blocks: list[Block] = [Header(_headline(page, plain_text(call_title(fact)))), Paragraph(_state_lines(page))]
    facts = tuple(line(each) for each in call_lines(fact))
    blocks += [Paragraph(facts)] if facts else []
    blocks += [Paragraph((line(Hyperlink("Look at it", page.request.link)),))] if page.request.link else []
    if page.state.is_waiting:
        blocks += [Actions((_acknowledge(fact.id),))]
        blocks += [Context(join_dots(Code(fact.id), line("or type ", CommandMention(f"ack {fact.id}"))))]
    else:
        blocks += [Context(line(Code(fact.id)))]
    return Document(summary=_summary(page, plain_text(call_title(fact))), blocks=tuple(blocks), overflows_to_file=False)


def card(fact: PageCard) -> Document:
    """The card of a page, with each attempt to reach somebody."""
    page = fact.page
    title = plain_text(page.request.title)
    asked = line(sentence("asked for by ", page.request.asked_by)) if page.request.asked_by else line("by itself")
    blocks: list[Block] = [Header(_headline(page, title)), Paragraph((*_state_lines(page), asked))]
    attempts = tuple(_attempt(each, page) for each in fact.messages)
    blocks += [Paragraph(attempts, max_lines=20)] if attempts else []
    blocks += [Actions((_acknowledge(page.id),))] if page.state.is_waiting else []
    blocks += [Context(line(Code(page.id)))]
    return Document(summary=_summary(page, title), blocks=tuple(blocks), overflows_to_file=False)


def report(fact: RehearsalReport) -> Document:
    """How a rehearsal went: seconds to each delivery and to the acknowledgement, and what did not work."""
    page, taken = fact.page, fact.page.acknowledgement
    emoji, words = ("✅", "worked") if fact.has_succeeded else ("🔴", "did not work")
    first = line(f"{emoji} ", Strong(f"The rehearsal of {page.request.team} {words}."))
    answered = (
        line(sentence("acknowledged by ", taken.by or taken.name, f" after {_seconds(page, taken.at)}"))
        if taken
        else line(f"🔴 nobody acknowledged within {format_duration(fact.at - page.requested_at)}")
    )
    lines = (first, *(_attempt(each, page) for each in fact.messages), answered)
    if not fact.messages:
        lines = (first, line(f"🔴 nothing was sent: {plain_text(page.final_reason) or 'nothing is set up'}"))
    return Document(summary=join_dots(first, page.id), blocks=(Paragraph(lines, max_lines=20),), overflows_to_file=False)


def _acknowledge(name: str) -> Button:
    return Button(text="Acknowledge", action=ACKNOWLEDGE, value=name, style="primary")


def _headline(page: Page, title: str) -> str:
    emoji = _STATE_EMOJI.get(page.state, SEVERITY_EMOJI[page.request.severity])
    return " ".join(filter(None, (emoji, "TEST" if page.request.is_test else "", f"{page.request.severity} · {title}")))


def _summary(page: Page, title: str) -> Line:
    return join_dots(_headline(page, title), page.request.team, page.id)


def _state_lines(page: Page) -> tuple[Line, ...]:
    since = line("since ", Timestamp(page.requested_at))
    what = join_dots(page.request.team, page.subject)
    if page.state is PageState.OPEN:
        next_call = line("next call ", Timestamp(page.due_at, time_only=True)) if page.due_at and page.call else ()
        return join_dots(Strong("Nobody has it yet"), since, next_call), what
    state = {PageState.ACKNOWLEDGED: "Taken", PageState.UNANSWERED: "Unanswered", PageState.FOLDED: "Folded"}
    return join_dots(Strong(state.get(page.state, "Over")), line(page.final_reason)), join_dots(since, what)


def _attempt(message: StoredMessage, page: Page) -> Line:
    """`SMS to ana: accepted by the service after 1 s`."""
    emoji = "" if message.state.has_arrived or message.state.is_unsettled else "⚠️ "
    after = f" after {_seconds(page, message.settled_at)}" if message.settled_at and message.state.has_arrived else ""
    late = ", tried again" if message.is_late and message.state.is_unsettled else ""
    error = line(": ", message.error) if message.error and not message.state.has_arrived else ()
    return line(f"{emoji}{way_label(message)} to {message.person}: {_OUTCOMES[message.state]}{after}{late}", error)


def _seconds(page: Page, at: datetime) -> str:
    seconds = max(0.0, (at - page.requested_at).total_seconds())
    return f"{seconds:.1f} s" if seconds < 60 else format_duration(at - page.requested_at)
