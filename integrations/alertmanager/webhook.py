"""Alertmanager webhook payload (version 4): validation, deduplication key, conversion to domain facts.

Error texts go back in the HTTP response, so that they appear in the log of the sender.
"""

import hashlib
from datetime import UTC, datetime
from operator import itemgetter
from typing import Annotated, Literal, NotRequired

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # the one that pydantic reads before Python 3.12

from domain.alerts.alerts import Alert, Notification

PAYLOAD_VERSION = "4"
"""The payload version that Alertmanager has sent since 2017."""

MAX_NAME_CHARACTERS = 16_384
"""Maximum stored characters of a name, a URL or a group label. Group labels become silence matchers, which need them whole."""
MAX_TEXT_CHARACTERS = 4096
"""Maximum stored characters of an alert's label or annotation. Alertmanager sets no limit; a Slack section shows 3,000."""
MAX_LABELS_PER_ALERT = 64
"""Maximum stored labels, and annotations, of one alert: a card's content is stored again with every change of the card."""
MIN_TIME, MAX_TIME = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Times outside are clamped: they are mistakes, and adding hours to them could overflow ``datetime``."""


class InvalidWebhookPayload(ValueError):
    """The body is not an Alertmanager notification; sending it again cannot help."""


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
"""Serializes ten alerts in 3 µs; ``datetime.isoformat`` would take three times as long."""


def notification_key(body: bytes, at: datetime, repeat_seconds: float) -> str:
    """The deduplication key of a notification: equal for both Alertmanagers of a pair and for repeats within ``repeat_seconds``.

    A later repeat gets a new key and is processed again: it changes no group, but it proves that the watchdog still fires.
    Raises ``InvalidWebhookPayload``.
    """
    payload = _parse_payload(body)
    serialized_alerts = _DEDUP_ADAPTER.dump_json(sorted(map(_DEDUP_FIELDS, payload["alerts"])))
    group = f"{payload.get('receiver', '')}\n{payload['groupKey']}\n{payload.get('truncatedAlerts', 0)}\n"
    # Without a repeat interval every notification gets a slot of its own, so that none counts as a repeat.
    time_slot = int(at.timestamp() / repeat_seconds) if repeat_seconds else int(at.timestamp() * 1e6)
    # The time slot comes first, so that keys grow with time: appending at the end of the index costs half of random inserts.
    return f"alert-{time_slot:014x}-{hashlib.sha256(group.encode() + serialized_alerts).hexdigest()[:32]}"


def parse_notification(body: str | bytes) -> Notification:
    """Parse and sanitize a notification. Raises ``InvalidWebhookPayload``."""
    payload = _parse_payload(body)
    return Notification(
        receiver=_sanitize(payload.get("receiver", "")),
        group_key=_sanitize(payload["groupKey"]),
        group_labels={_sanitize(name): _sanitize(text) for name, text in payload.get("groupLabels", {}).items()},
        # Where a fingerprint occurs twice in one payload, the last entry wins.
        alerts=tuple({alert["fingerprint"]: _to_alert(alert) for alert in payload["alerts"]}.values()),
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
        # Alertmanager writes Go's zero time (year 1) where it knows no end.
        ends_at=None if ends_at is None or ends_at.year == 1 else _clamp_time(ends_at),
        generator_url=_sanitize(parsed.get("generatorURL", "")),
    )


def _clamp_time(at: datetime) -> datetime:
    """Convert to UTC, within ``MIN_TIME`` and ``MAX_TIME``."""
    if MIN_TIME <= at <= MAX_TIME:
        return at.astimezone(UTC)
    return MIN_TIME if at < MIN_TIME else MAX_TIME


def _limit_texts(texts: dict[str, str]) -> dict[str, str]:
    limited = list(texts.items())[:MAX_LABELS_PER_ALERT] if len(texts) > MAX_LABELS_PER_ALERT else texts.items()
    return {_sanitize(name, MAX_TEXT_CHARACTERS): _sanitize(text, MAX_TEXT_CHARACTERS) for name, text in limited}


def _sanitize(text: str, max_characters: int = MAX_NAME_CHARACTERS) -> str:
    """Replace NUL, which PostgreSQL cannot store in text, and cut the text to ``max_characters``."""
    return text.replace("\x00", "\ufffd")[:max_characters]


def _error_message(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    location = ".".join(str(part) for part in first["loc"])
    if first["type"] == "json_invalid":
        return "The body is not JSON."
    return f"The payload is not Alertmanager's: {location or 'it'}: {first['msg'][:1].lower()}{first['msg'][1:]}."
