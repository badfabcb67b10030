"""Webhook payloads of Alertmanager and of Grafana's own alerting: validation, deduplication key, conversion to domain facts.

Mimir's Alertmanager, and the one behind vmalert, post what Alertmanager posts. Grafana adds fields, and writes null where Go has
an empty map. Labels and annotations are not cut here: all of them decide (``domain.alerts.stored_alerts``).

Error texts go back in the HTTP response, so that they appear in the log of the sender.
"""

import hashlib
import math
from datetime import UTC, datetime
from operator import itemgetter
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # the one that pydantic reads before Python 3.12

from domain.alerts.alerts import Alert, GrafanaDetails, Notification

PAYLOAD_VERSION = "4"
"""The payload version that Alertmanager has sent since 2017."""
GRAFANA_VERSION = "1"
"""The payload version of Grafana's own alerting since Grafana 8."""

MAX_NAME_CHARACTERS = 16_384
"""Maximum stored characters of a name, a URL or a group label. Group labels become silence matchers, which need them whole."""
MAX_LOCATION_CHARACTERS = 200
"""Maximum characters of the place in a payload that a refusal names."""
MAX_VALUES_PER_ALERT = 10
"""Maximum stored values of a Grafana rule's expressions."""
_NUL_REPLACEMENT = "\ufffd"
MIN_TIME, MAX_TIME = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Times outside are clamped: they are mistakes, and adding hours to them could overflow ``datetime``."""


class InvalidWebhookPayload(ValueError):
    """The body is not an Alertmanager notification; sending it again cannot help."""


class _AlertPayload(TypedDict):
    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: NotRequired[dict[str, str] | None]
    startsAt: AwareDatetime
    endsAt: NotRequired[AwareDatetime | None]
    generatorURL: NotRequired[str | None]
    fingerprint: Annotated[str, Field(min_length=1, max_length=64)]
    values: NotRequired[Any]
    dashboardURL: NotRequired[str | None]
    panelURL: NotRequired[str | None]
    silenceURL: NotRequired[str | None]


class _WebhookPayload(TypedDict):
    version: str
    groupKey: Annotated[str, Field(min_length=1)]
    receiver: NotRequired[str | None]
    groupLabels: NotRequired[dict[str, str] | None]
    externalURL: NotRequired[str | None]
    truncatedAlerts: NotRequired[Annotated[int, Field(ge=0)] | None]
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
    group = f"{payload.get('receiver') or ''}\n{payload['groupKey']}\n{payload.get('truncatedAlerts') or 0}\n"
    # Without a repeat interval every notification gets a slot of its own, so that none counts as a repeat.
    time_slot = int(at.timestamp() / repeat_seconds) if repeat_seconds else int(at.timestamp() * 1e6)
    # The time slot comes first, so that keys grow with time: appending at the end of the index costs half of random inserts.
    return f"alert-{time_slot:014x}-{hashlib.sha256(group.encode() + serialized_alerts).hexdigest()[:32]}"


def external_url_of(body: bytes) -> str:
    """The address that the sending Alertmanager calls its own; empty where it says none. Raises ``InvalidWebhookPayload``."""
    return _sanitize(_parse_payload(body).get("externalURL") or "")


def parse_notification(body: str | bytes) -> Notification:
    """Parse and sanitize a notification. Raises ``InvalidWebhookPayload``."""
    payload = _parse_payload(body)
    is_grafana = payload["version"] == GRAFANA_VERSION
    return Notification(
        receiver=_sanitize(payload.get("receiver")),
        group_key=_shorten_key(_sanitize(payload["groupKey"], len(payload["groupKey"]))),
        group_labels={_sanitize(name): _sanitize(text) for name, text in (payload.get("groupLabels") or {}).items()},
        # Where a fingerprint occurs twice in one payload, the last entry wins.
        alerts=tuple({alert["fingerprint"]: _to_alert(alert, is_grafana=is_grafana) for alert in payload["alerts"]}.values()),
        external_url=_sanitize(payload.get("externalURL")),
        truncated_alerts=payload.get("truncatedAlerts") or 0,
    )


def _parse_payload(body: str | bytes) -> _WebhookPayload:
    try:
        payload = _PAYLOAD_ADAPTER.validate_json(body)
    except ValidationError as error:
        raise InvalidWebhookPayload(_error_message(error)) from None
    if payload["version"] not in {PAYLOAD_VERSION, GRAFANA_VERSION}:
        known = f"{PAYLOAD_VERSION!r} of Alertmanager and {GRAFANA_VERSION!r} of Grafana are"
        raise InvalidWebhookPayload(f"Version {payload['version'][:20]!r} of the payload is not known here; {known}.")
    return payload


def _to_alert(parsed: _AlertPayload, *, is_grafana: bool) -> Alert:
    firing = parsed["status"] == "firing"
    ends_at = None if firing else parsed.get("endsAt")
    return Alert(
        fingerprint=_sanitize(parsed["fingerprint"]),
        firing=firing,
        labels=_without_nul(parsed["labels"]),
        annotations=_without_nul(parsed.get("annotations") or {}),
        starts_at=_clamp_time(parsed["startsAt"]),
        # Alertmanager writes Go's zero time (year 1) where it knows no end.
        ends_at=None if ends_at is None or ends_at.year == 1 else _clamp_time(ends_at),
        generator_url=_sanitize(parsed.get("generatorURL")),
        grafana=_grafana_details(parsed) if is_grafana else None,
    )


def _grafana_details(parsed: _AlertPayload) -> GrafanaDetails:
    values = parsed.get("values")
    numbers = {name: value for name, value in (values if isinstance(values, dict) else {}).items() if _is_finite(value)}
    return GrafanaDetails(
        values={_sanitize(name): float(numbers[name]) for name in sorted(numbers)[:MAX_VALUES_PER_ALERT]},
        dashboard_url=_sanitize(parsed.get("dashboardURL")),
        panel_url=_sanitize(parsed.get("panelURL")),
        silence_url=_sanitize(parsed.get("silenceURL")),
    )


def _is_finite(value: object) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number beyond what a float holds
        return False


def _clamp_time(at: datetime) -> datetime:
    """Convert to UTC, within ``MIN_TIME`` and ``MAX_TIME``."""
    if MIN_TIME <= at <= MAX_TIME:
        return at.astimezone(UTC)
    return MIN_TIME if at < MIN_TIME else MAX_TIME


def _without_nul(texts: dict[str, str]) -> dict[str, str]:
    return {name.replace("\x00", _NUL_REPLACEMENT): text.replace("\x00", _NUL_REPLACEMENT) for name, text in texts.items()}


def _sanitize(text: str | None, max_characters: int = MAX_NAME_CHARACTERS) -> str:
    """Replace NUL, which PostgreSQL cannot store in text, and cut the text to ``max_characters``. Null becomes empty."""
    return (text or "").replace("\x00", _NUL_REPLACEMENT)[:max_characters]


def _shorten_key(group_key: str) -> str:
    """A group key within ``MAX_NAME_CHARACTERS``. A longer one ends with its hash: two groups may share all that is left."""
    if len(group_key) <= MAX_NAME_CHARACTERS:
        return group_key
    digest = hashlib.sha256(group_key.encode(errors="surrogatepass")).hexdigest()
    return f"{group_key[: MAX_NAME_CHARACTERS - len(digest)]}{digest}"


def _error_message(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    # A label's name is part of the location: it may be long, and have lines of its own.
    location = ".".join(str(part) for part in first["loc"])[:MAX_LOCATION_CHARACTERS]
    location = "".join(character if character.isprintable() else "?" for character in location)
    if first["type"] == "json_invalid":
        return "The body is not JSON."
    return f"The payload is not Alertmanager's: {location or 'it'}: {first['msg'][:1].lower()}{first['msg'][1:]}."
