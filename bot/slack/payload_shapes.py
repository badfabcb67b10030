"""Shapes of Slack's JSON payloads, as far as Bolt and the listeners look into them.

Both take for granted what Slack documents: a string where an object belongs would end as an error of ours.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

MAX_NESTING = 64
"""Slack's deepest payload, a view with rich text in it, has about twenty levels."""


class InvalidPayload(Exception):
    """The payload does not have the shape that Slack documents. Nothing was stored."""


class _Shape(BaseModel):
    """Strict, so that nothing is converted; what is not named here is not looked at."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)


class _Named(_Shape):
    """A user, team, channel or organisation where Slack sends an object and not its id."""

    id: str | None = None
    team_id: str | None = None
    enterprise_id: str | None = None


_Reference = str | _Named | None


class _Option(_Shape):
    value: str | None = None


class _Action(_Shape):
    action_id: str | None = None
    value: str | None = None
    selected_option: _Option | None = None


class _State(_Shape):
    values: dict[str, dict[str, _Action]] = {}


class _Block(_Shape):
    type: str | None = None
    block_id: str | None = None


class _View(_Shape):
    type: str
    callback_id: str = ""
    private_metadata: str = ""
    state: _State | None = None
    blocks: list[_Block] = []
    team_id: str | None = None
    app_installed_team_id: str | None = None


class _Container(_Shape):
    channel_id: str | None = None


class _ResponseUrl(_Shape):
    response_url: str | None = None


class _Function(_Shape):
    callback_id: str = ""


class _Payload(_Shape):
    """A payload, and what Bolt searches in the same way: its event, messages and items."""

    type: str | None = None
    command: str = ""
    text: str | None = None
    callback_id: str = ""
    action_id: str = ""
    name: str | None = None
    event_id: str | None = None
    trigger_id: str | None = None
    response_url: str | None = None
    response_urls: list[_ResponseUrl] = []
    thread_ts: str | None = None
    team_id: str | None = None
    user_id: str | None = None
    channel_id: str | None = None
    enterprise: _Reference = None
    team: _Reference = None
    user: _Reference = None
    channel: _Reference = None
    authorizations: "list[_Payload] | None" = None
    event: "_Payload | None" = None
    message: "_Payload | None" = None
    previous_message: "_Payload | None" = None
    item: "_Payload | None" = None
    assistant_thread: "_Payload | None" = None
    function: _Function | None = None
    function_data: dict[str, Any] | None = None
    view: _View | None = None
    container: _Container | None = None
    actions: list[_Action] = []


_REQUIRED = {
    "event_callback": "event",
    "view_submission": "view",
    "view_closed": "view",
    "block_actions": "actions",
    "interactive_message": "actions",
}
"""By the payload's type, the part that it is about."""


def check_shape(payload: dict[str, Any]) -> None:
    """Raise ``InvalidPayload``, which names the first field that is not of the kind that Slack documents.

    Fields without a value are taken out: to Slack they are the same as absent ones, to Bolt they are objects.
    """
    for name in [name for name, value in payload.items() if value is None]:
        del payload[name]
    try:
        parsed = _Payload.model_validate(payload)
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"])
        raise InvalidPayload(f"the payload's {field[:80]} is not what Slack sends") from None
    part = _REQUIRED.get(parsed.type or "")
    if part and not getattr(parsed, part):
        raise InvalidPayload(f"the payload has no {part}")
    if parsed.type == "block_actions" and not parsed.actions[0].action_id:
        raise InvalidPayload("the click names no button")
    if parsed.type == "event_callback" and (parsed.event is None or not parsed.event.type):
        raise InvalidPayload("the payload's event has no type")


def check_text(payload: dict[str, Any]) -> None:
    """Raise ``InvalidPayload`` for what databases and Slack's API do not take: NUL, halves of characters, deep nesting."""
    level: list[Any] = [payload]
    for _ in range(MAX_NESTING):
        strings = [each for each in level if isinstance(each, str)]
        if any("\0" in each or not _is_encodable(each) for each in strings):
            raise InvalidPayload("the payload contains text that is not valid")
        level = [part for each in level for part in _parts(each)]
        if not level:
            return
    raise InvalidPayload("the payload is nested too deeply")


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
