"""Slack's limits on messages and views, kept in one place: what leaves here is accepted.

Numbers: slack_sdk's models; the sum over all blocks is undocumented and was met at about 13,200 characters.
"""

from collections.abc import Iterable
from typing import Any

Block = dict[str, Any]

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
MESSAGE_CHARACTERS = 12_500
VIEW_CHARACTERS = 60_000
SUMMARY = 300
SECTION = 3_000
FIELDS = 10
FIELD = 2_000
HEADER = 150
CONTEXT = 10
CONTEXT_TEXT = 2_000
ACTIONS = 25
BUTTON = 75
VALUE = 2_000
CONFIRM = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
OPTIONS = 100
PLACEHOLDER = 150
OPTION = 75
OPTION_VALUE = 150
VIEW_WORD = 24
LABEL = 150
HINT = 300
INPUT_VALUE = 3_000
PRIVATE_METADATA = 3_000

_FENCE = "```"


def size(text: str) -> int:
    """Characters as JavaScript counts them (an emoji is two): never less than Slack's own count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, most: int) -> str:
    """At most ``most`` characters of markup, ending in an ellipsis, never inside an entity, a mention, a date or a code block."""
    if size(text) <= most:
        return text
    room = most - 1 - (len(_FENCE) + 1 if _FENCE in text else 0)
    kept = text.encode("utf-16-le", "surrogatepass")[: room * 2].decode("utf-16-le", "ignore")
    if kept.rfind("<") > kept.rfind(">"):
        kept = kept[: kept.rfind("<")]
    if kept.rfind("&") > kept.rfind(";"):
        kept = kept[: kept.rfind("&")]
    kept = kept.rstrip("`").rstrip() + "…"
    return f"{kept}\n{_FENCE}" if kept.count(_FENCE) % 2 else kept


def fit(
    blocks: Iterable[Block], *, most: int = MESSAGE_BLOCKS, characters: int = MESSAGE_CHARACTERS
) -> tuple[tuple[Block, ...], bool]:
    """The blocks as Slack accepts them, and whether something had to be left out. Buttons and headlines stay longest."""
    given = [each for each in blocks if not _is_empty(each)]
    kept = [each for each in map(_fitted, given) if not _is_empty(each)]
    shortened = kept != given
    left_out = 0
    while len(kept) + bool(left_out) > most or weight(kept) > characters:
        del kept[_least_needed(kept)]
        left_out += 1
    if left_out:
        kept.append(_more(left_out))
    return tuple(kept), shortened or bool(left_out)


def weight(value: object) -> int:
    """Characters of all texts in a value, as the sum over all blocks counts them."""
    if isinstance(value, list | tuple):
        return sum(weight(each) for each in value)
    if isinstance(value, dict):
        return sum(size(each) if key == "text" and isinstance(each, str) else weight(each) for key, each in value.items())
    return 0


def _least_needed(blocks: list[Block]) -> int:
    last = len(blocks) - 1
    return next((place for place in range(last, 0, -1) if blocks[place]["type"] not in {"actions", "header"}), last)


def _more(count: int) -> Block:
    text = f"and {count} more {'part' if count == 1 else 'parts'}, not shown here"
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}


def _is_empty(block: Block) -> bool:
    kind = block["type"]
    if kind == "section":
        return not _has_text(block.get("text")) and not any(_has_text(each) for each in block.get("fields", []))
    if kind == "header":
        return not _has_text(block["text"])
    if kind == "context":
        return not any(_has_text(each) for each in block["elements"])
    return kind == "actions" and not block["elements"]


def _has_text(text: Block | None) -> bool:
    return bool(text and text["text"].strip())


def _fitted(block: Block) -> Block:
    match block["type"]:
        case "section":
            return _section(block)
        case "header":
            return block | {"text": _text(block["text"], HEADER)}
        case "context":
            texts = [_text(each, CONTEXT_TEXT) for each in block["elements"] if _has_text(each)]
            return block | {"elements": texts[:CONTEXT]}
        case "actions":
            return block | {
                "elements": [_element(each) for each in block["elements"] if size(each.get("value", "")) <= VALUE][:ACTIONS]
            }
        case _:
            return block


def _section(block: Block) -> Block:
    fitted = dict(block)
    if "text" in block:
        fitted["text"] = _text(block["text"], SECTION)
    if "fields" in block:
        fitted["fields"] = [_text(each, FIELD) for each in block["fields"] if _has_text(each)][:FIELDS]
    return fitted


def _text(text: Block, most: int) -> Block:
    return text | {"text": cut(text["text"], most)}


def _element(element: Block) -> Block:
    return _menu(element) if element["type"] == "static_select" else _button(element)


def _menu(element: Block) -> Block:
    options = [each | {"text": _text(each["text"], OPTION)} for each in element["options"] if size(each["value"]) <= OPTION_VALUE]
    return element | {"placeholder": _text(element["placeholder"], PLACEHOLDER), "options": options[:OPTIONS]}


def _button(element: Block) -> Block:
    fitted = element | {"text": _text(element["text"], BUTTON)}
    if "confirm" in element:
        asked = element["confirm"]
        fitted["confirm"] = asked | {key: _text(asked[key], most) for key, most in CONFIRM.items() if key in asked}
    return fitted
