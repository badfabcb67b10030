"""Slack's limits on messages and views. Blocks that ``fit`` returns are accepted by Slack.

The limits are those of slack_sdk's models; that on all texts of a message is undocumented and was met at about 13,200 characters.
"""

from collections.abc import Iterable
from typing import Any

from domain.text import and_more

SlackBlock = dict[str, Any]

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
BUTTON_VALUE = 2_000
CONFIRM = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
OPTIONS = 100
PLACEHOLDER = 150
OPTION = 75
OPTION_VALUE = 150
VIEW_TITLE = 24
LABEL = 150
HINT = 300
INPUT_VALUE = 3_000
PRIVATE_METADATA = 3_000

_FENCE = "```"


def text_length(text: str) -> int:
    """Characters as JavaScript counts them (an emoji is two): never less than Slack's own count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, max_length: int) -> str:
    """At most ``max_length`` characters of markup. A cut ends in an ellipsis and never inside an entity, a mention or a date."""
    if text_length(text) <= max_length:
        return text
    available = max_length - 1 - (len(_FENCE) + 1 if _FENCE in text else 0)
    shortened = text.encode("utf-16-le", "surrogatepass")[: available * 2].decode("utf-16-le", "ignore")
    if shortened.rfind("<") > shortened.rfind(">"):
        shortened = shortened[: shortened.rfind("<")]
    if shortened.rfind("&") > shortened.rfind(";"):
        shortened = shortened[: shortened.rfind("&")]
    shortened = shortened.rstrip("`").rstrip() + "…"
    return f"{shortened}\n{_FENCE}" if shortened.count(_FENCE) % 2 else shortened


def fit(
    blocks: Iterable[SlackBlock], *, max_blocks: int = MESSAGE_BLOCKS, max_characters: int = MESSAGE_CHARACTERS
) -> tuple[tuple[SlackBlock, ...], bool]:
    """The blocks within Slack's limits, and whether something was left out. Buttons and headers are left out last."""
    original = [each for each in blocks if not _is_empty(each)]
    fitted = [each for each in map(_fit_block, original) if not _is_empty(each)]
    shortened = fitted != original
    left_out = 0
    while len(fitted) + bool(left_out) > max_blocks or total_text_length(fitted) > max_characters:
        del fitted[_least_needed(fitted)]
        left_out += 1
    if left_out:
        fitted.append(_more_block(left_out))
    return tuple(fitted), shortened or bool(left_out)


def total_text_length(value: object) -> int:
    """Characters of all texts in a value, as Slack counts them for the limit on a message."""
    if isinstance(value, list | tuple):
        return sum(total_text_length(each) for each in value)
    if isinstance(value, dict):
        return sum(
            text_length(item) if key == "text" and isinstance(item, str) else total_text_length(item)
            for key, item in value.items()
        )
    return 0


def _least_needed(blocks: list[SlackBlock]) -> int:
    last = len(blocks) - 1
    return next((place for place in range(last, 0, -1) if blocks[place]["type"] not in {"actions", "header"}), last)


def _more_block(count: int) -> SlackBlock:
    text = f"{and_more(count)} {'part' if count == 1 else 'parts'}, not shown here"
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}


def _is_empty(block: SlackBlock) -> bool:
    kind = block["type"]
    if kind == "section":
        return not _has_text(block.get("text")) and not any(_has_text(each) for each in block.get("fields", []))
    if kind == "header":
        return not _has_text(block["text"])
    if kind == "context":
        return not any(_has_text(each) for each in block["elements"])
    return kind == "actions" and not block["elements"]


def _has_text(text: SlackBlock | None) -> bool:
    return bool(text and text["text"].strip())


def _fit_block(block: SlackBlock) -> SlackBlock:
    match block["type"]:
        case "section":
            return _fit_section(block)
        case "header":
            return block | {"text": _cut_text(block["text"], HEADER)}
        case "context":
            texts = [_cut_text(each, CONTEXT_TEXT) for each in block["elements"] if _has_text(each)]
            return block | {"elements": texts[:CONTEXT]}
        case "actions":
            return block | {
                "elements": [
                    _fit_element(element)
                    for element in block["elements"]
                    if text_length(element.get("value", "")) <= BUTTON_VALUE
                ][:ACTIONS]
            }
        case _:
            return block


def _fit_section(block: SlackBlock) -> SlackBlock:
    fitted = dict(block)
    if "text" in block:
        fitted["text"] = _cut_text(block["text"], SECTION)
    if "fields" in block:
        fitted["fields"] = [_cut_text(each, FIELD) for each in block["fields"] if _has_text(each)][:FIELDS]
    return fitted


def _cut_text(text: SlackBlock, max_length: int) -> SlackBlock:
    return text | {"text": cut(text["text"], max_length)}


def _fit_element(element: SlackBlock) -> SlackBlock:
    return _fit_select_menu(element) if element["type"] == "static_select" else _fit_button(element)


def _fit_select_menu(element: SlackBlock) -> SlackBlock:
    options = [
        option | {"text": _cut_text(option["text"], OPTION)}
        for option in element["options"]
        if text_length(option["value"]) <= OPTION_VALUE
    ]
    return element | {"placeholder": _cut_text(element["placeholder"], PLACEHOLDER), "options": options[:OPTIONS]}


def _fit_button(element: SlackBlock) -> SlackBlock:
    fitted = element | {"text": _cut_text(element["text"], BUTTON)}
    if "confirm" in element:
        confirm = element["confirm"]
        fitted["confirm"] = confirm | {
            key: _cut_text(confirm[key], max_length) for key, max_length in CONFIRM.items() if key in confirm
        }
    return fitted
