"""Forms: a skeleton that opens at once, the form with its choices, and what a person filled in."""

import json
from collections.abc import Mapping
from typing import Any

from bot.views.markup import blocks, limits
from bot.views.markup.document import Lines
from bot.views.markup.message import blocks_of, redacted
from bot.views.markup.mrkdwn import plain
from bot.views.markup.spans import dotted, line, sentence
from domain.answers.answers import Choice, FieldKind, Form, FormField

CALLBACK = "form"
ACTION = "value"

Json = dict[str, Any]


def loading(form: Form, channel: str) -> Json:
    """The form before its choices are known: it opens within the three seconds that Slack gives, and cannot be sent yet."""
    fields = dotted(*(field.label for field in form.fields))
    said = Lines((line("⏳ Looking up what there is to choose."), fields))
    return _view(form, channel, _told(said))


def modal(form: Form, channel: str) -> Json:
    """The form, ready to be filled in. Fields whose choices are still looked up show the skeleton instead."""
    if any(field.loading for field in form.fields):
        return loading(form, channel)
    notice = Lines((sentence(form.notice),))
    return _view(form, channel, [*_told(notice), *(_input(field) for field in form.fields)], submit="Send")


def values_of(state: Mapping[str, Any]) -> dict[str, str]:
    """Field id to what was filled in, from a submitted view's ``state``; fields left empty are absent."""
    filled = {field: _value(inputs.get(ACTION) or {}) for field, inputs in state.get("values", {}).items()}
    return {field: value for field, value in filled.items() if value}


def about(private_metadata: str) -> tuple[str, str]:
    """The command and the channel that a submitted view belongs to."""
    told = json.loads(private_metadata)
    return str(told["command"]), str(told["channel"])


def _told(lines: Lines) -> list[Json]:
    fitted, _ = limits.fit(redacted(blocks_of([lines])))
    return list(fitted)


def _view(form: Form, channel: str, made: list[Json], *, submit: str = "") -> Json:
    view: Json = {
        "type": "modal",
        "callback_id": CALLBACK,
        "private_metadata": json.dumps({"command": form.command, "channel": channel}),
        "title": _short(form.title, limits.VIEW_WORD),
        "close": blocks.plain_text("Close"),
        "blocks": made[: limits.VIEW_BLOCKS],
    }
    return view | ({"submit": blocks.plain_text(submit)} if submit else {})


def _input(field: FormField) -> Json:
    element = _select(field) if field.kind is FieldKind.SELECT and _possible(field) else _typed(field)
    made: Json = {
        "type": "input",
        "block_id": field.id,
        "label": _short(field.label.strip() or field.id, limits.LABEL),
        "element": element | {"action_id": ACTION},
        "optional": not field.required,
    }
    hint = _short(_hint(field), limits.HINT)
    return made | ({"hint": hint} if hint["text"] else {})


def _short(text: str, most: int) -> Json:
    return blocks.plain_text(limits.cut(plain(text).strip(), most))


def _hint(field: FormField) -> str:
    more = len(_possible(field)) - limits.OPTIONS
    return f"{field.hint} The newest {limits.OPTIONS}; {more} more can be typed as a command.".strip() if more > 0 else field.hint


def _possible(field: FormField) -> list[Choice]:
    """A value longer than Slack's limit would arrive cut, so it is not offered."""
    return [each for each in field.choices if each.value and limits.size(each.value) <= limits.OPTION_VALUE]


def _select(field: FormField) -> Json:
    options = [_option(each) for each in _possible(field)[: limits.OPTIONS]]
    chosen = next((each for each in options if each["value"] == field.value), None)
    return {"type": "static_select", "options": options} | ({"initial_option": chosen} if chosen else {})


def _option(choice: Choice) -> Json:
    label, hint = _short(choice.label, limits.OPTION), _short(choice.hint, limits.OPTION)
    option: Json = {"text": label if label["text"] else blocks.plain_text(choice.value), "value": choice.value}
    return option | ({"description": hint} if hint["text"] else {})


def _typed(field: FormField) -> Json:
    kind: Json = {"type": "plain_text_input", "max_length": limits.INPUT_VALUE}
    if field.kind is FieldKind.NUMBER:
        kind = {"type": "number_input", "is_decimal_allowed": False, "min_value": "0"}
    return kind | ({"initial_value": field.value[: limits.INPUT_VALUE]} if field.value else {})


def _value(element: Mapping[str, Any]) -> str:
    chosen = element.get("selected_option")
    return str((chosen or {}).get("value") or element.get("value") or "").strip()
