"""The rules of texts and of what people click, choose and fill in."""

from collections.abc import Callable

from sandbox.slack.errors import Json

_SELECTS = {"static_select", "external_select", "users_select", "conversations_select", "channels_select"}
_MULTI_SELECTS = {f"multi_{select}" for select in _SELECTS}
_PICKS = {"checkboxes", "radio_buttons", "datepicker", "timepicker", "datetimepicker"}
ACTIONS_ELEMENTS = {"button", "overflow", "workflow_button"} | _SELECTS | _PICKS
SECTION_ELEMENTS = {"button", "overflow", "image", "workflow_button"} | _SELECTS | _MULTI_SELECTS | _PICKS
INPUT_ELEMENTS = (
    {"plain_text_input", "number_input", "email_text_input", "url_text_input", "rich_text_input", "file_input"}
    | _SELECTS
    | _MULTI_SELECTS
    | _PICKS
)
BUTTON_TEXT = 75
BUTTON_VALUE = 2_000
URL = 3_000
OPTIONS = 100
OPTION_TEXT = 75
OPTION_VALUE = 150
CHOICES = 10
OVERFLOW_OPTIONS = 5
PLACEHOLDER = 150
CONFIRM = (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30))


def length_errors(value: object, limit: int, pointer: str) -> list[str]:
    if isinstance(value, str) and len(value) > limit:
        return [f"must be less than {limit + 1} characters [json-pointer:{pointer}]"]
    return []


def check_text(value: object, pointer: str, limit: int, *, plain: bool = False) -> list[str]:
    """A text object: of a known type, not empty, not too long."""
    if not isinstance(value, dict):
        return [f"missing required field: {pointer.rsplit('/', 1)[-1]} [json-pointer:{pointer}]"]
    kinds = {"plain_text"} if plain else {"plain_text", "mrkdwn"}
    if value.get("type") not in kinds:
        return [f"must be one of {', '.join(sorted(kinds))} [json-pointer:{pointer}/type]"]
    text = value.get("text")
    if not isinstance(text, str) or not text:
        return [f"must be more than 0 characters [json-pointer:{pointer}/text]"]
    return length_errors(text, limit, f"{pointer}/text")


def check_image(value: Json, pointer: str) -> list[str]:
    errors = length_errors(value.get("image_url"), URL, f"{pointer}/image_url")
    if not value.get("image_url") and not value.get("slack_file"):
        errors.append(f"missing required field: image_url [json-pointer:{pointer}]")
    if not isinstance(value.get("alt_text"), str):
        errors.append(f"missing required field: alt_text [json-pointer:{pointer}]")
    return errors + length_errors(value.get("alt_text"), 2_000, f"{pointer}/alt_text")


def check_element(element: object, allowed: set[str], pointer: str) -> list[str]:
    """Errors of the element at ``pointer``, where only the types in ``allowed`` are accepted."""
    if not isinstance(element, dict):
        return [f"must be an object [json-pointer:{pointer}]"]
    kind = element.get("type")
    if kind not in allowed:
        return [f"unsupported type: {kind} [json-pointer:{pointer}/type]"]
    errors = length_errors(element.get("action_id"), 255, f"{pointer}/action_id")
    if element.get("placeholder") is not None:
        errors += check_text(element["placeholder"], f"{pointer}/placeholder", PLACEHOLDER, plain=True)
    if element.get("confirm") is not None:
        errors += _confirm(element["confirm"], f"{pointer}/confirm")
    check = _CHECKS.get(str(kind))
    return errors + (check(element, pointer) if check else [])


def _confirm(value: object, pointer: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"must be an object [json-pointer:{pointer}]"]
    errors: list[str] = []
    for key, limit in CONFIRM:
        if key in {"title", "text"} or key in value:
            errors += check_text(value.get(key), f"{pointer}/{key}", limit, plain=key != "text")
    return errors


def _button(element: Json, pointer: str) -> list[str]:
    errors = check_text(element.get("text"), f"{pointer}/text", BUTTON_TEXT, plain=True)
    if element.get("style") not in {None, "primary", "danger"}:
        errors.append(f"must be one of primary, danger [json-pointer:{pointer}/style]")
    errors += length_errors(element.get("value"), BUTTON_VALUE, f"{pointer}/value")
    return errors + length_errors(element.get("url"), URL, f"{pointer}/url")


def _options(options: object, limit: int, pointer: str) -> list[str]:
    if not isinstance(options, list) or not options:
        return [f"no less than 1 items allowed [json-pointer:{pointer}]"]
    errors = [] if len(options) <= limit else [f"no more than {limit} items allowed [json-pointer:{pointer}]"]
    for number, option in enumerate(options):
        where = f"{pointer}/{number}"
        if not isinstance(option, dict) or not isinstance(option.get("value"), str):
            errors.append(f"missing required field: value [json-pointer:{where}]")
            continue
        errors += check_text(option.get("text"), f"{where}/text", OPTION_TEXT)
        errors += length_errors(option["value"], OPTION_VALUE, f"{where}/value")
        if option.get("description") is not None:
            errors += check_text(option["description"], f"{where}/description", OPTION_TEXT)
    return errors


def _static_select(element: Json, pointer: str) -> list[str]:
    groups = element.get("option_groups")
    if groups is None:
        errors = _options(element.get("options"), OPTIONS, f"{pointer}/options")
        choices = element.get("options") or []
    else:
        errors = [] if len(groups) <= OPTIONS else [f"no more than 100 items allowed [json-pointer:{pointer}/option_groups]"]
        choices = [option for group in groups for option in group.get("options", [])]
        for number, group in enumerate(groups):
            where = f"{pointer}/option_groups/{number}"
            errors += check_text(group.get("label"), f"{where}/label", OPTION_TEXT, plain=True)
            errors += _options(group.get("options"), OPTIONS, f"{where}/options")
    initial = [element["initial_option"]] if element.get("initial_option") else element.get("initial_options") or []
    if any(option not in choices for option in initial):
        errors.append(f"initial option must be one of the options [json-pointer:{pointer}/initial_option]")
    return errors


def _choices(element: Json, pointer: str) -> list[str]:
    return _options(element.get("options"), CHOICES, f"{pointer}/options")


def _overflow(element: Json, pointer: str) -> list[str]:
    return _options(element.get("options"), OVERFLOW_OPTIONS, f"{pointer}/options")


def _plain_text_input(element: Json, pointer: str) -> list[str]:
    errors = length_errors(element.get("initial_value"), 3_000, f"{pointer}/initial_value")
    max_length = element.get("max_length")
    if max_length is not None and not 1 <= int(max_length) <= 3_000:
        errors.append(f"must be between 1 and 3000 [json-pointer:{pointer}/max_length]")
    return errors


_CHECKS: dict[str, Callable[[Json, str], list[str]]] = {
    "button": _button,
    "static_select": _static_select,
    "multi_static_select": _static_select,
    "checkboxes": _choices,
    "radio_buttons": _choices,
    "overflow": _overflow,
    "plain_text_input": _plain_text_input,
}
