"""Forms as modals: a placeholder that opens at once, the form with its choices, and the parsing of submitted values."""

import json
from collections.abc import Mapping
from typing import Any

from bot.views.markup import blocks, limits
from bot.views.markup.document import Paragraph
from bot.views.markup.message import blocks_of, redacted
from bot.views.markup.mrkdwn import plain
from bot.views.markup.spans import join_dots, line
from domain.answers.answers import FieldKind, Form, FormField, FormOption

CALLBACK_ID = "form"
ACTION_ID = "value"

Json = dict[str, Any]


def loading(form: Form, channel: str) -> Json:
    """A placeholder without a submit button, which can open within Slack's three seconds, before the choices are known."""
    fields = join_dots(*(field.label for field in form.fields))
    placeholder = Paragraph((line("⏳ Looking up what there is to choose."), fields))
    return _view(form, channel, _paragraph_blocks(placeholder))


def modal(form: Form, channel: str) -> Json:
    """The form, ready to be filled in; the placeholder while a field's choices are still loading."""
    if any(field.loading for field in form.fields):
        return loading(form, channel)
    notice = Paragraph((line(form.notice),))
    return _view(form, channel, [*_paragraph_blocks(notice), *(_input_block(field) for field in form.fields)], submit="Send")


def values_of(state: Mapping[str, Any]) -> dict[str, str]:
    """Values by field id, from a submitted view's ``state``. Empty fields are absent."""
    filled = {field: _value(inputs.get(ACTION_ID) or {}) for field, inputs in state.get("values", {}).items()}
    return {field: value for field, value in filled.items() if value}


def _paragraph_blocks(paragraph: Paragraph) -> list[Json]:
    fitted, _ = limits.fit(redacted(blocks_of([paragraph])))
    return list(fitted)


def _view(form: Form, channel: str, view_blocks: list[Json], *, submit: str = "") -> Json:
    view: Json = {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "private_metadata": json.dumps({"command": form.command, "channel": channel}),
        "title": _plain_text(form.title, limits.VIEW_TITLE),
        "close": blocks.plain_text("Close"),
        "blocks": view_blocks[: limits.VIEW_BLOCKS],
    }
    return view | ({"submit": blocks.plain_text(submit)} if submit else {})


def _input_block(field: FormField) -> Json:
    element = _select(field) if field.kind is FieldKind.SELECT and _selectable(field) else _text_input(field)
    input_block: Json = {
        "type": "input",
        "block_id": field.id,
        "label": _plain_text(field.label.strip() or field.id, limits.LABEL),
        "element": element | {"action_id": ACTION_ID},
        "optional": not field.required,
    }
    hint = _plain_text(_hint(field), limits.HINT)
    return input_block | ({"hint": hint} if hint["text"] else {})


def _plain_text(text: str, max_length: int) -> Json:
    return blocks.plain_text(limits.cut(plain(text).strip(), max_length))


def _hint(field: FormField) -> str:
    more = len(_selectable(field)) - limits.OPTIONS
    return f"{field.hint} The newest {limits.OPTIONS}; {more} more can be typed as a command.".strip() if more > 0 else field.hint


def _selectable(field: FormField) -> list[FormOption]:
    """The options whose values fit Slack's limit: a cut value would mean something else."""
    return [each for each in field.options if each.value and limits.text_length(each.value) <= limits.OPTION_VALUE]


def _select(field: FormField) -> Json:
    options = [_option(each) for each in _selectable(field)[: limits.OPTIONS]]
    initial = next((each for each in options if each["value"] == field.value), None)
    return {"type": "static_select", "options": options} | ({"initial_option": initial} if initial else {})


def _option(choice: FormOption) -> Json:
    label, hint = _plain_text(choice.label, limits.OPTION), _plain_text(choice.hint, limits.OPTION)
    option: Json = {"text": label if label["text"] else blocks.plain_text(choice.value), "value": choice.value}
    return option | ({"description": hint} if hint["text"] else {})


def _text_input(field: FormField) -> Json:
    element: Json = {"type": "plain_text_input", "max_length": limits.INPUT_VALUE}
    if field.kind is FieldKind.NUMBER:
        element = {"type": "number_input", "is_decimal_allowed": False, "min_value": "0"}
    return element | ({"initial_value": field.value[: limits.INPUT_VALUE]} if field.value else {})


def _value(element: Mapping[str, Any]) -> str:
    chosen = element.get("selected_option")
    return str((chosen or {}).get("value") or element.get("value") or "").strip()
