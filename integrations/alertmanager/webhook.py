"""What Alertmanager posts: checked, and read into our words. Its errors are sentences for the log of whoever sent it."""

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Literal, NotRequired

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # the one that pydantic reads before Python 3.12

from domain.alerts import Alert, Notification

VERSION = "4"
"""Of the payload; Alertmanager has sent this one since 2017."""

LABEL = 16_384
"""Characters of a label's value or an annotation that are kept. Alertmanager itself sets no limit."""


class UnreadablePayload(ValueError):
    """It is not what Alertmanager sends. Sending it again will not help."""


class _Alert(TypedDict):
    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: NotRequired[dict[str, str]]
    startsAt: AwareDatetime
    endsAt: NotRequired[AwareDatetime]
    generatorURL: NotRequired[str]
    fingerprint: Annotated[str, Field(min_length=1, max_length=64)]


class _Payload(TypedDict):
    version: str
    groupKey: Annotated[str, Field(min_length=1)]
    receiver: NotRequired[str]
    groupLabels: NotRequired[dict[str, str]]
    externalURL: NotRequired[str]
    truncatedAlerts: NotRequired[Annotated[int, Field(ge=0)]]
    alerts: list[_Alert]


_PAYLOAD = TypeAdapter(_Payload)


def checked_key(body: bytes, at: datetime, repeat_seconds: float) -> str:
    """The name of a notification: the same for both Alertmanagers of a pair, and for a repetition within ``repeat_seconds``.

    A repetition that comes later is taken in again: it changes nothing, but says that the watchdog lives.
    Raises ``UnreadablePayload``.
    """
    payload = _read(body)
    told = sorted(f"{each['fingerprint']} {each['status']} {each['startsAt'].timestamp()}" for each in payload["alerts"])
    turn = int(at.timestamp() / repeat_seconds) if repeat_seconds else at.timestamp()
    named = "\n".join(
        (payload.get("receiver", ""), payload["groupKey"], str(payload.get("truncatedAlerts", 0)), str(turn), *told)
    )
    return f"alert-{hashlib.sha256(named.encode()).hexdigest()[:40]}"


def read_notification(body: str | bytes) -> Notification:
    """The notification. Raises ``UnreadablePayload``."""
    payload = _read(body)
    return Notification(
        receiver=_clean(payload.get("receiver", "")),
        group_key=_clean(payload["groupKey"]),
        group_labels=_texts(payload.get("groupLabels", {})),
        alerts=tuple(_alert(each) for each in payload["alerts"]),
        external_url=_clean(payload.get("externalURL", "")),
        truncated=payload.get("truncatedAlerts", 0),
    )


def _read(body: str | bytes) -> _Payload:
    try:
        payload = _PAYLOAD.validate_json(body)
    except ValidationError as error:
        raise UnreadablePayload(_sentence(error)) from None
    if payload["version"] != VERSION:
        raise UnreadablePayload(f"Version {payload['version'][:20]!r} of the payload is not known here; {VERSION!r} is.")
    return payload


def _alert(told: _Alert) -> Alert:
    firing = told["status"] == "firing"
    ends_at = told.get("endsAt")
    return Alert(
        fingerprint=_clean(told["fingerprint"]),
        firing=firing,
        labels=_texts(told["labels"]),
        annotations=_texts(told.get("annotations", {})),
        starts_at=_moment(told["startsAt"]),
        ends_at=None if firing or ends_at is None else _moment(ends_at),
        generator_url=_clean(told.get("generatorURL", "")),
    )


def _moment(at: datetime) -> datetime:
    """In UTC. The first and the last day of the calendar have no other zones."""
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return at.replace(tzinfo=UTC)


def _texts(texts: dict[str, str]) -> dict[str, str]:
    return {_clean(name): _clean(text) for name, text in texts.items()}


def _clean(text: str) -> str:
    """Without the character that PostgreSQL keeps in no text, and not endless."""
    return text.replace("\x00", "\ufffd")[:LABEL]


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "json_invalid":
        return "The body is not JSON."
    return f"The payload is not Alertmanager's: {where or 'it'}: {first['msg'][:1].lower()}{first['msg'][1:]}."
