"""Translates Slack's refusals and broken connections into errors that say whether the call was done and may be retried."""

import json
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError

from domain.errors import DeepechoError, PermanentError, TemporaryError, UnknownOutcome

DEFAULT_RETRY_AFTER_SECONDS = 5.0
"""Seconds to wait after a 429 without ``Retry-After``."""

MAX_RETRY_AFTER_SECONDS = 3600.0

SERVER_ERRORS = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"})
"""Slack's codes for its own failures. By its documentation, part of the request may have been done."""

REASONS = {
    "account_inactive": "the bot's account was switched off",
    "cant_update_message": "the message is not the bot's to change",
    "channel_not_found": "there is no such channel, or the bot may not see it",
    "edit_window_closed": "the workspace no longer lets this message be changed",
    "failed_for_some_users": "somebody of them cannot be in a user group",
    "invalid_user": "a guest, a bot or an unknown account cannot be in a user group",
    "invalid_users": "a guest, a bot or an unknown account cannot be in a user group",
    "no_such_subteam": "there is no such user group",
    "permission_denied": "the workspace does not let apps change user groups",
    "plan_upgrade_required": "the workspace's plan has no user groups",
    "single_channel_guests_cannot_be_added": "a guest cannot be in a user group",
    "subteam_max_users_exceeded": "the user group is full",
    "expired_trigger_id": "the form came too late: Slack gives three seconds",
    "invalid_auth": "the bot's token is not accepted",
    "invalid_blocks": "Slack does not accept the message's layout",
    "is_archived": "the channel is archived",
    "message_not_found": "the message is no longer there",
    "missing_scope": "the bot's account lacks a permission",
    "msg_blocks_too_long": "the message is too long for Slack",
    "msg_too_long": "the message is too long for Slack",
    "not_authed": "the bot has no token",
    "not_in_channel": "the bot is not in the channel",
    "restricted_action": "the workspace does not let the bot write there",
    "thread_not_found": "the thread is no longer there",
    "token_expired": "the bot's token has expired",
    "token_revoked": "the bot's token was revoked",
    "user_not_found": "there is no such person",
    "user_not_in_channel": "the person is not in the channel",
}


class RateLimited(TemporaryError):
    """Slack asked to wait. ``delay``: seconds, from ``Retry-After``."""

    delay: float

    def __init__(self, sentence: str, delay: float) -> None:
        super().__init__(sentence, delay)
        self.delay = delay


class SlackRefused(PermanentError):
    """Slack refused the call. ``code`` is Slack's error code."""

    def __init__(self, method: str, code: str, detail: str = "") -> None:
        reason = REASONS.get(code, "it refused")
        code_text = f"{code}: {detail}" if detail else code
        super().__init__(f"Slack did not do {method}: {reason} ({code_text}).")
        self.code = code


def from_response(error: SlackApiError, method: str, *, write: bool) -> DeepechoError:
    """The error for a response that is not ok. ``write``: whether the call changes something."""
    response: Any = error.response
    status: int = getattr(response, "status_code", None) or getattr(response, "status", None) or 0
    data = getattr(response, "data", None)
    data = data if isinstance(data, dict) else {}
    code = str(data.get("error", ""))
    if status == 429 or code in {"ratelimited", "rate_limited"}:
        delay = parse_delay(response.headers.get("Retry-After"))
        return RateLimited(f"Slack asked to wait {delay:g} s before {method}.", delay)
    if code and code not in SERVER_ERRORS and status < 500:
        return SlackRefused(method, code, _detail(data))
    return connection_lost(f"Slack answered {method} with {code or f'status {status}'}.", write=write)


def from_connection(error: Exception, method: str, *, write: bool) -> DeepechoError:
    """The error for a failed connection. Where it was never opened, nothing was sent, so a write is safe to retry."""
    sentence = f"No answer from Slack to {method}: {type(error).__name__}."
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | aiohttp.InvalidURL):
        return TemporaryError(sentence)
    return connection_lost(sentence, write=write)


def from_plain_response(status: int, body: str, retry_after: str | None, name: str) -> DeepechoError | None:
    """The error for the response of a URL that is not an API method; None for success. ``body``: "ok", "OK - 123", or JSON."""
    if status == 429:
        delay = parse_delay(retry_after)
        return RateLimited(f"Slack asked to wait {delay:g} s before {name}.", delay)
    if status >= 500:
        return connection_lost(f"Slack answered {name} with status {status}.", write=True)
    code = _parse_code(body)
    return SlackRefused(name, code or f"status {status}") if code or status >= 300 else None


def _parse_code(body: str) -> str:
    try:
        answer = json.loads(body)
    except ValueError:
        return ""
    return str(answer.get("error", "")) if isinstance(answer, dict) and not answer.get("ok", True) else ""


def connection_lost(sentence: str, *, write: bool) -> TemporaryError:
    """The error where no usable response came: a write may have been done, a read can be repeated."""
    return UnknownOutcome(sentence) if write else TemporaryError(sentence)


def parse_delay(header: str | None) -> float:
    """Seconds of a ``Retry-After`` header, at most ``MAX_RETRY_AFTER_SECONDS``."""
    try:
        return min(max(float(header or DEFAULT_RETRY_AFTER_SECONDS), 0.0), MAX_RETRY_AFTER_SECONDS)
    except ValueError:
        return DEFAULT_RETRY_AFTER_SECONDS


def _detail(data: dict[str, Any]) -> str:
    if needed := data.get("needed"):
        return f"needs {needed}"
    messages = data.get("errors") or (data.get("response_metadata") or {}).get("messages") or []
    return "; ".join(str(each) for each in messages)[:300]
