"""Transitions of pages: start, call, acknowledge, end. Pure; every door and every timer uses these."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.clock import is_from_the_future
from domain.notes import Tone
from domain.paging.pages import Acknowledgement, Page, PageHold, PageNote, PageNoteKind, PageRequest, PageState, Recipient
from domain.paging.policies import PagePolicy
from domain.rich_text import Code, Text, join, sentence
from domain.text import join_and

HOLD_INTERVAL = timedelta(minutes=1)
"""How often it is asked whether a page is still held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageChange:
    """The result of a transition: the page and what to say of it. ``stops``: what was not sent yet is not sent any more."""

    record: Page
    notes: tuple[PageNote, ...] = ()
    stops: bool = False
    is_acknowledged: bool = False
    """Whether this transition acknowledged the page; a repeated acknowledgement does not."""


def new_page(page_id: str, request: PageRequest, at: datetime) -> Page:
    """A page whose first call is due now."""
    return Page(id=page_id, request=request, requested_at=at, due_at=at, due_since=at)


def note(page: Page, kind: PageNoteKind, at: datetime, text: Text, *, key: str = "", tone: Tone = Tone.PLAIN) -> PageNote:
    """A note about the page. ``key`` is needed where a page can have several of the kind."""
    return PageNote(
        page_id=page.id, subject=page.subject, key=f"{page.id}/{key or kind.value}", kind=kind, at=at, text=text, tone=tone
    )


def start(page: Page, policy: PagePolicy | None, at: datetime) -> PageChange:
    """Fix the policy that the page follows. Without one nobody is paged, and the page ends with that reason."""
    if policy is None:
        reason = f"the catalogue has no paging policy for {page.request.severity}"
        return end(page, reason, at)
    first, *others = policy.steps
    steps = (replace(first, whom=page.request.whom or first.whom), *others)
    return PageChange(record=replace(page, policy=replace(policy, steps=steps)))


def fold(page: Page, leader: Page, at: datetime) -> PageChange:
    """Call nobody for the page, because another one about the same cause is open."""
    text = sentence("Nobody is called for this one: ", Code(leader.id), " about the same cause is open.")
    folded = replace(page, state=PageState.FOLDED, due_at=None, folded_into=leader.id, final_reason=text)
    return PageChange(record=folded, notes=(note(folded, PageNoteKind.FOLDED, at, text),))


def promote(page: Page, at: datetime) -> PageChange:
    """Call people for a folded page, because the one that stood for it has ended."""
    if page.state is not PageState.FOLDED:
        return PageChange(record=page)
    return PageChange(record=replace(page, state=PageState.OPEN, due_at=at, due_since=at, folded_into="", final_reason=""))


def follow_clock(page: Page, at: datetime) -> PageChange:
    """After the clock was set back the next call is due as long after now as it was after the last one."""
    if page.due_at is None or not is_from_the_future(page.due_since, at):
        return PageChange(record=page)
    return PageChange(record=replace(page, due_at=page.due_at - (page.due_since - at), due_since=at))


def call(page: Page, recipients: tuple[Recipient, ...], at: datetime) -> PageChange:
    """Make the call that is due. The next one is due after the step's wait from now on, also where this one is late.

    After the last call the page is unanswered.
    """
    if page.policy is None or page.state is not PageState.OPEN:
        return PageChange(record=page)
    if page.call >= page.policy.calls:
        return _give_up(page, at)
    step = page.policy.step_of(page.call)
    called = replace(page, call=page.call + 1, called=recipients, due_at=at + step.wait, due_since=at)
    text = f"Call {called.call} of {page.policy.calls}: {join_and([each.name for each in recipients])}."
    return PageChange(record=called, notes=(note(called, PageNoteKind.CALLING, at, text, key=f"calling/{called.call}"),))


def hold(page: Page, by: PageHold, at: datetime) -> PageChange:
    """Do not make the call that is due. It is asked again within a minute whether it is still held."""
    held = replace(page, due_at=min(by.until, at + HOLD_INTERVAL), due_since=at, held_by=by.by)
    if page.held_by == by.by:
        return PageChange(record=held)
    text = sentence("Nobody is called for now: ", by.reason, ".")
    return PageChange(record=held, notes=(note(held, PageNoteKind.HELD, at, text, key=f"held/{by.by}"),))


def hurry(page: Page, numbers: Mapping[str, str], at: datetime) -> PageChange:
    """Nobody is reached by the last call: go to the next step now, and tell the telephone numbers once.

    In the last step the next try keeps its time: the ways that failed are still tried, and there is nobody else to call.
    """
    if page.policy is None or page.state is not PageState.OPEN or not page.call:
        return PageChange(record=page)
    following = page.policy.first_call_of_next_step(page.call - 1)
    hurried = page if following is None else replace(page, call=following, due_at=at, due_since=at)
    if page.numbers_shown:
        return PageChange(record=hurried)
    hurried = replace(hurried, numbers_shown=True)
    return PageChange(record=hurried, notes=(_numbers_note(page, numbers, at),))


def acknowledge(page: Page, by: Acknowledgement) -> PageChange:
    """Somebody takes care of it. A page that was acknowledged or has ended stays as it is."""
    if not page.state.is_waiting:
        return PageChange(record=page)
    if page.needs_everybody and not _is_last_confirmation(page, by):
        return _confirm(page, by)
    taken = replace(
        page,
        state=PageState.ACKNOWLEDGED,
        due_at=None,
        acknowledgement=by,
        confirmations=_with(page.confirmations, by),
        final_reason=sentence("acknowledged by ", by.by or by.name),
    )
    text = sentence(by.by or by.name, f" acknowledged the page{_by_door(by.door)}. Nobody else is called.")
    return PageChange(
        record=taken,
        notes=(note(taken, PageNoteKind.ACKNOWLEDGED, by.at, text, tone=Tone.GOOD),),
        stops=True,
        is_acknowledged=True,
    )


def end(page: Page, reason: Text, at: datetime) -> PageChange:
    """The subject has ended, or is not paged for any more. An ended page stays as it is."""
    if page.state is PageState.ENDED:
        return PageChange(record=page)
    ended = replace(page, state=PageState.ENDED, due_at=None, ended_at=at, final_reason=reason)
    if not page.state.is_waiting:
        return PageChange(record=ended, stops=True)
    text = sentence("Nobody is called any more: ", reason, ".")
    return PageChange(record=ended, notes=(note(ended, PageNoteKind.ENDED, at, text),), stops=True)


def resolved_elsewhere(page: Page, by: Acknowledgement, *, is_person: bool) -> PageChange:
    """A pager says that it is resolved. Ours is not ended by that: who resolved it has seen it, and is asked to end it here.

    What resolves itself there after a time has been seen by nobody, and people go on being called.
    """
    if page.state is PageState.ENDED:
        return PageChange(record=page)
    change = acknowledge(page, by) if is_person else PageChange(record=page)
    question = "If it is over, end it here as well; until then it counts as open." if is_person else "Here it goes on."
    text = sentence(by.by or by.name, f" resolved this in {by.door}. ", question)
    asked = note(page, PageNoteKind.RESOLVED_ELSEWHERE, by.at, text, key=f"resolved-elsewhere/{by.at:%H%M%S}", tone=Tone.WARNING)
    return replace(change, notes=(*change.notes, asked))


def _give_up(page: Page, at: datetime) -> PageChange:
    reason = "everybody of the policy was called, and nobody acknowledged"
    gone = replace(page, state=PageState.UNANSWERED, due_at=None, unanswered_at=at, final_reason=reason)
    text = f"Nobody acknowledged: {reason}."
    return PageChange(record=gone, notes=(note(gone, PageNoteKind.UNANSWERED, at, text, tone=Tone.BAD),))


def _numbers_note(page: Page, numbers: Mapping[str, str], at: datetime) -> PageNote:
    text = "No way reached anybody. Call them by telephone:" if numbers else "No way reached anybody, and no number is known."
    found = note(page, PageNoteKind.NUMBERS, at, text, tone=Tone.BAD)
    return replace(found, lines=tuple(join(": ", (name, Code(number))) for name, number in numbers.items()))


def _confirm(page: Page, by: Acknowledgement) -> PageChange:
    confirmed = replace(page, confirmations=_with(page.confirmations, by))
    if confirmed.confirmations == page.confirmations:
        return PageChange(record=page)
    missing = sorted(_who_must_confirm(page) - {each.name for each in confirmed.confirmations})
    text = sentence(by.by or by.name, f" confirmed. Still to confirm: {join_and(missing)}.")
    return PageChange(record=confirmed, notes=(note(page, PageNoteKind.CONFIRMED, by.at, text, key=f"confirmed/{by.name}"),))


def _is_last_confirmation(page: Page, by: Acknowledgement) -> bool:
    return _who_must_confirm(page) <= {by.name, *(each.name for each in page.confirmations)}


def _who_must_confirm(page: Page) -> set[str]:
    return {each.name for each in page.called if each.can_answer}


def _with(confirmations: tuple[Acknowledgement, ...], by: Acknowledgement) -> tuple[Acknowledgement, ...]:
    return confirmations if by.name in {each.name for each in confirmations} else (*confirmations, by)


def _by_door(door: str) -> str:
    return {"pagerduty": " in PagerDuty", "slack": " in Slack", "command": ""}.get(door, "")
