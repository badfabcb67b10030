"""What people click and fill in, as the page can draw it; the gateway turns the answers back."""

from sandbox.slack import people
from sandbox.slack.elements import options
from sandbox.slack.errors import Json

_TEXT_INPUTS = {"number_input", "email_text_input", "url_text_input", "rich_text_input", "timepicker", "datetimepicker"}
_ONE_OF = {"static_select", "users_select", "conversations_select", "channels_select"}
_ONE_IN_MESSAGES = {"radio_buttons", "checkboxes", "multi_static_select"}


def draw_element(element: Json, *, is_input: bool) -> Json:
    """An element of a type that the page knows. A choice made beforehand is shown where the page puts its hint."""
    kind = element["type"]
    if is_input and kind in _TEXT_INPUTS:
        return {**element, "type": "plain_text_input", **_initial_text(element)}
    if kind.startswith("multi_") and is_input:
        return {**element, "type": "checkboxes", "options": _choices(element)}
    if kind in _ONE_OF or (not is_input and kind in _ONE_IN_MESSAGES):
        return {**element, "type": "static_select", "options": _choices(element), "placeholder": _hint(element)}
    return element


def _choices(element: Json) -> list[Json]:
    kind = element["type"]
    if "users" in kind:
        return [_option(person.real_name, person.id) for person in people.PEOPLE]
    if "conversations" in kind or "channels" in kind:
        return [_option(f"#{channel.name}", channel.id) for channel in people.CHANNELS]
    return options(element)


def _option(text: str, value: str) -> Json:
    return {"text": {"type": "plain_text", "text": text}, "value": value}


def _hint(element: Json) -> Json:
    initial = element.get("initial_option")
    if initial is None:
        first = element.get("initial_user") or element.get("initial_conversation") or element.get("initial_channel")
        initial = next((choice for choice in _choices(element) if choice["value"] == first), None)
    hint: Json = initial["text"] if initial else element.get("placeholder") or {"type": "plain_text", "text": "Select"}
    return hint


def _initial_text(element: Json) -> Json:
    initial = element.get("initial_value") or element.get("initial_time") or element.get("initial_date_time")
    return {"initial_value": str(initial)} if isinstance(initial, str | int) else {"initial_value": ""}
