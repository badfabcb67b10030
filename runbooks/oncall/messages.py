"""What people are told about who is on call, as messages for the outbox."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from domain.answers.oncall import CoverCard, OnCallNotice
from domain.catalogue.catalogue import Catalogue
from domain.notes import Tone
from domain.oncall.cover_requests import CoverRequest, RequestState
from domain.oncall.personal import PersonalShift
from domain.oncall.review import FAR, Handoff, Moved, Review
from domain.oncall.schedule import Gap
from domain.people import Person
from domain.rich_text import Code, Text, Timestamp, join, sentence
from domain.text import format_duration, join_and
from storage.outbox_messages import FactKind, OutboxMessage, Urgency, card_of

NOTICE = FactKind("oncall-notice", 1, OnCallNotice)
COVER_CARD = FactKind("oncall-cover-card", 1, CoverCard)

MAX_SHIFTS_TOLD = 6
"""Of one person in one message; a changed rota may move a hundred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why shifts were moved. ``undo`` is what one tap takes back; ``answered`` are names of people who know it already."""

    text: Text = ""
    undo: str = ""
    answered: frozenset[str] = frozenset()


def account(catalogue: Catalogue, name: str) -> Person | None:
    """The Slack account of a person of the catalogue; None for others."""
    known = catalogue.people.get(name)
    return Person(known.slack, catalogue.workspaces[0]) if known else None


def named(catalogue: Catalogue, name: str) -> Text:
    """A person in a text: as the account where there is one."""
    person = account(catalogue, name)
    return sentence(person) if person else name


def notices(catalogue: Catalogue, team: str, told: Review, cause: Cause, at: datetime) -> Iterator[OutboxMessage]:
    """Every message that a review asks for: one to each person, one for each handoff and gap to the team's channel."""
    config, prefix = catalogue.oncall[team], f"oncall/{team}/{told.state.version}"
    for name, notice in _personal_notices(catalogue, team, told, cause):
        person = account(catalogue, name)
        if person is not None and name not in cause.answered:
            yield _message(team, f"{prefix}/person/{name}", person.user_id, notice)
    if config.channel:
        for handoff in told.handoffs:
            if handoff.after:
                notice = _channel_handoff(team, handoff, told, cause)
                yield _message(team, f"{prefix}/{handoff.layer}", config.channel, notice)
    for gap in told.new_gaps:
        for receiver in receivers(catalogue, team):
            key = f"{prefix}/gap/{gap.starts:%Y%m%dT%H%M}/{receiver}"
            yield _message(team, key, receiver, _gap_notice(team, gap, at))


def cover_card(request: CoverRequest, catalogue: Catalogue, zone: str) -> OutboxMessage:
    """The card of a request in its present state."""
    names = filter(None, (request.asked_by, request.wanted, request.answered_by))
    people = {name: person for name in names if (person := account(catalogue, name)) is not None}
    return card_of(request.id, COVER_CARD, CoverCard(request=request, zone=zone, people=people), channel=request.channel)


def refusal_notice(request: CoverRequest, catalogue: Catalogue) -> OutboxMessage | None:
    """Tells the person who asked that they keep their shift; None while that is open, and where the rota tells them anyway."""
    person = account(catalogue, request.asked_by)
    if person is None or request.state not in (RequestState.DECLINED, RequestState.EXPIRED):
        return None
    what = "swap" if request.is_swap else "request for cover"
    who = sentence(named(catalogue, request.answered_by), " declined") if request.answered_by else "In time nobody answered"
    stays = f" your {what} {request.id}. Your shifts of {request.team} ({request.layer}) stay as planned."
    notice = OnCallNotice(team=request.team, title=sentence(who, stays), tone=Tone.WARNING)
    return _message(request.team, f"{request.id}/refused", person.user_id, notice)


def problem_notice(team: str, key: str, receiver: str, title: Text) -> OutboxMessage:
    """Something that the bot keeps for a team could not be done."""
    notice = OnCallNotice(team=team, title=title, tone=Tone.WARNING)
    return _message(team, f"oncall/{team}/problem/{key}/{receiver}", receiver, notice)


def receivers(catalogue: Catalogue, team: str) -> tuple[str, ...]:
    """Who is told what concerns a whole team: its channel and its lead; without either everybody in its rotations."""
    config = catalogue.oncall[team]
    names = (config.lead,) if config.lead else () if config.channel else config.members
    people = [person.user_id for name in names if (person := account(catalogue, name)) is not None]
    return (*([config.channel] if config.channel else []), *people)


def _message(team: str, key: str, receiver: str, notice: OnCallNotice) -> OutboxMessage:
    return OutboxMessage(
        key=key,
        stream=f"oncall/{team}/{receiver}",
        parent="",
        channel=receiver,
        urgency=Urgency.OPERATION,
        kind=NOTICE,
        fact=notice,
        card=False,
    )


def _personal_notices(catalogue: Catalogue, team: str, told: Review, cause: Cause) -> Iterator[tuple[str, OnCallNotice]]:
    """One notice for each person, whose first line is what holds from now on."""
    begins = {name: handoff for handoff in told.handoffs for name in handoff.after if name not in handoff.before}
    ends = {name: handoff for handoff in told.handoffs for name in handoff.before if name not in handoff.after}
    moved = {each.person: each for each in told.moved}
    for name in dict.fromkeys([*begins, *ends, *moved]):
        titles: list[Text] = [
            *([_begins(catalogue, team, begins[name], told.until.get(begins[name].layer))] if name in begins else []),
            *([_ends(catalogue, team, ends[name])] if name in ends else []),
        ]
        lines = _moved_lines(moved[name], is_told=bool(titles)) if name in moved else ()
        if not titles and not lines:
            continue
        titles = titles or [f"Your on-call shifts for {team} changed."]
        why = (sentence("Why: ", cause.text, "."),) if cause.text and name in moved else ()
        yield name, OnCallNotice(team=team, title=titles[0], lines=(*titles[1:], *why, *lines), undo=cause.undo)


def _begins(catalogue: Catalogue, team: str, handoff: Handoff, until: datetime | None) -> Text:
    before = sentence(". Before you: ", _people(catalogue, handoff.before)) if handoff.before else ""
    return sentence(f"You are on call for {team} ({handoff.layer})", _until(until), before, ".")


def _ends(catalogue: Catalogue, team: str, handoff: Handoff) -> Text:
    after = sentence(_people(catalogue, handoff.after), " is now.") if handoff.after else "Nobody is now."
    return sentence(f"You are no longer on call for {team} ({handoff.layer}). ", after)


def _people(catalogue: Catalogue, names: Iterable[str]) -> Text:
    return join(", ", [named(catalogue, name) for name in names])


def _until(until: datetime | None) -> Text:
    return sentence(" until ", Timestamp(until)) if until else ", with no change in sight"


def _moved_lines(moved: Moved, *, is_told: bool) -> tuple[Text, ...]:
    """What was lost and gained. ``is_told``: the first line says already who is on call now."""
    lost = [each for each in moved.lost if not (is_told and each.has_begun)]
    gained = [each for each in moved.gained if not (is_told and each.has_begun)]
    return (*_shift_lines("No longer yours", lost), *_shift_lines("Yours now", gained))


def _shift_lines(heading: str, shifts: list[PersonalShift]) -> tuple[Text, ...]:
    lines = tuple(
        sentence(f"{heading}: ", Timestamp(each.starts), " to ", Timestamp(each.ends), f" ({each.layer})")
        for each in shifts[:MAX_SHIFTS_TOLD]
    )
    more = len(shifts) - MAX_SHIFTS_TOLD
    return (*lines, f"{heading}: {more} more") if more > 0 else lines


def _channel_handoff(team: str, handoff: Handoff, told: Review, cause: Cause) -> OnCallNotice:
    """Names without a mention: the two whom it concerns have a message of their own."""
    verb = "is" if len(handoff.after) == 1 else "are"
    before = f" Before: {join_and(handoff.before)}." if handoff.before else ""
    why = sentence("Why: ", cause.text, ".") if cause.text and told.moved else ""
    title = sentence(
        f"{join_and(handoff.after)} {verb} on call for {team} ({handoff.layer})",
        _until(told.until.get(handoff.layer)),
        f".{before}",
    )
    return OnCallNotice(team=team, title=title, lines=(why,) if why else ())


def _gap_notice(team: str, gap: Gap, at: datetime) -> OnCallNotice:
    begins = "now" if gap.starts <= at else Timestamp(gap.starts)
    ends = sentence(" to ", Timestamp(gap.ends)) if gap.ends < FAR else ", with no end in sight"
    length = f" ({format_duration(gap.ends - max(gap.starts, at))})" if gap.ends < FAR else ""
    command = f"oncall override <person> --team {team} --from {gap.starts:%Y-%m-%dT%H:%MZ} --to … --fill"
    return OnCallNotice(
        team=team,
        title=sentence(f"Nobody is on call for {team} from ", begins, ends, f"{length}."),
        lines=(sentence("A page would reach nobody. Somebody can fill it: ", Code(command)),),
        tone=Tone.BAD,
        gap=gap,
    )
