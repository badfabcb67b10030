"""Finding what a person clicks in blocks, and what a form's fields hold."""

from collections.abc import Iterator

from sandbox.slack.errors import Json

_STATE_KEY = {
    "static_select": "selected_option",
    "external_select": "selected_option",
    "radio_buttons": "selected_option",
    "overflow": "selected_option",
    "users_select": "selected_user",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
    "multi_static_select": "selected_options",
    "multi_external_select": "selected_options",
    "checkboxes": "selected_options",
    "multi_users_select": "selected_users",
    "multi_conversations_select": "selected_conversations",
    "multi_channels_select": "selected_channels",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "file_input": "files",
    "rich_text_input": "rich_text_value",
}
_INITIAL = {
    "selected_option": "initial_option",
    "selected_options": "initial_options",
    "selected_user": "initial_user",
    "selected_users": "initial_users",
    "selected_conversation": "initial_conversation",
    "selected_conversations": "initial_conversations",
    "selected_channel": "initial_channel",
    "selected_channels": "initial_channels",
    "selected_date": "initial_date",
    "selected_time": "initial_time",
    "selected_date_time": "initial_date_time",
}


def elements(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Every interactive element with the block it stands in."""
    for block in blocks:
        candidates = block.get("elements", []) if block.get("type") == "actions" else []
        for candidate in (*candidates, block.get("accessory"), block.get("element")):
            if isinstance(candidate, dict) and candidate.get("type") != "image":
                yield block, candidate


def find_action(blocks: list[Json], action_id: str, value: str | None = None) -> tuple[Json, Json] | None:
    """The block and element of an ``action_id``; with ``value`` the one that has, or offers, that value."""
    for block, element in elements(blocks):
        if element.get("action_id") == action_id and (value is None or value in _values(element)):
            return block, element
    return None


def _values(element: Json) -> list[str]:
    return [element.get("value", ""), *(option["value"] for option in options(element))]


def options(element: Json) -> list[Json]:
    """The options of a menu, groups flattened."""
    groups = element.get("option_groups") or []
    return [*(element.get("options") or []), *(option for group in groups for option in group["options"])]


def clicked_action(block: Json, element: Json, value: str | None = None) -> Json:
    """The action that Slack reports when a person clicks an element or chooses ``value`` in it."""
    action: Json = {"type": element["type"], "action_id": element["action_id"], "block_id": block["block_id"]}
    if element["type"] == "button":
        return action | {"text": element["text"], **({"value": element["value"]} if "value" in element else {})}
    return action | chosen_value(element, value)


def chosen_value(element: Json, value: object) -> Json:
    """A field's part of ``state.values`` when it holds ``value``: text, an option's value, an id, or a list of them."""
    kind = element["type"]
    key = _STATE_KEY.get(kind, "value")
    if key == "selected_option":
        return {key: next((option for option in options(element) if option["value"] == value), None)}
    if key == "selected_options":
        wanted = value if isinstance(value, list) else [value]
        return {key: [option for option in options(element) if option["value"] in wanted]}
    return {key: value}


def field_state(element: Json, filled_in: object | None) -> Json:
    """A field as a submission carries it: what was filled in, else what it began with, else empty."""
    key = _STATE_KEY.get(element["type"], "value")
    state: Json = {"type": element["type"]}
    if filled_in == "":
        return state | {key: None}
    if filled_in is not None:
        return state | chosen_value(element, filled_in)
    initial = element.get(_INITIAL.get(key, "initial_value"))
    return state | {key: initial if initial is not None else ([] if key.endswith("s") else None)}


def form_state(view: Json, values: Json) -> Json:
    """`state.values` of a form with ``values`` filled in, keyed by block id or by action id."""
    filled: Json = {}
    for block, element in elements(view["blocks"]):
        if element["type"] in {"button", "overflow"}:
            continue
        given = values.get(block["block_id"], values.get(element["action_id"]))
        filled.setdefault(block["block_id"], {})[element["action_id"]] = field_state(element, given)
    return filled


def missing_fields(view: Json, state: Json) -> Json:
    """Slack does not submit a form whose required fields are empty: block id to what it says."""
    empty: Json = {}
    for block in view["blocks"]:
        if block["type"] != "input" or block.get("optional"):
            continue
        field = state.get(block["block_id"], {}).get(block["element"]["action_id"], {})
        if not any(value for key, value in field.items() if key != "type"):
            empty[block["block_id"]] = "Please complete this required field."
    return empty
