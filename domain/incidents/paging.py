"""Pages of an incident: what they say, what their calls change about it, and which call is next. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from domain.incidents.changes import IncidentChange, PageOrder, PageTarget, change
from domain.incidents.clocks import UpcomingStep
from domain.incidents.incident import Incident, PageLine
from domain.incidents.timeline import EntryKind
from domain.notes import Tone
from domain.paging.pages import Page, PageNote, PageNoteKind, PageRequest, PageState
from domain.paging.rehearsals import NOTHING_IS_WRONG, REHEARSAL
from domain.rich_text import Text, join, sentence
from domain.text import join_and

LEAD_PAGED = "The team lead is paged."
NOBODY_PAGED = "Nobody is paged: the catalogue has no section paging."
MAX_PAGE_LINES = 40
"""Lines about pages that an incident keeps; the timeline has all."""
_FAILED = {PageNoteKind.FAILED, PageNoteKind.UNCERTAIN, PageNoteKind.UNANSWERED, PageNoteKind.NUMBERS}
_LOUD = {PageNoteKind.UNANSWERED, PageNoteKind.NUMBERS, PageNoteKind.RESOLVED_ELSEWHERE, PageNoteKind.ON_ITS_WAY}
"""What people in the channel have to know; the rest is on the card and in the timeline."""
_LEFT_OUT = {PageNoteKind.ACKNOWLEDGED, PageNoteKind.ENDED}
"""The incident says so itself."""


def page_request(incident: Incident, order: PageOrder, team: str) -> PageRequest:
    """The page that an order asks for. Only the first page of an incident is folded with others of its cause.

    That of a security incident says nothing of it: it goes to pagers and telephones, where others read it.
    """
    is_first = order.kind == "declared"
    return PageRequest(
        subject=incident.id,
        kind=REHEARSAL if incident.is_test and is_first else order.kind,
        cause=incident.cause if is_first else "",
        severity=incident.severity,
        team=incident.team or team,
        environment=incident.environment,
        title=f"security incident {incident.id}" if incident.security else incident.title,
        lines=(NOTHING_IS_WRONG,) if incident.is_test else () if incident.security else _lines(incident, order),
        link=incident.channel.permalink,
        is_test=incident.is_test,
        is_private=incident.security,
        whom=("lead",) if order.target is PageTarget.LEAD else (),
        channel=incident.announcement_channel if incident.is_test else "",
    )


def with_page_line(change: IncidentChange, *, is_paging: bool) -> IncidentChange:
    """Say in the change's message who is paged, or that nobody can be because the catalogue has no section ``paging``."""
    if change.page is None or not change.notes:
        return change
    if is_paging and change.page.target is not PageTarget.LEAD:
        return change
    line = LEAD_PAGED if is_paging else NOBODY_PAGED
    first, *others = change.notes
    return replace(change, notes=(replace(first, lines=(*first.lines, line)), *others))


def apply_page_notes(incident: Incident, notes: Sequence[PageNote]) -> tuple[IncidentChange, ...]:
    """What happened to the incident's pages: on its card, in its timeline and, where people have to act, in its channel."""
    changes: list[IncidentChange] = []
    known = {line.key for line in incident.pages}
    for note in notes:
        if note.kind in _LEFT_OUT or note.key in known:
            continue
        record = changes[-1].record if changes else incident
        changes.append(_apply(record, note))
    return tuple(changes)


def upcoming_calls(pages: Sequence[Page]) -> tuple[UpcomingStep, ...]:
    """The next call of each open page."""
    return tuple(UpcomingStep(page.due_at, _next_call(page)) for page in pages if page.due_at and page.state is PageState.OPEN)


def _next_call(page: Page) -> Text:
    """``pages oncall by sms``, in the policy's words: who that is, is decided when it is due."""
    if page.policy is None:
        return "pages by the policy"
    if page.call >= page.policy.calls:
        return "nobody is left to be paged"
    step = page.policy.step_of(page.call)
    return f"pages {join_and([_whom(word) for word in step.whom])} by {join_and([str(way) for way in step.ways[: step.at_once]])}"


def _whom(word: str) -> str:
    kind, _, name = word.partition(":")
    words = {"oncall": "the on-call person", "lead": "the team lead", "everybody": "everybody of the team"}
    return words.get(word) or (f"{name} on call" if kind == "layer" else name)


def _apply(incident: Incident, note: PageNote) -> IncidentChange:
    line = PageLine(key=note.key, at=note.at, text=note.text, failed=note.kind in _FAILED)
    updated = replace(incident, pages=(*incident.pages, line)[-MAX_PAGE_LINES:])
    is_quiet = note.kind not in _LOUD
    tone = Tone.PLAIN if is_quiet else note.tone
    return change(updated, EntryKind.PAGE, note.at, note.text, ref=note.page_id, quiet=is_quiet, tone=tone, lines=note.lines)


def _lines(incident: Incident, order: PageOrder) -> tuple[Text, ...]:
    """Facts for whoever is woken, the most important first."""
    where = " · ".join(filter(None, (incident.environment, ", ".join(incident.services))))
    suspects = [each.suspect for each in incident.alerts if each.suspect]
    firing = [each.title for each in incident.alerts if each.firing]
    since = f"since {incident.declared.at:%H:%M} UTC"
    lines: list[Text] = [order.reason if order.kind != "declared" else "", join(" · ", filter(None, (where, since)))]
    lines += [f"fires: {join_and(firing[:3])}"] if firing else []
    lines += [sentence("suspect: ", suspects[0])] if suspects else []
    return tuple(filter(None, lines))
