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


class _MatcherModel(BaseModel):
    name: str
    value: str
    is_regex: Annotated[bool, Field(alias="isRegex")]
    is_equal: Annotated[bool, Field(alias="isEqual")] = True
    """Before 0.22 there was nothing but equal."""


class _SilenceStatus(BaseModel):
    state: SilenceState


class _SilenceModel(BaseModel):
    id: str
    status: _SilenceStatus
    matchers: list[_MatcherModel]
    starts_at: Annotated[datetime, Field(alias="startsAt")]
    ends_at: Annotated[datetime, Field(alias="endsAt")]
    created_by: Annotated[str, Field(alias="createdBy")]
    comment: str = ""

    def to_silence(self) -> Silence:
        return Silence(
            id=self.id,
            matchers=tuple(Matcher(each.name, _OPERATORS[each.is_equal, each.is_regex], each.value) for each in self.matchers),
            starts_at=self.starts_at.astimezone(UTC),
            ends_at=self.ends_at.astimezone(UTC),
            by=self.created_by,
            comment=self.comment,
            state=self.status.state,
        )


class _CreatedModel(BaseModel):
    id: Annotated[str, Field(alias="silenceID", min_length=1)]


class _VersionInfo(BaseModel):
    version: str


class _ServerStatus(BaseModel):
    version_info: Annotated[_VersionInfo, Field(alias="versionInfo")]


_SILENCES_ADAPTER = TypeAdapter(list[_SilenceModel])


def parse_silences(body: bytes) -> tuple[Silence, ...]:
    """Newest first. Raises ``ValueError``."""
    silences = [each.to_silence() for each in _SILENCES_ADAPTER.validate_json(body)]
    return tuple(sorted(silences, key=lambda silence: (silence.starts_at, silence.id), reverse=True))


def parse_silence(body: bytes) -> Silence:
    """Raises ``ValueError``."""
    return _SilenceModel.model_validate_json(body).to_silence()


def parse_created_id(body: bytes) -> str:
    """The id of a silence that was made. Raises ``ValueError``."""
    return _CreatedModel.model_validate_json(body).id


def parse_version(body: bytes) -> str:
    """Raises ``ValueError``."""
    return _ServerStatus.model_validate_json(body).version_info.version


def silence_payload(
    matchers: Sequence[Matcher], *, starts_at: datetime, ends_at: datetime, by: str, comment: str
) -> dict[str, Any]:
    """A new silence, without an id: with that of an expired one Alertmanager would make it anew and say nothing."""
    return {
        "matchers": [
            {
                "name": matcher.name,
                "value": matcher.value,
                "isEqual": _FLAGS[matcher.operator][0],
                "isRegex": _FLAGS[matcher.operator][1],
            }
            for matcher in matchers
        ],
        "startsAt": truncate_to_milliseconds(starts_at).isoformat(timespec="milliseconds"),
        "endsAt": truncate_to_milliseconds(ends_at).isoformat(timespec="milliseconds"),
        "createdBy": by,
        "comment": comment,
    }


def truncate_to_milliseconds(at: datetime) -> datetime:
    """What Alertmanager shows of a time."""
    return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)
