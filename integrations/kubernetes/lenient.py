"""Fields of what is only shown: one that is missing, null or of another type is as if it were empty."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from integrations.kubernetes.resources import Json, parse_time


def mapping(obj: Mapping[str, Any], field: str) -> Json:
    """An object in this field."""
    value = obj.get(field)
    return value if isinstance(value, dict) else {}


def mappings(obj: Mapping[str, Any], field: str) -> list[Json]:
    """The objects of a list in this field, without what is none."""
    value = obj.get(field)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def text(obj: Mapping[str, Any], field: str) -> str:
    """A string or a number in this field."""
    value = obj.get(field)
    return str(value) if isinstance(value, str | int) else ""


def whole_number(obj: Mapping[str, Any], field: str) -> int:
    """An integer in this field."""
    value = obj.get(field)
    return value if isinstance(value, int) else 0


def time(obj: Mapping[str, Any], field: str) -> datetime | None:
    """An RFC 3339 time in this field."""
    try:
        return parse_time(text(obj, field))
    # A time in the year 1 or 9999 has none in UTC.
    except (ValueError, OverflowError):
        return None
