"""The card of a storm: one card for many new alert groups in one channel."""

from bot.views import phrases
from bot.views.alert_card import SEVERITY_EMOJI
from bot.views.markup.document import Block, Context, Document, Header, Paragraph
from bot.views.markup.mrkdwn import clean
from bot.views.markup.spans import Line, Strong, join_dots, line
from domain.alerts.storms import FoldedGroup, StormCard, Tally
from domain.rich_text import Code, CommandMention, Timestamp
from domain.severities import Severity
from domain.text import clip, format_duration

_MAX_TALLIES = 8
_MAX_WORST = 8
_MAX_NAME_LENGTH = 80
"""Characters of an alert's name: two lines on a phone."""
_MAX_VALUE_LENGTH = 40
"""Characters of a label's value, one of three."""


def card(fact: StormCard) -> Document:
    """Number of groups, severities, names, and the worst groups that still fire."""
    blocks: list[Block] = [Header(_headline(fact)), Paragraph(_status(fact))]
    blocks += [Paragraph((line(Strong("What")), *map(_tally, fact.tallies)), max_lines=_MAX_TALLIES + 1)] if fact.tallies else []
    blocks += (
        [Paragraph((line(Strong("The worst that fire")), *map(_folded_group, fact.worst)), max_lines=_MAX_WORST + 1)]
        if fact.worst
        else []
    )
    blocks += [Context(_footer(fact))]
    return Document(
        summary=join_dots(_headline(fact), _firing(fact), fact.storm.id), blocks=tuple(blocks), overflows_to_file=False
    )


def _headline(fact: StormCard) -> str:
    storm = fact.storm
    if storm.ended_at is None:
        duration_text = f" in {format_duration(storm.last_at - storm.began_at)}" if storm.last_at > storm.began_at else ""
        return f"🌩️ Alert storm: {phrases.pluralize(fact.groups, 'new alert group')}{duration_text} in this channel"
    duration = format_duration(storm.ended_at - storm.began_at)
    if fact.firing:
        return f"🌩️ Storm over after {duration}: {fact.firing:,} of {phrases.pluralize(fact.groups, 'group')} still fire"
    everything = "the only group is" if fact.groups == 1 else f"all {fact.groups:,} groups are"
    return f"✅ Storm over after {duration}: {everything} resolved"


def _status(fact: StormCard) -> tuple[Line, ...]:
    severities = [each for each in Severity if any(tally.severity is each for tally in fact.tallies)]
    by_severity = join_dots(*(_severity_count(fact, each) for each in severities))
    began, last = Timestamp(fact.storm.began_at), Timestamp(fact.storm.last_at, time_only=True)
    firing = line(Strong(_firing(fact))) if _firing(fact) else ()
    return tuple(filter(None, (firing, by_severity, line("began ", began, ", the newest ", last))))


def _firing(fact: StormCard) -> str:
    """How many groups fire now; empty once the storm is over, when the headline has the number."""
    if fact.storm.ended_at is not None:
        return ""
    if not fact.firing:
        return "None fires now"
    return f"{fact.firing:,} {'fires' if fact.firing == 1 else 'fire'} now, {fact.groups - fact.firing:,} resolved"


def _severity_count(fact: StormCard, severity: Severity) -> str:
    groups = sum(each.groups for each in fact.tallies if each.severity is severity)
    return f"{SEVERITY_EMOJI[severity]} {severity} {groups:,}"


def _tally(fact: Tally) -> Line:
    firing = f"{fact.firing:,} firing" if fact.firing else "all resolved"
    name = Strong(clip(clean(fact.title), _MAX_NAME_LENGTH))
    return join_dots(
        line(f"{SEVERITY_EMOJI[fact.severity]} {fact.severity} ", name), phrases.pluralize(fact.groups, "group"), firing
    )


def _folded_group(fact: FoldedGroup) -> Line:
    what = line(
        f"{SEVERITY_EMOJI[fact.severity]} ", Code(fact.id), f" {fact.severity} {clip(clean(fact.title), _MAX_NAME_LENGTH)}"
    )
    shown_elsewhere = {"", fact.title, fact.environment}
    own_labels = [
        f"{name}={clip(clean(value), _MAX_VALUE_LENGTH)}"
        for name, value in sorted(fact.labels.items())
        if value not in shown_elsewhere
    ]
    return join_dots(what, fact.environment, phrases.shortened(own_labels, max_names=3))


def _footer(fact: StormCard) -> Line:
    is_over = fact.storm.ended_at is not None
    list_hint = line("every one: ", CommandMention("alerts")) if fact.firing or not is_over else None
    return join_dots(Code(fact.storm.id), list_hint, None if is_over else "a P0 is never folded in here, it has its own card")
