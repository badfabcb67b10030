"""Slack's payloads: what of them is kept in the inbox, and what it means when it is read again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from domain.inbound import Delivery, DeliveryKind
from domain.people import Person

Json = Mapping[str, Any]

_COMMAND_KEYS = ("command", "text", "user_id", "team_id", "channel_id", "response_url", "trigger_id")
_encode = json.JSONEncoder(separators=(",", ":")).encode
LONGEST_KEY = 255


class Unreadable(Exception):
    """The payload is not of the shape that Slack documents. Nothing was kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one person said, by whatever means: the command's words, or a button that stands for them."""

    key: str
    kind: DeliveryKind
    person: Person
    channel: str
    text: str = ""
    action: str = ""
    value: str = ""
    response_url: str = ""
    trigger_id: str = ""
    home: bool = False
    """It came from the Home tab, which shows the outcome itself."""
    at: datetime


def form_field(body: bytes, name: str) -> str:
    """One field of a form, decoded; empty where it is not there."""
    marker = b"&%b=" % name.encode()
    _, found, rest = (b"&" + body).partition(marker)
    value = rest.partition(b"&")[0].decode("ascii", "replace") if found else ""
    return unquote_plus(value, errors="replace") if "%" in value or "+" in value else value


def form_payload(body: bytes) -> dict[str, Any]:
    """The JSON in the ``payload`` field of a form. Raises ``Unreadable``."""
    payload = form_field(body, "payload")
    if not payload:
        raise Unreadable("there is no payload")
    return read_json(payload)


def read_json(text: str | bytes) -> dict[str, Any]:
    """An object out of JSON. Raises ``Unreadable``."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable("the payload is not JSON") from error
    if not isinstance(found, dict):
        raise Unreadable("the payload is not an object")
    return found


def form_command_delivery(body: bytes, at: datetime) -> Delivery:
    """A slash command that came as a form, kept as it is: taking it apart can wait until it is acknowledged."""
    if not (form_field(body, "user_id") and form_field(body, "team_id")):
        raise Unreadable("the command names nobody")
    return _delivery(form_field(body, "trigger_id"), DeliveryKind.COMMAND, {"form": body.decode("ascii", "replace")}, at)


def command_delivery(fields: Json, key: str, at: datetime) -> Delivery:
    """A slash command as it is kept. Raises ``Unreadable`` where somebody or something essential is missing."""
    kept = {name: str(fields.get(name) or "") for name in _COMMAND_KEYS}
    if not (kept["user_id"] and kept["team_id"]):
        raise Unreadable("the command names nobody")
    return _delivery(key, DeliveryKind.COMMAND, kept, at)


def action_delivery(payload: Json, key: str, at: datetime) -> Delivery:
    """A click as it is kept: who, which button, where; the message around it is left out."""
    user = payload.get("user") or {}
    action: Json = next(iter(payload.get("actions") or ()), {})
    if not (user.get("id") and action.get("action_id")):
        raise Unreadable("the click names nobody, or no button")
    kept = {
        "user_id": user["id"],
        "team_id": user.get("team_id") or (payload.get("team") or {}).get("id") or "",
        "channel_id": (payload.get("channel") or {}).get("id") or (payload.get("container") or {}).get("channel_id") or "",
        "action_id": action["action_id"],
        "value": _value_of(action),
        "response_url": payload.get("response_url") or "",
        "trigger_id": payload.get("trigger_id") or "",
        "home": (payload.get("view") or {}).get("type") == "home",
    }
    return _delivery(key, DeliveryKind.ACTION, kept, at)


def form_delivery(payload: Json, *, text: str, channel: str, response_url: str, key: str, at: datetime) -> Delivery:
    """A submitted form as it is kept: the command that it amounts to."""
    user = payload.get("user") or {}
    if not user.get("id"):
        raise Unreadable("the form names nobody")
    kept = {
        "user_id": user["id"],
        "team_id": user.get("team_id") or (payload.get("team") or {}).get("id") or "",
        "channel_id": channel,
        "text": text,
        "response_url": response_url,
        "trigger_id": "",
    }
    return _delivery(key, DeliveryKind.VIEW, kept, at)


def home_delivery(event: Json, team: str, key: str, at: datetime) -> Delivery:
    """Somebody opened the Home tab."""
    if not event.get("user"):
        raise Unreadable("the event names nobody")
    return _delivery(key, DeliveryKind.EVENT, {"user_id": event["user"], "team_id": team, "home": True}, at)


def said(delivery: Delivery) -> Said:
    """What a kept delivery means. Raises ``Unreadable`` for a row that another version of the program wrote differently."""
    kept = read_json(delivery.body)
    if "form" in kept:
        form = str(kept["form"]).encode()
        kept = {name: form_field(form, name) for name in _COMMAND_KEYS}
    try:
        person = Person(str(kept["user_id"]), str(kept["team_id"]))
    except KeyError as error:
        raise Unreadable(f"the delivery has no {error}") from error
    return Said(
        key=delivery.key,
        kind=delivery.kind,
        person=person,
        channel=str(kept.get("channel_id", "")),
        text=str(kept.get("text", "")),
        action=str(kept.get("action_id", "")),
        value=str(kept.get("value", "")),
        response_url=str(kept.get("response_url", "")),
        trigger_id=str(kept.get("trigger_id", "")),
        home=bool(kept.get("home", False)),
        at=delivery.received_at,
    )


def _delivery(key: str, kind: DeliveryKind, kept: Json, at: datetime) -> Delivery:
    if not key or len(key) > LONGEST_KEY:
        raise Unreadable("the delivery has no usable id")
    return Delivery(key=key, kind=kind, body=_encode(kept), received_at=at)


def _value_of(action: Json) -> str:
    chosen = action.get("selected_option") or {}
    return str(action.get("value") or chosen.get("value") or "")
