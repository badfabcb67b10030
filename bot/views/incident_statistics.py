"""Statistics of incidents: numbers in words, and their chart."""

from bot.views import phrases
from bot.views.incident_card import SEVERITY_EMOJI
from bot.views.markup.document import Block, Context, Document, Header, Paragraph
from bot.views.markup.spans import Line, Strong, join_dots, line
from domain.incidents.statistics import MAX_INCIDENTS, Durations, IncidentStatistics, ReturnedCause, Week, chart_of, day_text
from domain.rich_text import Code
from domain.severities import Severity
from domain.text import format_duration

_MAX_WEEKS = 6
_SMALL = 10
"""With fewer incidents than this, the time of 9 in 10 is that of the slowest."""


def statistics(fact: IncidentStatistics) -> Document:
    """The numbers. The chart shows no more than they say."""
    time = f"{day_text(fact.since)} to {day_text(fact.until)}"
    count = phrases.pluralize(fact.total, "incident")
    if not fact.total:
        summary = line(f"No incident was declared from {time}.")
        return Document(summary=summary, blocks=(Paragraph((summary, *_notes(fact))),))
    blocks: list[Block] = [Header(f"📊 {count.capitalize()}"), Context(line(time)), Paragraph(_counts(fact))]
    blocks += [Paragraph(tuple(_durations(each) for each in fact.durations))]
    blocks += [Paragraph(more)] if (more := _more(fact)) else []
    blocks += [Paragraph(tuple(map(_week, fact.weeks[-_MAX_WEEKS:])))]
    blocks += [Paragraph(notes)] if (notes := _notes(fact)) else []
    return Document(summary=line(f"{count}, {time}"), blocks=tuple(blocks), overflows_to_file=False, chart=chart_of(fact))


def _counts(fact: IncidentStatistics) -> tuple[Line, ...]:
    counts = join_dots(*(f"{SEVERITY_EMOJI[each]} {each} {fact.counts[each]:,}" for each in Severity))
    still = line(f"{fact.unresolved:,} of them not resolved yet") if fact.unresolved else ()
    return tuple(filter(None, (line(Strong("By severity"), " ", counts), still)))


def _durations(fact: Durations) -> Line:
    head = line(Strong(f"To {fact.name}"), " ")
    if fact.median is None or fact.percentile_90 is None:
        return line(head, "it never came to that")
    if fact.count == 1:
        return line(head, f"{format_duration(fact.median)}, once")
    nine = f"9 of 10 within {format_duration(fact.percentile_90)}" if fact.count >= _SMALL else ""
    slowest = f"at most {format_duration(fact.percentile_90)}" if fact.count < _SMALL else ""
    return line(head, join_dots(f"half within {format_duration(fact.median)}", nine or slowest, f"{fact.count:,} times"))


def _more(fact: IncidentStatistics) -> tuple[Line, ...]:
    services = join_dots(*(f"{name} {count:,}" for name, count in fact.services))
    lines = [line(Strong("Services"), " ", services) if services else ()]
    lines += [line(Strong("Came back"), " ", _returned(each)) for each in fact.returned]
    if fact.pages is not None:
        pages = join_dots(*(f"{person} {count:,}" for person, count in fact.pages))
        lines.append(line(Strong("Pages"), " ", pages or "nobody was paged"))
    return tuple(filter(None, lines))


def _returned(cause: ReturnedCause) -> Line:
    times = f"{cause.incidents:,} incidents" if cause.incidents > 1 else ""
    reopened = f"reopened {phrases.pluralize(cause.reopened, 'time')}" if cause.reopened else ""
    ids = [span for number, each in enumerate(cause.ids) for span in ((", ", Code(each)) if number else (Code(each),))]
    return join_dots(cause.name, times, reopened, line(*ids))


def _week(week: Week) -> Line:
    counts = [f"{each} {week.counts[each]:,}" for each in Severity if week.counts.get(each)]
    return line(Strong(f"Week of {week.monday.day} {week.monday:%b}"), " ", join_dots(*counts) if counts else "none")


def _notes(fact: IncidentStatistics) -> tuple[Line, ...]:
    hidden = max(0, len(fact.weeks) - _MAX_WEEKS) if fact.total else 0
    notes = [
        f"The {phrases.pluralize(hidden, 'earlier week')} are in the chart." if hidden > 1 else "",
        "The earlier week is in the chart." if hidden == 1 else "",
        f"Only the newest {MAX_INCIDENTS:,} are counted." if fact.is_cut else "",
        "Security incidents that you may not see are not counted." if fact.without_security else "",
        "The chart is in your direct messages." if fact.chart_sent else "",
    ]
    return tuple(line(note) for note in notes if note)
