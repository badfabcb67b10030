"""The body of an event of Events API v2, within its limits."""

import json
from collections.abc import Iterable
from typing import Any

from domain.errors import PermanentError
from domain.paging.ways import PageAction, PageMessage
from domain.severities import Severity
from domain.text import shorten

MAX_DEDUP_KEY = 255
MAX_SUMMARY = 1024
MAX_BYTES = 512 * 1024
"""PagerDuty refuses larger events, with a 400 or a 413."""
_MAX_DETAILS_BYTES = 400 * 1024
"""Leaves room for everything beside the lines."""
_SEVERITIES = {Severity.P0: "critical", Severity.P1: "error", Severity.P2: "warning", Severity.P3: "info"}


def event_body(message: PageMessage, routing_key: str) -> dict[str, Any]:
    """Write the message as an event. Raises ``PermanentError`` for a key that PagerDuty would cut or refuse."""
    if not message.dedup_key or len(message.dedup_key) > MAX_DEDUP_KEY:
        raise PermanentError(f"The key of the page has no or more than {MAX_DEDUP_KEY} characters, so PagerDuty cannot take it.")
    body = {"routing_key": routing_key, "event_action": message.action.value, "dedup_key": message.dedup_key}
    if message.action is not PageAction.TRIGGER:
        return body  # the rest is only used of a trigger
    links = {"links": [{"href": message.link, "text": "deepecho"}], "client_url": message.link} if message.link else {}
    return body | {"client": "deepecho", "payload": _payload(message)} | links


def _payload(message: PageMessage) -> dict[str, Any]:
    return {
        "summary": shorten(message.headline, MAX_SUMMARY),
        "source": message.source or "deepecho",
        "severity": _SEVERITIES[message.severity],
        "timestamp": message.raised_at.isoformat(timespec="milliseconds"),
        "class": message.severity.value,
        "custom_details": {"page": message.page_id, "facts": _fitting(message.facts)},
    }


def _fitting(lines: Iterable[str]) -> list[str]:
    """As many lines as fit, the first ones; of a line that alone is too long, its beginning."""
    fitting: list[str] = []
    left = _MAX_DETAILS_BYTES
    for line in lines:
        size = len(json.dumps(line))
        if size > left:
            # JSON writes one character with twelve bytes at most: two escapes of six.
            fitting.append(shorten(line, max(left // 12, 1)))
            break
        fitting.append(line)
        left -= size
    return fitting
