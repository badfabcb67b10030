"""Silences as API v2 writes them, both ways."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter

from domain.alerts.silences import Silence, SilenceState
from domain.matchers import Matcher, Operator

_OPERATORS = {
    (True, False): Operator.EQUAL,
    (False, False): Operator.NOT_EQUAL,
    (True, True): Operator.MATCHES,
    (False, True): Operator.MATCHES_NOT,
}
"""By ``isEqual`` and ``isRegex``."""
_FLAGS = {operator: flags for flags, operator in _OPERATORS.items()}


class _Matcher(BaseModel):
    name: str
    value: str
    is_regex: Annotated[bool, Field(alias="isRegex")]
    is_equal: Annotated[bool, Field(alias="isEqual")] = True
    """Before 0.22 there was nothing but equal."""


class _Status(BaseModel):
    state: SilenceState


class _Silence(BaseModel):
    id: str
    status: _Status
    matchers: list[_Matcher]
    starts_at: Annotated[datetime, Field(alias="startsAt")]
    ends_at: Annotated[datetime, Field(alias="endsAt")]
    created_by: Annotated[str, Field(alias="createdBy")]
    comment: str = ""

    def silence(self) -> Silence:
        return Silence(
            id=self.id,
            matchers=tuple(Matcher(each.name, _OPERATORS[each.is_equal, each.is_regex], each.value) for each in self.matchers),
            starts_at=self.starts_at.astimezone(UTC),
            ends_at=self.ends_at.astimezone(UTC),
            by=self.created_by,
            comment=self.comment,
            state=self.status.state,
        )


class _Made(BaseModel):
    id: Annotated[str, Field(alias="silenceID", min_length=1)]


class _Version(BaseModel):
    version: str


class _About(BaseModel):
    version_info: Annotated[_Version, Field(alias="versionInfo")]


_LIST = TypeAdapter(list[_Silence])


def silences_in(body: bytes) -> tuple[Silence, ...]:
    """Newest first. Raises ``ValueError``."""
    found = [each.silence() for each in _LIST.validate_json(body)]
    return tuple(sorted(found, key=lambda silence: (silence.starts_at, silence.id), reverse=True))


def silence_in(body: bytes) -> Silence:
    """Raises ``ValueError``."""
    return _Silence.model_validate_json(body).silence()


def made_in(body: bytes) -> str:
    """The id of a silence that was made. Raises ``ValueError``."""
    return _Made.model_validate_json(body).id


def version_in(body: bytes) -> str:
    """Raises ``ValueError``."""
    return _About.model_validate_json(body).version_info.version


def payload(matchers: Sequence[Matcher], *, starts_at: datetime, ends_at: datetime, by: str, comment: str) -> dict[str, Any]:
    """A new silence, without an id: with that of an expired one Alertmanager would make it anew and say nothing."""
    return {
        "matchers": [
            {
                "name": each.name,
                "value": each.value,
                "isEqual": _FLAGS[each.operator][0],
                "isRegex": _FLAGS[each.operator][1],
            }
            for each in matchers
        ],
        "startsAt": in_milliseconds(starts_at).isoformat(timespec="milliseconds"),
        "endsAt": in_milliseconds(ends_at).isoformat(timespec="milliseconds"),
        "createdBy": by,
        "comment": comment,
    }


def in_milliseconds(at: datetime) -> datetime:
    """What Alertmanager shows of a time."""
    return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)
