"""The services that a Jaeger knows, out of the answers of both its APIs."""

import json
from typing import Any


def parse_services(body: bytes) -> tuple[str, ...]:
    """The names under ``services`` (v3) or ``data`` (the older API), sorted. Raises ValueError for what is no such answer."""
    parsed: Any = json.loads(body)
    # Both APIs leave the list out, or send null, where there is none.
    names = (parsed.get("services", parsed.get("data")) or []) if isinstance(parsed, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("no list of names")
    return tuple(sorted(set(names)))
