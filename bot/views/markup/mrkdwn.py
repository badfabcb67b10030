"""Slack's markup: every text of others is redacted, cleaned and escaped here, on its way into a message."""

import re
from datetime import UTC, datetime

from bot.views.markup.links import address
from bot.views.markup.spans import Break, Code, Line, Link, Room, Span, Strong, Team, When, Who
from domain.people import BOT, Person
from domain.redaction import redact

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, the terminal's escape among them
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that turn the direction of the text after them
    "\ud800-\udfff\ufeff\ufffe\uffff]"
)
_SPACES = re.compile(r"\s+")
_USER = re.compile(r"[UW][A-Z0-9]{2,20}")
_TEAM = re.compile(r"S[A-Z0-9]{2,20}")
_CHANNEL = re.compile(r"[CDG][A-Z0-9]{2,20}")
_BAR_WIDTH = 9

MOST = 600
"""Characters of one text within a line: a phone shows about this much at once."""


LINK_TEXT = 80
"""Characters of what a link is called."""


def clean(text: str) -> str:
    """The text on one line, without secrets and without characters that nobody sees."""
    return _SPACES.sub(" ", clean_lines(text))


def clean_lines(text: str) -> str:
    """The same, keeping its lines: a private key is only recognised while they are together."""
    return redact(_UNSEEN.sub("", text.replace("\r\n", "\n")))


def clip(text: str, most: int) -> str:
    """At most ``most`` characters, the last an ellipsis where something is left out."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def escape(text: str) -> str:
    """Nothing in the text is markup of Slack's any more: no mention, no link, no entity."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def words(text: str, most: int = MOST) -> str:
    """At most ``most`` characters of what somebody wrote. Secrets go before the cut: half of one would not be recognised."""
    return escape(clip(clean(text), most).replace("```", "'''"))


def plain(text: str) -> str:
    """For plain text objects (headers, buttons): look-alikes, because entities are not reliably undone there."""
    return clean(text).replace("<", "‹").replace(">", "›")  # noqa: RUF001 -- look-alikes are the point


def code(text: str, most: int = MOST) -> str:
    """In code font, on one line. A backtick would end it, so it becomes an apostrophe."""
    inside = words(text, most).replace("`", "'").strip()
    return f"`{inside}`" if inside else ""


def code_block(text: str) -> str:
    """Lines of a program. A zero-width space keeps two backticks from meeting, so that nothing ends the block early."""
    inside = escape(clean_lines(text)).replace("`", "`\u200b")
    return f"```\n{inside}\n```"


def strong(text: str, most: int = MOST) -> str:
    """Bold, where the text itself does not get in the way."""
    inside = words(text, most).strip()
    return f"*{inside}*" if inside and not set("*`") & set(inside) else inside


def when(at: datetime, *, is_today: bool = False) -> str:
    """`yesterday 15:02 (14:02 UTC)`, or `15:02 (14:02 UTC)`: the reader's own clock, and the one that everybody shares."""
    at = at.astimezone(UTC)
    shown = "{time}" if is_today else "{date_short_pretty} {time}"
    return f"<!date^{int(at.timestamp())}^{shown}|{at:%Y-%m-%d %H:%M}> ({at:%H:%M} UTC)"


def mention(person: Person) -> str:
    """The person's name, as the workspace shows it."""
    if person == BOT:
        return "deepecho"
    return f"<@{person.user_id}>" if _USER.fullmatch(person.user_id) else escape(clean(person.user_id))


def team(group_id: str) -> str:
    """The user group, called by its id."""
    return f"<!subteam^{group_id}>" if _TEAM.fullmatch(group_id) else escape(clean(group_id))


def link(text: str, url: str) -> str:
    """The text, to be tapped. An address in which something looks like a secret would arrive masked, so it is left out too."""
    shown, target = words(text, LINK_TEXT).strip(), address(url)
    made = f"<{target}|{shown}>"
    return made if shown and target and redact(made) == made else shown


def bar(done: int, of: int) -> str:
    """`▓▓▓▓▓▓░░░`: full only when all of it is done, empty only when none is."""
    if of <= 0:
        return ""
    filled = min(_BAR_WIDTH, max(0, done) * _BAR_WIDTH // of)
    if done > 0:
        filled = max(1, filled)
    return "▓" * filled + "░" * (_BAR_WIDTH - filled)


def write(written: Line, most: int = MOST) -> str:
    """One line in Slack's markup, each of its texts at most ``most`` characters before escaping."""
    return "".join(_write(span, most) for span in written)


def is_longer(written: Line, most: int = MOST) -> bool:
    """Whether ``write`` leaves something out."""
    texts = (_text(span) for span in written)
    return any(len(text) > most and len(clean(text)) > most for text in texts)


def _text(span: Span) -> str:
    return span if isinstance(span, str) else span.text if isinstance(span, Strong | Code) else ""


def _write(span: Span, most: int) -> str:  # noqa: PLR0911 -- one for each kind
    match span:
        case str():
            return words(span, most)
        case Strong(text):
            return strong(text, most)
        case Code(text):
            return code(text, most)
        case When(at, is_today):
            return when(at, is_today=is_today)
        case Who(person):
            return mention(person)
        case Team(group_id):
            return team(group_id)
        case Link(text, url):
            return link(text, url)
        case Room(channel):
            return f"<#{channel}>" if _CHANNEL.fullmatch(channel) else escape(clean(channel))
        case Break():
            return "\n"
