"""Who is on call: now, in a week; what an override changed; notices, and the card of a request to be relieved."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from bot.views import phrases
from bot.views.markup.document import Actions, Block, Button, Context, Document, Header, Paragraph, Quote
from bot.views.markup.spans import Line, Strong, join, join_dots, line, stack
from domain.answers.oncall import (
    CalendarAnswer,
    CoverCard,
    LayerLine,
    NamedPerson,
    OnCallAnswer,
    OnCallNotice,
    OverrideAnswer,
    TeamOnCall,
    WeekAnswer,
    WeekLine,
)
from domain.oncall.cover_requests import Period, RequestState
from domain.oncall.overrides import Override, OverrideKind
from domain.oncall.schedule import Gap
from domain.rich_text import Code, CommandMention, Timestamp, UserMention
from domain.text import format_duration

TAKE, UNDO, FILL = "oncall.take", "oncall.undo", "oncall.fill"
ACCEPT, DECLINE, WITHDRAW = "oncall.accept", "oncall.decline", "oncall.withdraw"

_MAX_LINES = 40
_KINDS = {
    OverrideKind.OVERRIDE: "by an override of ",
    OverrideKind.TAKE: "took the pager, ",
    OverrideKind.COVER: "as a cover, ",
    OverrideKind.SWAP: "in a swap, ",
}
_STATES = {
    RequestState.OPEN: "🙋 Open",
    RequestState.ACCEPTED: "✅ Accepted",
    RequestState.DECLINED: "✖️ Declined",
    RequestState.WITHDRAWN: "✖️ Withdrawn",
    RequestState.EXPIRED: "⌛ Nobody answered in time",
}


def on_call(fact: OnCallAnswer) -> Document:
    """Who is on call for each team, until when, and who is next."""
    title = "📟 On call now" if fact.is_now else "📟 On call then"
    blocks: list[Block] = [Header(title)]
    blocks += [] if fact.is_now else [Context(line("at ", Timestamp(fact.at)))]
    for team in fact.teams:
        blocks += _team(team, with_hint=len(fact.teams) == 1)
    if fact.can_take:
        blocks.append(Actions((Button(text="Take the pager", action=TAKE, value=fact.can_take),)))
        blocks.append(Context(line("to have it yourself: ", CommandMention(f"oncall take {fact.can_take}"))))
    summary = join("; ", (_summary(team) for team in fact.teams))
    return Document(summary=summary, blocks=tuple(blocks))


def week(fact: WeekAnswer) -> Document:
    """The shifts of a week, gaps first and in red."""
    title = f"🗓️ On call for {fact.team}, {fact.since:%a %d %b} to {fact.until:%a %d %b}"
    blocks: list[Block] = [Header(title)]
    if fact.gaps:
        lines = (line("🔴 ", Strong("Nobody is on call")), *map(_gap, fact.gaps))
        fill = CommandMention(f"oncall override me --team {fact.team} --from … --to … --fill")
        blocks += [Paragraph(lines, max_lines=_MAX_LINES), Context(line("to fill one: ", fill))]
    for layer, shifts in fact.layers.items():
        lines = tuple(_week_line(each) for each in shifts if each.people)
        blocks.append(Paragraph((line(Strong(layer)), *(lines or (line("nobody in this time"),))), max_lines=_MAX_LINES))
    blocks.append(Context(join_dots(f"handoffs in {fact.zone}", line(fact.note))))
    gaps = phrases.pluralize(len(fact.gaps), "gap") if fact.gaps else "no gaps"
    return Document(summary=line(f"{title}: {gaps}"), blocks=tuple(blocks))


def override(fact: OverrideAnswer) -> Document:
    """What was changed, on everybody's clock, with one tap to take it back."""
    summary = line(fact.title)
    blocks: list[Block] = [Paragraph((summary, *(line(each) for each in fact.lines)))]
    return Document(summary=summary, blocks=(*blocks, *_undo(fact.undo)))


def calendar(fact: CalendarAnswer) -> Document:
    """The address to copy."""
    whose = "Your on-call calendar" if fact.is_own else f"The on-call calendar of {fact.name}"
    summary = line(f"🗓️ {whose}")
    lines = (
        line(summary, ", for the field “from URL” of your calendar program:"),
        line(Code(fact.url)),
        line("Whoever has this address can read the calendar. It shows overrides and swaps as soon as the program looks again."),
    )
    return Document(summary=summary, blocks=(Paragraph(lines),))


def notice(fact: OnCallNotice) -> Document:
    """A message to one person, or to the team's channel."""
    summary = line(phrases.TONE_EMOJI[fact.tone] or "📟 ", fact.title if isinstance(fact.title, str) else line(fact.title))
    blocks: list[Block] = [Paragraph((summary, *(line(each) for each in fact.lines)), max_lines=20)]
    if fact.gap is not None:
        value = f"{fact.team}/{_minutes(fact.gap.starts)}/{_minutes(fact.gap.ends)}"
        blocks.append(Actions((Button(text="I fill it", action=FILL, value=value, style="primary"),)))
    return Document(summary=summary, blocks=(*blocks, *_undo(fact.undo)))


def cover_card(fact: CoverCard) -> Document:
    """A request to be relieved, with the buttons that answer it while it is open."""
    request = fact.request
    asker, wanted = _person(fact, request.asked_by), _person(fact, request.wanted)
    what = line(asker, " offers ", wanted, " a swap") if request.is_swap else line(asker, " asks to be relieved")
    headline = line("📟 ", what, f" · {request.team} ({request.layer})")
    lines = [headline, _period(f"{request.asked_by}'s shift", request.period)]
    lines += [_period(f"for {request.wanted}'s", request.in_return)] if request.in_return else []
    answered = line(" by ", _person(fact, request.answered_by)) if request.answered_by else ()
    status = join_dots(line(Strong(_STATES[request.state]), answered), Code(request.id), f"handoffs in {fact.zone}")
    blocks: list[Block] = [Paragraph((*lines, status)), Quote(request.reason)]
    if request.state is RequestState.OPEN:
        blocks += [Actions(_answers(request.id, is_swap=request.is_swap)), Context(_commands(request.id))]
    return Document(summary=headline, blocks=tuple(blocks), overflows_to_file=False)


def _team(team: TeamOnCall, *, with_hint: bool) -> list[Block]:
    heading = line(Strong(team.team), f" · handoffs in {team.zone}")
    if team.is_unknown:
        return [Paragraph((heading, line("❔ Who is on call then is not known.", " ", line(team.note))))]
    lines = tuple(_layer(layer) for layer in team.layers)
    hint = line(CommandMention(f"oncall week {team.team}"), " shows the week") if with_hint else ()
    small = join_dots(line(team.note), hint)
    return [Paragraph((heading, *lines), max_lines=_MAX_LINES), *([Context(small)] if small else [])]


def _layer(layer: LayerLine) -> Line:
    who = _people(layer.people) if layer.people else line("🔴 ", Strong("nobody"))
    until = line(" until ", Timestamp(layer.until)) if layer.until else line(", no change in sight")
    then = line(", then ", _people(layer.next_people) or "nobody") if layer.until else ()
    return stack(line(f"{layer.layer}: ", who, until, then), *(_override(each) for each in layer.overrides))


def _override(override: Override) -> Line:
    reason = f": {override.reason}" if override.reason else ""
    return line(f"  {_KINDS[override.kind]}", UserMention(override.made_by), f" ({override.id}){reason}")


def _summary(team: TeamOnCall) -> Line:
    first = next((layer.people for layer in team.layers if layer.people), ())
    who = "not known" if team.is_unknown else _people(first) if first else "nobody"
    return line(f"{team.team}: ", who)


def _people(people: Sequence[NamedPerson]) -> Line:
    return join(", ", [UserMention(each.person) if each.person else Strong(each.name) for each in people])


def _week_line(shift: WeekLine) -> Line:
    mark = " (override)" if shift.is_override else ""
    return line(Timestamp(shift.starts), " to ", Timestamp(shift.ends), ": ", _people(shift.people), mark)


def _gap(gap: Gap) -> Line:
    return line("• ", Timestamp(gap.starts), " to ", Timestamp(gap.ends), f" ({format_duration(gap.ends - gap.starts)})")


def _period(heading: str, period: Period) -> Line:
    return line(f"{heading}: ", Timestamp(period.starts), " to ", Timestamp(period.ends))


def _person(fact: CoverCard, name: str) -> Line:
    person = fact.people.get(name)
    return line(UserMention(person) if person else Strong(name or "somebody"))


def _answers(request_id: str, *, is_swap: bool) -> tuple[Button, ...]:
    yes = Button(text="Swap" if is_swap else "I take it", action=ACCEPT, value=request_id, style="primary")
    no = [Button(text="Decline", action=DECLINE, value=request_id)] if is_swap else []
    return (yes, *no, Button(text="Withdraw", action=WITHDRAW, value=request_id))


def _commands(request_id: str) -> Line:
    return join_dots(CommandMention(f"oncall accept {request_id}"), CommandMention(f"oncall withdraw {request_id}"))


def _undo(override_id: str) -> Iterable[Block]:
    if not override_id:
        return ()
    button = Actions((Button(text="Undo", action=UNDO, value=override_id),))
    return (button, Context(line("to take it back: ", CommandMention(f"oncall undo {override_id}"))))


def _minutes(at: datetime) -> int:
    """Minutes since 1970: what a button can carry."""
    return int(at.timestamp()) // 60
