"""How parameters of the API are read: strictly, as the server does."""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+")
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Malformed(Exception):
    """The sentence of the refusal."""


def nanoseconds_of_time(name: str, text: str) -> int:
    """RFC 3339 with up to nine digits."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise Malformed(f'malformed parameter {name}: parsing time "{text}" as "2006-01-02T15:04:05.999999999Z07:00"')
    whole = datetime.fromisoformat(found[1] + found[3].replace("Z", "+00:00"))
    return int((whole - _EPOCH).total_seconds()) * 10**9 + int((found[2] or "0").ljust(9, "0"))


def nanoseconds_of_duration(name: str, text: str) -> int:
    """A duration of Go."""
    if not _DURATION.fullmatch(text):
        raise Malformed(f'malformed parameter {name}: time: invalid duration "{text}"')
    return sum(int(float(value) * _UNITS[unit]) for value, unit in re.findall(r"([\d.]+)(ns|us|µs|ms|s|m|h)", text))


def wants_errors(name: str, text: str) -> bool:
    """A JSON object of texts; the only attribute that the stand-in knows is ``error``."""
    try:
        attributes = json.loads(text or "{}")
    except ValueError as error:
        raise Malformed(f"malformed parameter {name}: {error}") from error
    if not isinstance(attributes, dict) or not all(isinstance(each, str) for each in attributes.values()):
        raise Malformed(f"malformed parameter {name}: json: cannot unmarshal into map[string]string")
    return attributes.get("error") == "true"


def check_names(given: Iterable[str], known: frozenset[str], required: Iterable[str]) -> None:
    """Refuse a search without what it needs, and, other than the server, one with a misspelt parameter."""
    names = frozenset(given)
    if unknown := sorted(names - known):
        raise Malformed(f"unknown parameter {unknown[0]}")
    if missing := [name for name in required if name not in names]:
        raise Malformed(f"malformed parameter {missing[0]}: is required")
