"""What the servers answer, read into small facts. Lines are those of the search, not yet redacted."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field, TypeAdapter

from domain.logs.lines import MAX_LINE_LENGTH, LogLine, without_cut_word
from integrations.elasticsearch.queries import LineSearch

_RUNNING_STATES = frozenset({"RUNNING", "INIT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLines:
    """Lines, the newest first. ``shards_asked`` and ``shards_answered`` say how much of the indices was searched."""

    lines: tuple[LogLine, ...]
    total: int
    is_at_least: bool
    timed_out: bool
    shards_asked: int
    shards_answered: int
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchState:
    """A search that was started. An ``id`` means that the server keeps something, which has to be deleted."""

    id: str
    is_running: bool
    found: FoundLines


class _Total(BaseModel):
    value: int = 0
    relation: str = "eq"


class _Hit(BaseModel):
    fields: dict[str, list[Any]] = Field(default_factory=dict)


class _Hits(BaseModel):
    total: _Total = _Total()
    hits: tuple[_Hit, ...] = ()


class _Cause(BaseModel):
    reason: str | None = ""


class _ShardFailure(BaseModel):
    reason: _Cause = _Cause()


class _Shards(BaseModel):
    total: int = 0
    successful: int = 0
    failures: tuple[_ShardFailure, ...] = ()


class _Response(BaseModel):
    timed_out: bool = False
    shards: _Shards = Field(default=_Shards(), alias="_shards")
    hits: _Hits = _Hits()


class _Search(BaseModel):
    """Of Elasticsearch with ``is_running``, of OpenSearch with ``state``."""

    id: str | None = None
    is_running: bool = False
    state: str = ""
    response: _Response | None = None
    error: _Cause | None = None


class _Version(BaseModel):
    number: str = ""
    distribution: str = ""
    build_flavor: str = ""


class _Server(BaseModel):
    version: _Version = _Version()


@dataclass(frozen=True, slots=True)
class Product:
    """Which server it is, and under which path its asynchronous searches are; an empty path: under those of its indices."""

    name: str
    version: str
    plugin_path: str = ""


def parse_product(body: bytes) -> Product:
    """From the answer to ``GET /``."""
    version = _Server.model_validate_json(body).version
    if version.distribution == "opensearch":
        return Product("OpenSearch", version.number, "/_plugins/_asynchronous_search")
    if version.build_flavor == "oss":
        return Product("Elasticsearch", version.number, "/_opendistro/_asynchronous_search")
    return Product("Elasticsearch", version.number)


def parse_field_types(body: bytes) -> dict[str, frozenset[str]]:
    """The types of each field that any of the indices has."""
    fields = _FIELD_CAPABILITIES.validate_json(body).get("fields") or {}
    return {name: frozenset(types) for name, types in fields.items() if isinstance(types, dict)}


_FIELD_CAPABILITIES: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


def parse_search(body: bytes, search: LineSearch) -> SearchState:
    """From the answer to the start of a search and to each later look at it."""
    read = _Search.model_validate_json(body)
    response = read.response or _Response()
    return SearchState(
        id=read.id or "",
        is_running=read.is_running or read.state in _RUNNING_STATES,
        found=FoundLines(
            lines=tuple(line for hit in response.hits.hits if (line := _line(hit, search)) is not None),
            total=response.hits.total.value,
            is_at_least=response.hits.total.relation != "eq",
            timed_out=response.timed_out,
            shards_asked=response.shards.total,
            shards_answered=response.shards.successful,
            problem=_problem(read, response),
        ),
    )


def _problem(read: _Search, response: _Response) -> str:
    if read.error is not None:
        return read.error.reason or "an error without a reason"
    return next((failure.reason.reason for failure in response.shards.failures if failure.reason.reason), "")


def _line(hit: _Hit, search: LineSearch) -> LogLine | None:
    """None for a document without a time or a message: it is no line of a log."""
    time, message = _first(hit, search.time_field), _first(hit, search.message_field)
    if not time or not message:
        return None
    at = datetime.fromisoformat(time)
    text = without_cut_word(message.rstrip("\r\n"), MAX_LINE_LENGTH)
    return LogLine(at if at.tzinfo else at.replace(tzinfo=UTC), text, _first(hit, search.pod_field))


def _first(hit: _Hit, name: str) -> str:
    values = hit.fields.get(name)
    return values[0] if values and isinstance(values[0], str) else ""
