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
    length_errors,
)

Surface = Literal["message", "modal", "home"]

_ALLOWED_EVERYWHERE = {"actions", "context", "divider", "header", "image", "input", "rich_text", "section", "video"}
_ALLOWED: dict[str, set[str]] = {
    "message": _ALLOWED_EVERYWHERE | {"markdown", "table", "context_actions", "file"},
    "modal": _ALLOWED_EVERYWHERE,
    "home": _ALLOWED_EVERYWHERE,
}
SECTION_TEXT = 3_000
FIELDS = 10
FIELD_TEXT = 2_000
HEADER_TEXT = 150
CONTEXT_ELEMENTS = 10
ACTIONS = 25
LABEL = 2_000
MARKDOWN = 12_000


def check_block(block: object, surface: Surface, pointer: str) -> list[str]:
    """What is wrong with one block, in Slack's words."""
    if not isinstance(block, dict):
        return [f"must be an object [json-pointer:{pointer}]"]
    kind = block.get("type")
    if kind not in _ALLOWED[surface]:
        return [f"unsupported type: {kind} [json-pointer:{pointer}/type]"]
    check = _CHECKS.get(kind)
    errors = check(block, pointer) if check else []
    return errors + length_errors(block.get("block_id"), 255, f"{pointer}/block_id")


def _section(block: Json, pointer: str) -> list[str]:
    errors: list[str] = []
    text, fields, accessory = block.get("text"), block.get("fields"), block.get("accessory")
    if text is None and not fields:
        errors.append(f"missing required field: text or fields [json-pointer:{pointer}]")
    if text is not None:
        errors += check_text(text, f"{pointer}/text", SECTION_TEXT)
    if fields is not None:
        errors += _items(fields, FIELDS, f"{pointer}/fields")
        for number, field in enumerate(fields if isinstance(fields, list) else []):
            errors += check_text(field, f"{pointer}/fields/{number}", FIELD_TEXT)
    if accessory is not None:
        errors += check_element(accessory, SECTION_ELEMENTS, f"{pointer}/accessory")
    return errors


def _header(block: Json, pointer: str) -> list[str]:
    return check_text(block.get("text"), f"{pointer}/text", HEADER_TEXT, plain=True)


def _context(block: Json, pointer: str) -> list[str]:
    elements = block.get("elements")
    errors = _items(elements, CONTEXT_ELEMENTS, f"{pointer}/elements")
    for number, element in enumerate(elements if isinstance(elements, list) else []):
        where = f"{pointer}/elements/{number}"
        is_image = isinstance(element, dict) and element.get("type") == "image"
        errors += check_image(element, where) if is_image else check_text(element, where, SECTION_TEXT)
    return errors


def _actions(block: Json, pointer: str) -> list[str]:
    elements = block.get("elements")
    errors = _items(elements, ACTIONS, f"{pointer}/elements")
    seen: set[str] = set()
    for number, element in enumerate(elements if isinstance(elements, list) else []):
        where = f"{pointer}/elements/{number}"
        errors += check_element(element, ACTIONS_ELEMENTS, where)
        action_id = element.get("action_id") if isinstance(element, dict) else None
        if action_id in seen:
            errors.append(f"`action_id` must be unique within its block [json-pointer:{where}/action_id]")
        if action_id:
            seen.add(action_id)
    return errors


def _input(block: Json, pointer: str) -> list[str]:
    errors = check_text(block.get("label"), f"{pointer}/label", LABEL, plain=True)
    if block.get("hint") is not None:
        errors += check_text(block["hint"], f"{pointer}/hint", LABEL, plain=True)
    return errors + check_element(block.get("element"), INPUT_ELEMENTS, f"{pointer}/element")


def _image(block: Json, pointer: str) -> list[str]:
    errors = check_image(block, pointer)
    if block.get("title") is not None:
        errors += check_text(block["title"], f"{pointer}/title", 2_000, plain=True)
    return errors


def _markdown(block: Json, pointer: str) -> list[str]:
    text = block.get("text")
    if not isinstance(text, str) or not text:
        return [f"missing required field: text [json-pointer:{pointer}]"]
    return length_errors(text, MARKDOWN, f"{pointer}/text")


def _rich_text(block: Json, pointer: str) -> list[str]:
    known = {"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"}
    elements = block.get("elements")
    if not isinstance(elements, list):
        return [f"missing required field: elements [json-pointer:{pointer}]"]
    return [
        f"unsupported type: {element.get('type')} [json-pointer:{pointer}/elements/{number}/type]"
        for number, element in enumerate(elements)
        if element.get("type") not in known
    ]


def _items(value: object, limit: int, pointer: str) -> list[str]:
    if not isinstance(value, list) or not value:
        return [f"no less than 1 items allowed [json-pointer:{pointer}]"]
    return [] if len(value) <= limit else [f"no more than {limit} items allowed [json-pointer:{pointer}]"]


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
