"""The card of a storm: so many new alert groups in one channel that one card tells of all of them."""

from bot.views import phrases
from bot.views.alert_card import SIGNS
from bot.views.markup.document import Block, Lines, Page, Small, Title
from bot.views.markup.mrkdwn import clean, clip
from bot.views.markup.spans import Code, Line, Strong, When, dotted, line
from domain.alerts.storms import Folded, StormCard, Tally
from domain.severities import Severity
from domain.text import format_span

_TALLIES = 8
_WORST = 8
_NAME = 80
"""Characters of an alert's name: two lines of a phone."""
_VALUE = 40
"""Characters of a label's value, one of three."""


def card(fact: StormCard) -> Page:
    """How many, how bad, what, and the worst of those that still fire."""
    blocks: list[Block] = [Title(_headline(fact)), Lines(_status(fact))]
    blocks += [Lines((line(Strong("What")), *map(_tally, fact.tallies)), most=_TALLIES + 1)] if fact.tallies else []
    blocks += [Lines((line(Strong("The worst that fire")), *map(_folded, fact.worst)), most=_WORST + 1)] if fact.worst else []
    blocks += [Small(_footer(fact))]
    return Page(summary=dotted(_headline(fact), _firing(fact), fact.storm.id), blocks=tuple(blocks), spills=False)


def _headline(fact: StormCard) -> str:
    storm = fact.storm
    if storm.ended_at is None:
        lasted = f" in {format_span(storm.last_at - storm.began_at)}" if storm.last_at > storm.began_at else ""
        return f"🌩️ Alert storm: {phrases.counted(fact.groups, 'new alert group')}{lasted} in this channel"
    after = format_span(storm.ended_at - storm.began_at)
    if fact.firing:
        return f"🌩️ Storm over after {after}: {fact.firing:,} of {phrases.counted(fact.groups, 'group')} still fire"
    everything = "the only group is" if fact.groups == 1 else f"all {fact.groups:,} groups are"
    return f"✅ Storm over after {after}: {everything} resolved"


def _status(fact: StormCard) -> tuple[Line, ...]:
    severities = [each for each in Severity if any(tally.severity is each for tally in fact.tallies)]
    by_severity = dotted(*(_of_severity(fact, each) for each in severities))
    began, last = When(fact.storm.began_at), When(fact.storm.last_at, is_today=True)
    firing = line(Strong(_firing(fact))) if _firing(fact) else ()
    return tuple(filter(None, (firing, by_severity, line("began ", began, ", the newest ", last))))


def _firing(fact: StormCard) -> str:
    """Empty where the headline has said it."""
    if fact.storm.ended_at is not None:
        return ""
    if not fact.firing:
        return "None fires now"
    return f"{fact.firing:,} {'fires' if fact.firing == 1 else 'fire'} now, {fact.groups - fact.firing:,} resolved"


def _of_severity(fact: StormCard, severity: Severity) -> str:
    groups = sum(each.groups for each in fact.tallies if each.severity is severity)
    return f"{SIGNS[severity]} {severity} {groups:,}"


def _tally(fact: Tally) -> Line:
    firing = f"{fact.firing:,} firing" if fact.firing else "all resolved"
    name = Strong(clip(clean(fact.title), _NAME))
    return dotted(line(f"{SIGNS[fact.severity]} {fact.severity} ", name), phrases.counted(fact.groups, "group"), firing)


def _folded(fact: Folded) -> Line:
    what = line(f"{SIGNS[fact.severity]} ", Code(fact.id), f" {fact.severity} {clip(clean(fact.title), _NAME)}")
    said = {"", fact.title, fact.environment}
    own = [f"{name}={clip(clean(value), _VALUE)}" for name, value in sorted(fact.labels.items()) if value not in said]
    return dotted(what, fact.environment, phrases.few(own, most=3))


def _footer(fact: StormCard) -> Line:
    is_over = fact.storm.ended_at is not None
    every = line("every one: ", Code("/deepecho alerts")) if fact.firing or not is_over else None
    return dotted(Code(fact.storm.id), every, None if is_over else "a P0 is never folded in here, it has its own card")
