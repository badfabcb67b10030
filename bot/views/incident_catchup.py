"""The catch-up of an incident, as one person reads it: on a phone, in a terminal."""

from bot.views.incident_card import SEVERITY_EMOJI
from bot.views.markup.document import Context, Document, Header, Paragraph
from bot.views.markup.spans import Line, Strong, join_dots, line
from domain.incidents.catchup import Catchup, CatchupLine
from domain.rich_text import Code, CommandMention, Timestamp


def catchup(fact: Catchup) -> Document:
    """At most ten lines, and the command that repeats them."""
    emoji = "✅" if fact.is_over else SEVERITY_EMOJI[fact.severity]
    title = f"{emoji} {fact.severity} · {fact.title}"
    again = line("again: ", CommandMention(f"incident catchup {fact.incident_id}"))
    return Document(
        summary=join_dots(f"Catch-up: {title}", fact.incident_id),
        blocks=(
            Header(title),
            Paragraph(tuple(map(_line, fact.lines))),
            Context(join_dots(Code(fact.incident_id), line("as of ", Timestamp(fact.at, time_only=True)), again)),
        ),
        overflows_to_file=False,
    )


def _line(each: CatchupLine) -> Line:
    return line(Strong(each.label), " ", each.text) if each.label else line("· ", each.text)
