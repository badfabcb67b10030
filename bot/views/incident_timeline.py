"""The timeline of an incident as an answer."""

from bot.views import phrases
from bot.views.markup.document import Block, Context, Document, Header, Paragraph
from bot.views.markup.spans import Hyperlink, Line, Strong, join_dots, line, stack
from domain.incidents.timeline import TimelineEntry
from domain.incidents.timeline_edits import edit_note
from domain.incidents.timeline_report import MAX_SHOWN, IncidentTimeline
from domain.rich_text import Code, CommandMention, Timestamp, shorten

_MAX_TEXT_LENGTH = 300
"""Characters of one entry: four lines on a phone."""


def timeline(fact: IncidentTimeline) -> Document:
    """The entries in order; of a long timeline the newest ones."""
    count = phrases.pluralize(len(fact.entries), "entry").replace("entrys", "entries")
    if not fact.entries:
        summary = line(f"The timeline of {fact.incident_id} is empty.")
        return Document(summary=summary, blocks=(Paragraph((summary,)),))
    shown = fact.entries[-MAX_SHOWN:]
    blocks: list[Block] = [Header(f"🕰️ Timeline · {fact.title}"), Context(join_dots(Code(fact.incident_id), count))]
    if fact.is_filed:
        filed = f"The newest {len(shown)} are here; all of them are in a file in your direct messages."
        blocks.append(Paragraph((line(filed),)))
    blocks.append(Paragraph(tuple(map(_entry, shown)), max_lines=MAX_SHOWN))
    blocks.append(Context(line("to take one out: ", CommandMention(f"incident timeline drop {fact.incident_id} <number>"))))
    return Document(summary=line(f"Timeline of {fact.incident_id}: {count}"), blocks=tuple(blocks), overflows_to_file=False)


def _entry(entry: TimelineEntry) -> Line:
    link = Hyperlink("message", entry.permalink) if entry.permalink else None
    first = line(Strong(f"{entry.number}"), " ", Timestamp(entry.at), " ", shorten(entry.text, _MAX_TEXT_LENGTH))
    return stack(join_dots(first, edit_note(entry), link))
