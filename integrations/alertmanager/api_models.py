"""JSON models of Alertmanager's API v2: parsed responses and the payload of a new silence."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter
from typing_extensions import TypedDict  # the one that pydantic reads before Python 3.12

from domain.alerts.reconciliation import AlertmanagerUptime, ListedAlert
from domain.alerts.silences import AlertDetails, Silence, SilenceState
from domain.matchers import Matcher, Operator

_OPERATORS = {
    (True, False): Operator.EQUAL,
    (False, False): Operator.NOT_EQUAL,
    (True, True): Operator.MATCHES,
    (False, True): Operator.MATCHES_NOT,
}
"""Keys are pairs of ``isEqual`` and ``isRegex``."""
_FLAGS = {operator: flags for flags, operator in _OPERATORS.items()}


class _MatcherModel(BaseModel):
    name: str
    value: str
    is_regex: Annotated[bool, Field(alias="isRegex")]
    is_equal: Annotated[bool, Field(alias="isEqual")] = True
    """Alertmanager before 0.22 has no negative matchers and omits this field."""


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
            matchers=tuple(
                Matcher(matcher.name, _OPERATORS[matcher.is_equal, matcher.is_regex], matcher.value) for matcher in self.matchers
            ),
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


class _ClusterStatus(BaseModel):
    status: str = "disabled"


class _UptimeStatus(BaseModel):
    cluster: _ClusterStatus = _ClusterStatus()
    uptime: AwareDatetime
    """When the process started, in spite of its name."""


class _ListedModel(TypedDict):
    fingerprint: str
    startsAt: AwareDatetime
    updatedAt: AwareDatetime


class _AlertStatus(TypedDict):
    silencedBy: list[str] | None


class _AlertModel(TypedDict):
    fingerprint: str
    labels: dict[str, str]
    status: _AlertStatus


_ALERTS_ADAPTER = TypeAdapter(list[_AlertModel])
_SILENCES_ADAPTER = TypeAdapter(list[_SilenceModel])
_LISTED_ADAPTER = TypeAdapter(list[_ListedModel])
"""Only what is compared is read: ten thousand alerts take some 50 ms."""


def parse_silences(body: bytes) -> tuple[Silence, ...]:
    """Parse the list of silences, newest first. Raises ``ValueError``."""
    silences = [model.to_silence() for model in _SILENCES_ADAPTER.validate_json(body)]
    return tuple(sorted(silences, key=lambda silence: (silence.starts_at, silence.id), reverse=True))


def parse_silence(body: bytes) -> Silence:
    """Parse one silence. Raises ``ValueError``."""
    return _SilenceModel.model_validate_json(body).to_silence()


def parse_created_id(body: bytes) -> str:
    """Parse the id of a silence that was just created. Raises ``ValueError``."""
    return _CreatedModel.model_validate_json(body).id


def parse_version(body: bytes) -> str:
    """Parse the server's version. Raises ``ValueError``."""
    return _ServerStatus.model_validate_json(body).version_info.version


def parse_listed_alerts(body: bytes) -> dict[str, ListedAlert]:
    """Parse the list of alerts that have not ended, by fingerprint; silenced and inhibited ones are among them.

    Raises ``ValueError``.
    """
    return {each["fingerprint"]: ListedAlert(each["startsAt"], each["updatedAt"]) for each in _LISTED_ADAPTER.validate_json(body)}


def parse_alert_details(body: bytes) -> tuple[AlertDetails, ...]:
    """Parse the list of alerts with their labels and what silences them. Raises ``ValueError``."""
    return tuple(
        AlertDetails(
            fingerprint=each["fingerprint"], labels=each["labels"], silenced_by=tuple(each["status"]["silencedBy"] or ())
        )
        for each in _ALERTS_ADAPTER.validate_json(body)
    )


def parse_uptime(body: bytes) -> AlertmanagerUptime:
    """Parse since when the server has run. Raises ``ValueError``."""
    status = _UptimeStatus.model_validate_json(body)
    return AlertmanagerUptime(started_at=status.uptime.astimezone(UTC), settled=status.cluster.status != "settling")


def silence_payload(
    matchers: Sequence[Matcher], *, starts_at: datetime, ends_at: datetime, by: str, comment: str
) -> dict[str, Any]:
    """The request body of a new silence.

    It carries no id: given the id of an expired silence, Alertmanager would create another one without an error.
    """
    return _silence_fields(matchers, starts_at=starts_at, ends_at=ends_at, by=by, comment=comment)


def moved_silence_payload(silence: Silence, ends_at: datetime) -> dict[str, Any]:
    """The request body that moves a silence's end. Anything else that differs would make another silence of it."""
    fields = _silence_fields(
        silence.matchers, starts_at=silence.starts_at, ends_at=ends_at, by=silence.by, comment=silence.comment
    )
    return fields | {"id": silence.id}


def _silence_fields(
    matchers: Sequence[Matcher], *, starts_at: datetime, ends_at: datetime, by: str, comment: str
) -> dict[str, Any]:
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
    """Alertmanager returns times with milliseconds; times have to be cut likewise before they are compared."""
    return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)
