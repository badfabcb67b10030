"""What Alertmanager posts: checked, and read into our words. Its errors are sentences for the log of whoever sent it."""

import hashlib
from datetime import UTC, datetime
from operator import itemgetter
from typing import Annotated, Literal, NotRequired

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # the one that pydantic reads before Python 3.12

from domain.alerts.alerts import Alert, Notification

VERSION = "4"
"""Of the payload; Alertmanager has sent this one since 2017."""

LONGEST = 16_384
"""Characters of a name or an address that are kept, and of the labels that a group has: a silence needs them whole."""
TEXT = 4096
"""Characters of an alert's label or annotation that are kept. Alertmanager itself sets no limit; Slack shows 3,000."""
MOST_TEXTS = 64
"""Labels, or annotations, of one alert that are kept: what a card shows is stored again with every change of it."""
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Times beyond these are no times of alerts, and nobody could look some hours around them."""


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
_WHAT_IS_TOLD = itemgetter("fingerprint", "status", "startsAt")
_TOLD = TypeAdapter(list[tuple[str, str, datetime]])
"""Writes ten of them in 3 µs; Python's own formatting of times takes three times as long."""


def checked_key(body: bytes, at: datetime, repeat_seconds: float) -> str:
    """The name of a notification: the same for both Alertmanagers of a pair, and for a repetition within ``repeat_seconds``.

    A repetition that comes later is taken in again: it changes nothing, but says that the watchdog lives.
    Raises ``UnreadablePayload``.
    """
    payload = _read(body)
    told = _TOLD.dump_json(sorted(map(_WHAT_IS_TOLD, payload["alerts"])))
    group = f"{payload.get('receiver', '')}\n{payload['groupKey']}\n{payload.get('truncatedAlerts', 0)}\n"
    turn = int(at.timestamp() / repeat_seconds) if repeat_seconds else int(at.timestamp() * 1e6)
    # The turn stands first, so that keys grow with time: the index then grows at its end, at half the cost of everywhere.
    return f"alert-{turn:014x}-{hashlib.sha256(group.encode() + told).hexdigest()[:32]}"


def read_notification(body: str | bytes) -> Notification:
    """The notification. Raises ``UnreadablePayload``."""
    payload = _read(body)
    return Notification(
        receiver=_clean(payload.get("receiver", "")),
        group_key=_clean(payload["groupKey"]),
        group_labels={_clean(name): _clean(text) for name, text in payload.get("groupLabels", {}).items()},
        # An alert that is there twice is what is said of it last.
        alerts=tuple({each["fingerprint"]: _alert(each) for each in payload["alerts"]}.values()),
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
    ends_at = None if firing else told.get("endsAt")
    return Alert(
        fingerprint=_clean(told["fingerprint"]),
        firing=firing,
        labels=_texts(told["labels"]),
        annotations=_texts(told.get("annotations", {})),
        starts_at=_moment(told["startsAt"]),
        # Year 1 is how Alertmanager writes that it knows of no end.
        ends_at=None if ends_at is None or ends_at.year == 1 else _moment(ends_at),
        generator_url=_clean(told.get("generatorURL", "")),
    )


def _moment(at: datetime) -> datetime:
    """In UTC."""
    if EARLIEST <= at <= LATEST:
        return at.astimezone(UTC)
    return EARLIEST if at < EARLIEST else LATEST


def _texts(texts: dict[str, str]) -> dict[str, str]:
    some = list(texts.items())[:MOST_TEXTS] if len(texts) > MOST_TEXTS else texts.items()
    return {_clean(name, TEXT): _clean(text, TEXT) for name, text in some}


def _clean(text: str, longest: int = LONGEST) -> str:
    """Without the character that PostgreSQL keeps in no text, and not endless."""
    return text.replace("\x00", "\ufffd")[:longest]


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "json_invalid":
        return "The body is not JSON."
    return f"The payload is not Alertmanager's: {where or 'it'}: {first['msg'][:1].lower()}{first['msg'][1:]}."
