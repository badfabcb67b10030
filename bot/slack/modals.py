"""What a modal carries along besides its fields: where the answer to its submission goes."""

import json
from typing import Any

_ANSWER = "answer"

Json = dict[str, Any]


def with_response_url(view: Json, response_url: str) -> Json:
    """The view, knowing where the command came from: a submission has no such address of its own."""
    if not response_url:
        return view
    carried = json.loads(view.get("private_metadata") or "{}") | {_ANSWER: response_url}
    return view | {"private_metadata": json.dumps(carried)}


def response_url_of(private_metadata: str) -> str:
    """Where the answer goes; empty where the form came from nowhere that takes one."""
    return str(json.loads(private_metadata or "{}").get(_ANSWER, ""))
