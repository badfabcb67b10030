"""Renders documents as plain text, for the terminal and for files in a thread."""

import textwrap
from datetime import UTC, datetime, tzinfo

from bot.views.markup.document import Actions, Block, CodeBlock, Context, Divider, Document, Header, Paragraph, Quote
from bot.views.markup.links import safe_url
from bot.views.markup.mrkdwn import clean, clean_lines
from bot.views.markup.spans import SLASH_COMMAND, Hyperlink, Line, LineBreak, Span, Strong
from domain.people import BOT
from domain.redaction import redact
from domain.rich_text import ChannelMention, Code, CommandMention, GroupMention, Timestamp, UserMention


def text_of(page: Document, zone: tzinfo | None = None) -> str:
    """The whole document without a final newline. ``zone`` adds the time in the reader's zone."""
    parts = [_text(block, zone) for block in page.blocks]
    return redact("\n\n".join(part for part in parts if part.strip()))


def line_text(line: Line, zone: tzinfo | None = None) -> str:
    """One line as plain text."""
    return "".join(_span(span, zone) for span in line)


def timestamp(at: datetime, zone: tzinfo | None = None) -> str:
    """`2026-11-23 14:02 UTC`, and `15:02 here` where the reader's zone differs."""
    at = at.astimezone(UTC)
    own = f" ({at.astimezone(zone):%H:%M} here)" if zone and at.astimezone(zone).utcoffset() else ""
    return f"{at:%Y-%m-%d %H:%M} UTC{own}"


def _text(block: Block, zone: tzinfo | None) -> str:  # noqa: PLR0911 -- one for each kind
    match block:
        case Header(text):
            return clean(text)
        case Paragraph(lines):
            return "\n".join(line_text(each, zone).replace("\n", "\n  ") for each in lines)
        case Quote(text):
            return f"> {clean(text)}" if text.strip() else ""
        case CodeBlock(lines):
            return textwrap.indent(clean_lines("\n".join(lines)), "    ")
        case Context(line):
            return line_text(line, zone)
        case Divider():
            return "-" * 40
        case Actions():
            return ""


def _span(span: Span, zone: tzinfo | None) -> str:  # noqa: PLR0911 -- one for each kind
    match span:
        case str():
            return clean(span)
        case Strong(text) | Code(text):
            return clean(text)
        case CommandMention(command):
            return clean(f"{SLASH_COMMAND} {command}")
        case Timestamp(at):
            return timestamp(at, zone)
        case UserMention(person):
            return "deepecho" if person == BOT else f"@{clean(person.user_id)}"
        case GroupMention(group_id):
            return f"@{clean(group_id)}"
        case Hyperlink(text, url):
            target = safe_url(url).replace("&amp;", "&")
            return f"{clean(text)} ({target})" if target else clean(text)
        case ChannelMention(channel):
            return f"#{clean(channel)}"
        case LineBreak():
            return "\n"
