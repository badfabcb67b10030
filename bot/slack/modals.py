"""What a modal carries along besides its fields: where the answer to its submission goes."""

import json
from typing import Any

_RESPONSE_URL = "response_url"

Json = dict[str, Any]


def with_response_url(view: Json, response_url: str) -> Json:
    """The view, knowing where the command came from: a submission has no such address of its own."""
    if not response_url:
        return view
    metadata = json.loads(view.get("private_metadata") or "{}") | {_RESPONSE_URL: response_url}
    return view | {"private_metadata": json.dumps(metadata)}


def response_url_of(private_metadata: str) -> str:
    """Where the answer goes; empty where the form came from nowhere that takes one."""
    return str(json.loads(private_metadata or "{}").get(_RESPONSE_URL, ""))
