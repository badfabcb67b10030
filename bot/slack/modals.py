"""The response URL of a command, carried in the ``private_metadata`` of the modal that the command opened."""

import json
from typing import Any

_RESPONSE_URL = "response_url"

Json = dict[str, Any]


def with_response_url(view: Json, response_url: str) -> Json:
    """The view with the response URL added: a view submission has none of its own."""
    if not response_url:
        return view
    metadata = json.loads(view.get("private_metadata") or "{}") | {_RESPONSE_URL: response_url}
    return view | {"private_metadata": json.dumps(metadata)}


def response_url_of(private_metadata: str) -> str:
    """The response URL; empty where the modal was opened without one."""
    return str(json.loads(private_metadata or "{}").get(_RESPONSE_URL, ""))
