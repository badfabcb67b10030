"""What is measured: the newest numbers in words; the chart comes in a direct message."""

from bot.views.markup.document import Block, CodeBlock, Context, Document, Header, Paragraph
from bot.views.markup.spans import Line, Strong, join_dots, line
from bot.views.query_notices import notice_lines
from domain.answers.metrics import MetricAnswer, MetricLine
from domain.metrics.chart_text import describe_chart
from domain.metrics.metric_chart import MetricChart
from domain.metrics.slo import with_unit
from domain.rich_text import Timestamp
from domain.text import and_more, format_duration


def answer(fact: MetricAnswer) -> Document:
    """The series with the highest values first."""
    title = f"📈 {fact.title} in {fact.environment}"
    lines = tuple(_line(each, fact) for each in fact.lines)
    blocks: list[Block] = [Header(title)]
    if fact.problem:
        blocks.append(Paragraph((line("❔ ", fact.problem),)))
    elif lines:
        blocks.append(Paragraph(lines))
    else:
        blocks.append(Paragraph((line("No data: nothing has these labels, or nothing was measured in that time."),)))
    notices = notice_lines(fact.notices)
    blocks += [Paragraph(notices)] if notices else []
    blocks.append(CodeBlock((fact.expression,)))
    more = (fact.total or 0) - len(fact.lines)
    time = line("from ", Timestamp(fact.since), " to ", Timestamp(fact.until))
    blocks.append(Context(join_dots(line(and_more(more)) if more > 0 else (), fact.note, time)))
    return Document(summary=join_dots(title, *lines[:1]), blocks=tuple(blocks))


def chart(fact: MetricChart) -> Document:
    """The picture, and its numbers in words."""
    text = join_dots(Strong(fact.chart.title), describe_chart(fact.chart))
    return Document(summary=text, blocks=(Paragraph((text,)),), chart=fact.chart)


def _line(each: MetricLine, fact: MetricAnswer) -> Line:
    value = "no number" if each.value is None else with_unit(each.value, fact.unit)
    before = ""
    if fact.compared:
        was = "no data" if each.before is None else with_unit(each.before, fact.unit)
        before = f"{was} {format_duration(fact.compared)} before"
    ended = line("ended ", Timestamp(each.ended)) if each.ended else ""
    return join_dots(line(Strong(value), f" {each.name}" if each.name else ""), ended, before)
