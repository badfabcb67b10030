"""What a person reads in a message, and what a phone would let them tap."""

import re
from collections.abc import Iterator
from typing import Any

from bot.views.markup.message import Message

Json = dict[str, Any]

_TOKEN = re.compile(r"<([^>]*)>")
_DATE = re.compile(r"!date\^\d+\^(\{date_short_pretty\} )?\{time\}\|\d{4}-\d\d-\d\d \d\d:\d\d")


def text_objects(value: Any) -> Iterator[Json]:
    """Every text object, however deep."""
    if isinstance(value, dict):
        if value.get("type") in {"plain_text", "mrkdwn"}:
            yield value
        for item in value.values():
            yield from text_objects(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from text_objects(item)


def visible_text(message: Message) -> str:
    """All that stands in the message, in order, without what its buttons would ask."""
    shown = [block for block in message.blocks if block["type"] != "actions"]
    return "\n".join(text["text"] for text in text_objects(shown))


def buttons(blocks: Any) -> dict[str, Json]:
    """The buttons and menus by what is written on them."""
    elements = [each for block in blocks if block["type"] == "actions" for each in block["elements"]]
    return {(each.get("text") or each["placeholder"])["text"]: each for each in elements}


def markup_tokens(blocks: Any, text: str = "") -> list[str]:
    """What Slack would treat as markup of its own: mentions, links, channels. Dates are left out."""
    written = [each["text"] for each in text_objects(blocks) if each["type"] == "mrkdwn"]
    found = [token for each in [*written, text] for token in _TOKEN.findall(each)]
    return [token for token in found if not _DATE.fullmatch(token)]
