"""Messages and forms as the local Slack's page can draw them: what it does not know is told in what it does."""

import html
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.slack import people
from sandbox.slack.errors import Json
from sandbox.slack.page_elements import draw_element
from sandbox.slack.page_rich_text import rich_text_as_mrkdwn

_DATE = re.compile(r"<!date\^(-?\d+)\^([^|>^]*)(?:\^([^|>]*))?\|?([^>]*)>")
_SPECIAL = re.compile(r"<!(here|channel|everyone)(?:\|[^>]*)?>")
_SUBTEAM = re.compile(r"<!subteam\^([A-Z0-9]+)(?:\|[^>]*)?>")
_FENCE = re.compile(r"\n?```\n?(.*?)\n?```\n?", re.DOTALL)
_FORMATS = {
    "{date_num}": "%Y-%m-%d",
    "{date}": "%B %-d, %Y",
    "{date_short}": "%b %-d, %Y",
    "{date_long}": "%A, %B %-d, %Y",
    "{date_pretty}": "%B %-d, %Y",
    "{date_short_pretty}": "%b %-d, %Y",
    "{date_long_pretty}": "%A, %B %-d, %Y",
    "{day_divider_pretty}": "%A, %B %-d",
    "{time}": "%H:%M",
    "{time_secs}": "%H:%M:%S",
}
_NEARBY_DAYS = {timedelta(days=-1): "yesterday", timedelta(0): "today", timedelta(days=1): "tomorrow"}
"""What the pretty dates say instead, as in Slack."""
_ZERO_WIDTH_SPACE = "\u200b"
FENCED = "\u2063"  # page.js makes one box of neighbouring lines that begin with it
_LOOKS_LIKE_ASTERISK = "\u2217"
_LOOKS_LIKE_TILDE = "\u223c"


def draw_message(message: Json, reader: str) -> Json:
    """A message as ``reader`` (a user id) sees it."""
    drawn = {**message, "text": draw_text(message.get("text") or "", reader)}
    blocks = [*(message.get("blocks") or [])]
    for attachment in message.get("attachments") or []:
        blocks += attachment.get("blocks") or _attachment_text(attachment)
    if blocks:
        drawn["blocks"] = draw_blocks(blocks, reader)
    return drawn


def draw_view(view: Json, reader: str) -> Json:
    """A form or Home tab as ``reader`` sees it. The page needs no more than the words and the blocks."""
    return {**view, "blocks": draw_blocks(view["blocks"], reader, is_form=view["type"] == "modal")}


def draw_errors(view: Json, errors: Json) -> Json:
    """What is wrong with a form by the label that a person reads, not by block id."""
    labels = {block["block_id"]: block["label"]["text"] for block in view["blocks"] if block["type"] == "input"}
    return {labels.get(block_id, block_id): problem for block_id, problem in errors.items()}


def draw_blocks(blocks: list[Json], reader: str, *, is_form: bool = False) -> list[Json]:
    return [_draw_block(block, reader, is_form=is_form) for block in blocks]


def _draw_block(block: Json, reader: str, *, is_form: bool) -> Json:
    if block["type"] == "rich_text":
        block = {"type": "section", "block_id": block.get("block_id"), "text": _mrkdwn(rich_text_as_mrkdwn(block))}
    elif block["type"] == "markdown":
        block = {"type": "section", "block_id": block.get("block_id"), "text": _mrkdwn(_from_markdown(block["text"]))}
    drawn: Json = _draw_texts(block, reader)
    if drawn["type"] == "actions":
        drawn["elements"] = [draw_element(element, is_input=False) for element in drawn["elements"]]
    for key in ("accessory", "element"):
        if isinstance(drawn.get(key), dict):
            drawn[key] = draw_element(drawn[key], is_input=is_form and key == "element")
    return drawn


def _draw_texts(value: Json, reader: str) -> Json:
    """Every text object in ``value`` redrawn, values and ids untouched."""
    if value.get("type") in {"mrkdwn", "plain_text"} and isinstance(value.get("text"), str):
        text = value["text"]
        return {**value, "text": html.unescape(text) if value["type"] == "plain_text" else draw_text(text, reader)}
    drawn: Json = {}
    for key, item in value.items():
        if isinstance(item, dict):
            drawn[key] = _draw_texts(item, reader)
        elif isinstance(item, list):
            drawn[key] = [_draw_texts(part, reader) if isinstance(part, dict) else part for part in item]
        else:
            drawn[key] = item
    return drawn


def draw_text(text: str, reader: str) -> str:
    """Slack's mark-up with dates in the reader's zone, groups by name, and code line by line."""
    person = people.find_user(reader)
    zone = ZoneInfo(person.tz if person else "Etc/UTC")
    text = _DATE.sub(lambda found: _date(found, zone), text)
    text = _SPECIAL.sub(r"@\1", text)
    text = _SUBTEAM.sub(_group_name, text)
    text = _FENCE.sub(_code_lines, text)
    return text.replace("&lt;", f"<{_ZERO_WIDTH_SPACE}").replace("&gt;", ">").replace("&amp;", "&")


def _date(found: re.Match[str], zone: ZoneInfo) -> str:
    moment = datetime.fromtimestamp(int(found[1]), zone)
    near = _NEARBY_DAYS.get(moment.date() - datetime.now(zone).date())
    text = found[2]
    for token, pattern in _FORMATS.items():
        text = text.replace(token, near if near and token.endswith("_pretty}") else moment.strftime(pattern))
    text = text.replace("{ago}", found[4] or moment.strftime("%H:%M"))
    return f"<{found[3]}|{text}>" if found[3] else text


def _group_name(found: re.Match[str]) -> str:
    return next((f"@{group.handle}" for group in people.GROUPS if group.id == found[1]), found[0])


def _code_lines(found: re.Match[str]) -> str:
    """The page knows code only within a line; marks inside it are kept from becoming bold or emoji."""
    lines = found[1].replace("`", "'").split("\n")
    code = "\n".join(f"`{FENCED}{_neutralize_markup(line) or ' '}`" for line in lines)
    return f"{code}\n" if found.start() == 0 else f"\n{code}\n"


def _neutralize_markup(line: str) -> str:
    line = line.replace("*", _LOOKS_LIKE_ASTERISK).replace("~", _LOOKS_LIKE_TILDE)
    line = re.sub(r"(^|[\s(])_", rf"\1{_ZERO_WIDTH_SPACE}_", line)
    return re.sub(r":(?=[\w+-]+:)", f":{_ZERO_WIDTH_SPACE}", line)


def _from_markdown(text: str) -> str:
    text = re.sub(r"^#{1,6}\s+(.+)$", r"*\1*", text, flags=re.MULTILINE)
    text = re.sub(r"\[([^\]]+)\]\((https?://[^)]+)\)", r"<\2|\1>", text)
    text = re.sub(r"\*\*(.+?)\*\*", r"*\1*", text)
    return re.sub(r"^\s*[-*]\s+", "• ", text, flags=re.MULTILINE)


def _mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def _attachment_text(attachment: Json) -> list[Json]:
    parts = [str(attachment[key]) for key in ("pretext", "title", "text") if attachment.get(key)]
    parts += [f"*{field.get('title', '')}* {field.get('value', '')}" for field in attachment.get("fields", [])]
    text = "\n".join(parts) or str(attachment.get("fallback", ""))
    return [{"type": "section", "text": _mrkdwn(text)}] if text else []
