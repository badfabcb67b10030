"""The rules of single blocks: where each may stand, what it must hold and how long it may be."""

from collections.abc import Callable
from typing import Literal

from sandbox.slack.errors import Json
from sandbox.slack.limits_elements import (
    ACTIONS_ELEMENTS,
    INPUT_ELEMENTS,
    SECTION_ELEMENTS,
    check_element,
    check_image,
    check_text,
    too_long,
)

Surface = Literal["message", "modal", "home"]

_EVERYWHERE = {"actions", "context", "divider", "header", "image", "input", "rich_text", "section", "video"}
_ALLOWED: dict[str, set[str]] = {
    "message": _EVERYWHERE | {"markdown", "table", "context_actions", "file"},
    "modal": _EVERYWHERE,
    "home": _EVERYWHERE,
}
SECTION_TEXT = 3_000
FIELDS = 10
FIELD_TEXT = 2_000
HEADER_TEXT = 150
CONTEXT_ELEMENTS = 10
ACTIONS = 25
LABEL = 2_000
MARKDOWN = 12_000


def check_block(block: object, surface: Surface, place: str) -> list[str]:
    """What is wrong with one block, in Slack's words."""
    if not isinstance(block, dict):
        return [f"must be an object [json-pointer:{place}]"]
    kind = block.get("type")
    if kind not in _ALLOWED[surface]:
        return [f"unsupported type: {kind} [json-pointer:{place}/type]"]
    check = _CHECKS.get(kind)
    errors = check(block, place) if check else []
    return errors + too_long(block.get("block_id"), 255, f"{place}/block_id")


def _section(block: Json, place: str) -> list[str]:
    errors: list[str] = []
    text, fields, accessory = block.get("text"), block.get("fields"), block.get("accessory")
    if text is None and not fields:
        errors.append(f"missing required field: text or fields [json-pointer:{place}]")
    if text is not None:
        errors += check_text(text, f"{place}/text", SECTION_TEXT)
    if fields is not None:
        errors += _items(fields, FIELDS, f"{place}/fields")
        for number, field in enumerate(fields if isinstance(fields, list) else []):
            errors += check_text(field, f"{place}/fields/{number}", FIELD_TEXT)
    if accessory is not None:
        errors += check_element(accessory, SECTION_ELEMENTS, f"{place}/accessory")
    return errors


def _header(block: Json, place: str) -> list[str]:
    return check_text(block.get("text"), f"{place}/text", HEADER_TEXT, plain=True)


def _context(block: Json, place: str) -> list[str]:
    elements = block.get("elements")
    errors = _items(elements, CONTEXT_ELEMENTS, f"{place}/elements")
    for number, element in enumerate(elements if isinstance(elements, list) else []):
        where = f"{place}/elements/{number}"
        is_image = isinstance(element, dict) and element.get("type") == "image"
        errors += check_image(element, where) if is_image else check_text(element, where, SECTION_TEXT)
    return errors


def _actions(block: Json, place: str) -> list[str]:
    elements = block.get("elements")
    errors = _items(elements, ACTIONS, f"{place}/elements")
    seen: set[str] = set()
    for number, element in enumerate(elements if isinstance(elements, list) else []):
        where = f"{place}/elements/{number}"
        errors += check_element(element, ACTIONS_ELEMENTS, where)
        action_id = element.get("action_id") if isinstance(element, dict) else None
        if action_id in seen:
            errors.append(f"`action_id` must be unique within its block [json-pointer:{where}/action_id]")
        if action_id:
            seen.add(action_id)
    return errors


def _input(block: Json, place: str) -> list[str]:
    errors = check_text(block.get("label"), f"{place}/label", LABEL, plain=True)
    if block.get("hint") is not None:
        errors += check_text(block["hint"], f"{place}/hint", LABEL, plain=True)
    return errors + check_element(block.get("element"), INPUT_ELEMENTS, f"{place}/element")


def _image(block: Json, place: str) -> list[str]:
    errors = check_image(block, place)
    if block.get("title") is not None:
        errors += check_text(block["title"], f"{place}/title", 2_000, plain=True)
    return errors


def _markdown(block: Json, place: str) -> list[str]:
    text = block.get("text")
    if not isinstance(text, str) or not text:
        return [f"missing required field: text [json-pointer:{place}]"]
    return too_long(text, MARKDOWN, f"{place}/text")


def _rich_text(block: Json, place: str) -> list[str]:
    known = {"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"}
    elements = block.get("elements")
    if not isinstance(elements, list):
        return [f"missing required field: elements [json-pointer:{place}]"]
    return [
        f"unsupported type: {element.get('type')} [json-pointer:{place}/elements/{number}/type]"
        for number, element in enumerate(elements)
        if element.get("type") not in known
    ]


def _items(value: object, most: int, place: str) -> list[str]:
    if not isinstance(value, list) or not value:
        return [f"no less than 1 items allowed [json-pointer:{place}]"]
    return [] if len(value) <= most else [f"no more than {most} items allowed [json-pointer:{place}]"]


_CHECKS: dict[str, Callable[[Json, str], list[str]]] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "input": _input,
    "image": _image,
    "markdown": _markdown,
    "rich_text": _rich_text,
}
