"""Renders lines as Slack's mrkdwn. External text is redacted, cleaned and escaped here."""

import re
from datetime import UTC, datetime

from bot.views.markup.links import safe_url
from bot.views.markup.spans import SLASH_COMMAND, Hyperlink, Line, LineBreak, Span, Strong
from domain.people import BOT, Person
from domain.redaction import redact
from domain.rich_text import ChannelMention, Code, CommandMention, GroupMention, Timestamp, UserMention
from domain.text import clip

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, such as terminal escapes
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that change the text direction
    "\ud800-\udfff\ufeff\ufffe\uffff]"
)
_SPACES = re.compile(r"\s+")
_USER = re.compile(r"[UW][A-Z0-9]{2,20}")
_USER_GROUP = re.compile(r"S[A-Z0-9]{2,20}")
_CHANNEL = re.compile(r"[CDG][A-Z0-9]{2,20}")
_BAR_WIDTH = 9

MAX_SPAN_LENGTH = 600
"""Characters of one text within a line: about one screen of a phone."""

MAX_LINK_TEXT_LENGTH = 80
"""Characters of a link's text."""


def clean(text: str) -> str:
    """The text on one line, without secrets and invisible characters."""
    return _SPACES.sub(" ", clean_lines(text))


def clean_lines(text: str) -> str:
    """The text without secrets and invisible characters, with its line breaks: a private key spans several lines."""
    return redact(_INVISIBLE.sub("", text.replace("\r\n", "\n")))


def escape(text: str) -> str:
    """The text with ``&``, ``<`` and ``>`` escaped, so that it has no mention, link or entity."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def user_text(text: str, max_length: int = MAX_SPAN_LENGTH) -> str:
    """At most ``max_length`` characters of external text, escaped. It is redacted before the cut: half a secret is not found."""
    return escape(clip(clean(text), max_length).replace("```", "'''"))


def plain(text: str) -> str:
    """Text for plain text objects (headers, buttons). Look-alikes replace brackets: Slack does not reliably unescape there."""
    return clean(text).replace("<", "‹").replace(">", "›")  # noqa: RUF001 -- look-alikes are the point


def code(text: str, max_length: int = MAX_SPAN_LENGTH) -> str:
    """Inline code on one line. A backtick would end it, so it becomes an apostrophe."""
    inside = user_text(text, max_length).replace("`", "'").strip()
    return f"`{inside}`" if inside else ""


def code_block(text: str) -> str:
    """A code block. A zero-width space after each backtick keeps the text from ending the block."""
    inside = escape(clean_lines(text)).replace("`", "`\u200b")
    return f"```\n{inside}\n```"


def strong(text: str, max_length: int = MAX_SPAN_LENGTH) -> str:
    """Bold text; plain where the text has ``*`` or a backtick, which would break the markup."""
    inside = user_text(text, max_length).strip()
    return f"*{inside}*" if inside and not set("*`") & set(inside) else inside


def timestamp(at: datetime, *, time_only: bool = False) -> str:
    """`yesterday 15:02 (14:02 UTC)`, or `15:02 (14:02 UTC)`: in the reader's time zone and in UTC."""
    at = at.astimezone(UTC)
    date_format = "{time}" if time_only else "{date_short_pretty} {time}"
    return f"<!date^{int(at.timestamp())}^{date_format}|{at:%Y-%m-%d %H:%M}> ({at:%H:%M} UTC)"


def user_mention(person: Person) -> str:
    """A mention of the person, which Slack shows by their display name."""
    if person == BOT:
        return "deepecho"
    return f"<@{person.user_id}>" if _USER.fullmatch(person.user_id) else escape(clean(person.user_id))


def group_mention(group_id: str) -> str:
    """A mention of the user group."""
    return f"<!subteam^{group_id}>" if _USER_GROUP.fullmatch(group_id) else escape(clean(group_id))


def link(text: str, url: str) -> str:
    """A link; the text alone where the URL is unsafe or contains something like a secret, which redaction would mask."""
    label, target = user_text(text, MAX_LINK_TEXT_LENGTH).strip(), safe_url(url)
    markup = f"<{target}|{label}>"
    return markup if label and target and redact(markup) == markup else label


def progress_bar(done: int, of: int) -> str:
    """`▓▓▓▓▓▓░░░`: full only when ``done`` reaches ``of``, empty only at zero."""
    if of <= 0:
        return ""
    filled = min(_BAR_WIDTH, max(0, done) * _BAR_WIDTH // of)
    if done > 0:
        filled = max(1, filled)
    return "▓" * filled + "░" * (_BAR_WIDTH - filled)


def to_mrkdwn(line: Line, max_length: int = MAX_SPAN_LENGTH) -> str:
    """One line in mrkdwn; each of its texts is at most ``max_length`` characters before escaping."""
    return "".join(_span_to_mrkdwn(span, max_length) for span in line)


def is_truncated(line: Line, max_length: int = MAX_SPAN_LENGTH) -> bool:
    """Whether ``to_mrkdwn`` leaves something out."""
    texts = (_text(span) for span in line)
    return any(len(text) > max_length and len(clean(text)) > max_length for text in texts)


def _text(span: Span) -> str:
    match span:
        case str(text) | Strong(text) | Code(text) | CommandMention(text):
            return text
        case _:
            return ""


def _span_to_mrkdwn(span: Span, max_length: int) -> str:  # noqa: C901, PLR0911 -- one for each kind
    match span:
        case str():
            return user_text(span, max_length)
        case Strong(text):
            return strong(text, max_length)
        case Code(text):
            return code(text, max_length)
        case CommandMention(command):
            return code(f"{SLASH_COMMAND} {command}", max_length)
        case Timestamp(at, time_only):
            return timestamp(at, time_only=time_only)
        case UserMention(person):
            return user_mention(person)
        case GroupMention(group_id):
            return group_mention(group_id)
        case Hyperlink(text, url):
            return link(text, url)
        case ChannelMention(channel):
            return f"<#{channel}>" if _CHANNEL.fullmatch(channel) else escape(clean(channel))
        case LineBreak():
            return "\n"
