"""The same pages as plain text, for the terminal and for files in a thread."""

import textwrap
from datetime import UTC, datetime, tzinfo

from bot.views.markup.document import Block, Buttons, Lines, Log, Page, Quote, Rule, Small, Title
from bot.views.markup.links import address
from bot.views.markup.mrkdwn import clean, clean_lines
from bot.views.markup.spans import Break, Code, Line, Link, Room, Span, Strong, Team, When, Who
from domain.people import BOT
from domain.redaction import redact


def text_of(page: Page, zone: tzinfo | None = None) -> str:
    """The whole page, nothing left out; ``zone`` adds the reader's own time. Ends without a newline."""
    parts = [_text(block, zone) for block in page.blocks]
    return redact("\n\n".join(part for part in parts if part.strip()))


def line_text(written: Line, zone: tzinfo | None = None) -> str:
    """One line of it."""
    return "".join(_span(span, zone) for span in written)


def when(at: datetime, zone: tzinfo | None = None) -> str:
    """`2026-11-23 14:02 UTC`, and `15:02 here` where the reader's zone differs."""
    at = at.astimezone(UTC)
    own = f" ({at.astimezone(zone):%H:%M} here)" if zone and at.astimezone(zone).utcoffset() else ""
    return f"{at:%Y-%m-%d %H:%M} UTC{own}"


def _text(block: Block, zone: tzinfo | None) -> str:  # noqa: PLR0911 -- one for each kind
    match block:
        case Title(text):
            return clean(text)
        case Lines(lines):
            return "\n".join(line_text(each, zone).replace("\n", "\n  ") for each in lines)
        case Quote(text):
            return f"> {clean(text)}" if text.strip() else ""
        case Log(lines):
            return textwrap.indent(clean_lines("\n".join(lines)), "    ")
        case Small(written):
            return line_text(written, zone)
        case Rule():
            return "-" * 40
        case Buttons():
            return ""


def _span(span: Span, zone: tzinfo | None) -> str:  # noqa: PLR0911 -- one for each kind
    match span:
        case str():
            return clean(span)
        case Strong(text) | Code(text):
            return clean(text)
        case When(at):
            return when(at, zone)
        case Who(person):
            return "deepecho" if person == BOT else f"@{clean(person.user_id)}"
        case Team(group_id):
            return f"@{clean(group_id)}"
        case Link(text, url):
            shown = address(url).replace("&amp;", "&")
            return f"{clean(text)} ({shown})" if shown else clean(text)
        case Room(channel):
            return f"#{clean(channel)}"
        case Break():
            return "\n"
