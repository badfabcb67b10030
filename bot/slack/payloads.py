"""Slack's payloads: conversion to inbox messages, and from inbox messages to interactions."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from bot.slack.message_text import message_text
from bot.slack.messages import permalink
from bot.slack.payload_shapes import InvalidPayload, check_shape, check_text
from domain.inbound import InboundKind, InboundMessage
from domain.people import Person
from domain.rich_text import plain_text

Json = Mapping[str, Any]

_COMMAND_KEYS = ("command", "text", "user_id", "team_id", "channel_id", "response_url", "trigger_id")
"""What is kept of a command. Slack's verification token is not among it."""
_encode = json.JSONEncoder(separators=(",", ":")).encode
_KEY = re.compile(r"[!-~]{1,255}")
"""As long as the inbox's column."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Slack's are shorter, and in capitals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """What one person asked for: the text of a command or form, the action of a button, or a shortcut.

    Of a shortcut, ``action`` is its name, ``text`` the message's text and ``value`` the message's permalink.
    """

    key: str
    kind: InboundKind
    person: Person
    channel: str
    text: str = ""
    action: str = ""
    value: str = ""
    response_url: str = ""
    trigger_id: str = ""
    is_from_home: bool = False
    """Whether it came from the Home tab, which shows the outcome itself."""
    at: datetime


def form_field(body: bytes, name: str) -> str:
    """One decoded field of a URL-encoded form; empty where it is absent."""
    marker = b"&%b=" % name.encode()
    _, separator, rest = (b"&" + body).partition(marker)
    value = rest.partition(b"&")[0].decode("ascii", "replace") if separator else ""
    return unquote_plus(value, errors="replace") if "%" in value or "+" in value else value


def form_payload(body: bytes) -> dict[str, Any]:
    """Parse the JSON in the ``payload`` field of a form. Raises ``InvalidPayload``."""
    payload = form_field(body, "payload")
    if not payload:
        raise InvalidPayload("there is no payload")
    return parse_payload(payload)


def parse_payload(text: str | bytes) -> dict[str, Any]:
    """Parse a payload of Slack and check its shape. Raises ``InvalidPayload``."""
    payload = parse_json_object(text)
    check_payload(payload)
    return payload


def check_payload(payload: dict[str, Any]) -> None:
    """Raise ``InvalidPayload`` unless Bolt and our listeners can handle the payload."""
    check_text(payload)
    check_shape(payload)


def parse_json_object(text: str | bytes) -> dict[str, Any]:
    """Parse a JSON object. Raises ``InvalidPayload``."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidPayload("the payload is not JSON") from error
    if not isinstance(parsed, dict):
        raise InvalidPayload("the payload is not an object")
    return parsed


def inbound_form_command(body: bytes, at: datetime) -> InboundMessage:
    """An inbox message of a slash command in form encoding. Raises ``InvalidPayload`` without a user or a team."""
    fields = {name: form_field(body, name) for name in _COMMAND_KEYS}
    return inbound_command(fields, fields["trigger_id"], at)


def inbound_command(fields: Json, key: str, at: datetime) -> InboundMessage:
    """An inbox message of a slash command. Raises ``InvalidPayload`` without a user, a team or a key."""
    stored = {name: str(fields.get(name) or "") for name in _COMMAND_KEYS}
    if not (_ID.fullmatch(stored["user_id"]) and _ID.fullmatch(stored["team_id"])):
        raise InvalidPayload("the command names nobody")
    return _inbound_message(key, InboundKind.COMMAND, stored, at)


def inbound_action(payload: Json, key: str, at: datetime) -> InboundMessage:
    """An inbox message of a click: person, action and channel, without the message that has the button."""
    action: Json = next(iter(payload.get("actions") or ()), {})
    user, team = _person(payload)
    if not (user and action.get("action_id")):
        raise InvalidPayload("the click names nobody, or no button")
    stored = {
        "user_id": user,
        "team_id": team,
        "channel_id": _id_of(payload.get("channel")) or (payload.get("container") or {}).get("channel_id") or "",
        "action_id": action["action_id"],
        "value": _value_of(action),
        "response_url": payload.get("response_url") or "",
        "trigger_id": payload.get("trigger_id") or "",
        "home": (payload.get("view") or {}).get("type") == "home",
    }
    return _inbound_message(key, InboundKind.ACTION, stored, at)


def inbound_form(payload: Json, *, text: str, channel: str, response_url: str, key: str, at: datetime) -> InboundMessage:
    """An inbox message of a submitted form, stored as the command that it stands for."""
    user, team = _person(payload)
    if not user:
        raise InvalidPayload("the form names nobody")
    stored = {
        "user_id": user,
        "team_id": team,
        "channel_id": channel,
        "text": text,
        "response_url": response_url,
        "trigger_id": "",
    }
    return _inbound_message(key, InboundKind.VIEW, stored, at)


def inbound_home_opened(event: Json, team: str, key: str, at: datetime) -> InboundMessage:
    """An inbox message of a person who opened the Home tab."""
    user = _id_of(event.get("user"))
    if not (_ID.fullmatch(user) and _ID.fullmatch(team)):
        raise InvalidPayload("the event names nobody")
    return _inbound_message(key, InboundKind.EVENT, {"user_id": user, "team_id": team, "home": True}, at)


def inbound_shortcut(payload: Json, key: str, at: datetime) -> InboundMessage:
    """An inbox message of a shortcut in a message's menu: the message's text, without markup, and its permalink."""
    user, team = _person(payload)
    message: Json = payload.get("message") or {}
    callback, channel = payload.get("callback_id") or "", _id_of(payload.get("channel"))
    if not (user and callback and message.get("ts")):
        raise InvalidPayload("the shortcut names nobody, or no message")
    domain = str((payload.get("team") or {}).get("domain") or "")
    stored = {
        "user_id": user,
        "team_id": team,
        "channel_id": channel,
        "action_id": callback,
        "text": plain_text(message_text(message, team)),
        "value": permalink(f"https://{domain}.slack.com", channel, message) if domain else "",
        "response_url": payload.get("response_url") or "",
        "trigger_id": payload.get("trigger_id") or "",
    }
    return _inbound_message(key, InboundKind.SHORTCUT, stored, at)


def event_key(payload: Json) -> str:
    """The id of an event, the same for each of its deliveries. Raises ``InvalidPayload``."""
    key = str(payload.get("event_id") or "")
    if not _KEY.fullmatch(key):
        raise InvalidPayload("the event has no usable id")
    return key


def form_metadata(private_metadata: str) -> tuple[str, str]:
    """The command and the channel that a form belongs to. Raises ``InvalidPayload`` for what we did not write."""
    metadata = parse_json_object(private_metadata)
    command, channel = metadata.get("command"), metadata.get("channel")
    if not (isinstance(command, str) and isinstance(channel, str)):
        raise InvalidPayload("the form is not one of ours")
    return command, channel


def _person(payload: Json) -> tuple[str, str]:
    """Ids of the user and of the team; empty where the user's is missing. A click without a team is nobody's."""
    user = payload.get("user")
    user_id = _id_of(user)
    team = (user.get("team_id") if isinstance(user, dict) else None) or _id_of(payload.get("team"))
    return (user_id, team) if _ID.fullmatch(user_id) and _ID.fullmatch(team) else ("", "")


def _id_of(reference: object) -> str:
    """The id of what Slack names by an id or by an object."""
    found = reference.get("id") if isinstance(reference, dict) else reference
    return found if isinstance(found, str) else ""


def parse_inbound(inbound: InboundMessage) -> Interaction:
    """Parse an inbox message. Raises ``InvalidPayload`` for a row that another version wrote in another shape."""
    stored = parse_json_object(inbound.body)
    try:
        person = Person(str(stored["user_id"]), str(stored["team_id"]))
    except KeyError as error:
        raise InvalidPayload(f"the delivery has no {error}") from error
    return Interaction(
        key=inbound.key,
        kind=inbound.kind,
        person=person,
        channel=str(stored.get("channel_id", "")),
        text=str(stored.get("text", "")),
        action=str(stored.get("action_id", "")),
        value=str(stored.get("value", "")),
        response_url=str(stored.get("response_url", "")),
        trigger_id=str(stored.get("trigger_id", "")),
        is_from_home=bool(stored.get("home", False)),
        at=inbound.received_at,
    )


def _inbound_message(key: str, kind: InboundKind, stored: Json, at: datetime) -> InboundMessage:
    if not _KEY.fullmatch(key):
        raise InvalidPayload("the delivery has no usable id")
    return InboundMessage(key=key, kind=kind, body=_encode(stored), received_at=at)


def _value_of(action: Json) -> str:
    option = action.get("selected_option") or {}
    return str(action.get("value") or option.get("value") or "")
