"""What Alertmanager posts: checked, and read into our words. Its errors are sentences for the log of whoever sent it."""

import hashlib
from datetime import UTC, datetime
from operator import itemgetter
from typing import Annotated, Literal, NotRequired

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # the one that pydantic reads before Python 3.12

from domain.alerts.alerts import Alert, Notification

PAYLOAD_VERSION = "4"
"""Of the payload; Alertmanager has sent this one since 2017."""

MAX_NAME_CHARACTERS = 16_384
"""Characters of a name or an address that are kept, and of the labels that a group has: a silence needs them whole."""
MAX_TEXT_CHARACTERS = 4096
"""Characters of an alert's label or annotation that are kept. Alertmanager itself sets no limit; Slack shows 3,000."""
MAX_LABELS_PER_ALERT = 64
"""Labels, or annotations, of one alert that are kept: what a card shows is stored again with every change of it."""
MIN_TIME, MAX_TIME = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Times beyond these are no times of alerts, and nobody could look some hours around them."""


class InvalidWebhookPayload(ValueError):
    """It is not what Alertmanager sends. Sending it again will not help."""


class _AlertPayload(TypedDict):
    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: NotRequired[dict[str, str]]
    startsAt: AwareDatetime
    endsAt: NotRequired[AwareDatetime]
    generatorURL: NotRequired[str]
    fingerprint: Annotated[str, Field(min_length=1, max_length=64)]


class _WebhookPayload(TypedDict):
    version: str
    groupKey: Annotated[str, Field(min_length=1)]
    receiver: NotRequired[str]
    groupLabels: NotRequired[dict[str, str]]
    externalURL: NotRequired[str]
    truncatedAlerts: NotRequired[Annotated[int, Field(ge=0)]]
    alerts: list[_AlertPayload]


_PAYLOAD_ADAPTER = TypeAdapter(_WebhookPayload)
_DEDUP_FIELDS = itemgetter("fingerprint", "status", "startsAt")
_DEDUP_ADAPTER = TypeAdapter(list[tuple[str, str, datetime]])
"""Writes ten of them in 3 µs; Python's own formatting of times takes three times as long."""


def notification_key(body: bytes, at: datetime, repeat_seconds: float) -> str:
    """The name of a notification: the same for both Alertmanagers of a pair, and for a repetition within ``repeat_seconds``.

    A repetition that comes later is taken in again: it changes nothing, but says that the watchdog lives.
    Raises ``UnreadablePayload``.
    """
    payload = _parse_payload(body)
    serialized_alerts = _DEDUP_ADAPTER.dump_json(sorted(map(_DEDUP_FIELDS, payload["alerts"])))
    group = f"{payload.get('receiver', '')}\n{payload['groupKey']}\n{payload.get('truncatedAlerts', 0)}\n"
    time_slot = int(at.timestamp() / repeat_seconds) if repeat_seconds else int(at.timestamp() * 1e6)
    # The turn stands first, so that keys grow with time: the index then grows at its end, at half the cost of everywhere.
    return f"alert-{time_slot:014x}-{hashlib.sha256(group.encode() + serialized_alerts).hexdigest()[:32]}"


def parse_notification(body: str | bytes) -> Notification:
    """The notification. Raises ``UnreadablePayload``."""
    payload = _parse_payload(body)
    return Notification(
        receiver=_sanitize(payload.get("receiver", "")),
        group_key=_sanitize(payload["groupKey"]),
        group_labels={_sanitize(name): _sanitize(text) for name, text in payload.get("groupLabels", {}).items()},
        # An alert that is there twice is what is said of it last.
        alerts=tuple({each["fingerprint"]: _to_alert(each) for each in payload["alerts"]}.values()),
        external_url=_sanitize(payload.get("externalURL", "")),
        truncated_alerts=payload.get("truncatedAlerts", 0),
    )


def _parse_payload(body: str | bytes) -> _WebhookPayload:
    try:
        payload = _PAYLOAD_ADAPTER.validate_json(body)
    except ValidationError as error:
        raise InvalidWebhookPayload(_error_message(error)) from None
    if payload["version"] != PAYLOAD_VERSION:
        raise InvalidWebhookPayload(
            f"Version {payload['version'][:20]!r} of the payload is not known here; {PAYLOAD_VERSION!r} is."
        )
    return payload


def _to_alert(parsed: _AlertPayload) -> Alert:
    firing = parsed["status"] == "firing"
    ends_at = None if firing else parsed.get("endsAt")
    return Alert(
        fingerprint=_sanitize(parsed["fingerprint"]),
        firing=firing,
        labels=_limit_texts(parsed["labels"]),
        annotations=_limit_texts(parsed.get("annotations", {})),
        starts_at=_clamp_time(parsed["startsAt"]),
        # Year 1 is how Alertmanager writes that it knows of no end.
        ends_at=None if ends_at is None or ends_at.year == 1 else _clamp_time(ends_at),
        generator_url=_sanitize(parsed.get("generatorURL", "")),
    )


def _clamp_time(at: datetime) -> datetime:
    """In UTC."""
    if MIN_TIME <= at <= MAX_TIME:
        return at.astimezone(UTC)
    return MIN_TIME if at < MIN_TIME else MAX_TIME


def _limit_texts(texts: dict[str, str]) -> dict[str, str]:
    limited = list(texts.items())[:MAX_LABELS_PER_ALERT] if len(texts) > MAX_LABELS_PER_ALERT else texts.items()
    return {_sanitize(name, MAX_TEXT_CHARACTERS): _sanitize(text, MAX_TEXT_CHARACTERS) for name, text in limited}


def _sanitize(text: str, max_characters: int = MAX_NAME_CHARACTERS) -> str:
    """Without the character that PostgreSQL keeps in no text, and not endless."""
    return text.replace("\x00", "\ufffd")[:max_characters]


def _error_message(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    location = ".".join(str(part) for part in first["loc"])
    if first["type"] == "json_invalid":
        return "The body is not JSON."
    return f"The payload is not Alertmanager's: {location or 'it'}: {first['msg'][:1].lower()}{first['msg'][1:]}."
