"""What the stand-in keeps: indices with documents, searches that run, and what goes wrong."""

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
Document = Mapping[str, str]
"""Values by the full names of their fields."""

LOG_FIELDS: Mapping[str, str] = {
    "@timestamp": "date",
    "message": "text",
    "kubernetes.namespace": "keyword",
    "kubernetes.deployment.name": "keyword",
    "kubernetes.pod.name": "keyword",
}
"""The fields of log lines, as Filebeat's template maps them."""


@dataclass
class LogIndex:
    """An index: the types of its fields, and its documents. ``x.keyword`` is the whole value of the text ``x``."""

    fields: Mapping[str, str] = field(default_factory=lambda: dict(LOG_FIELDS))
    documents: list[Document] = field(default_factory=list)

    def value(self, document: Document, name: str) -> str | None:
        """The value of a field, or of the field that this one is another view of."""
        return document.get(name, document.get(name.removesuffix(".keyword")))


@dataclass(frozen=True, slots=True)
class Search:
    """A search that was started. Times are those of the event loop, in seconds."""

    id: str
    answer: Json
    done_at: float
    expires_at: float


@dataclass
class Trouble:
    """What happens to each request of the API until it is taken back."""

    status: int = 0
    delay_seconds: float = 0.0
    body: bytes | None = None
    search_seconds: float = 0.0
    """How long each search runs."""
    failed_shards: int = 0
    """Parts of the indices, of five, that fail."""
    refuses_deletion: bool = False


@dataclass
class State:
    """Everything, for tests to fill and to look into. ``requests`` are method, path and body."""

    indices: dict[str, LogIndex] = field(default_factory=dict)
    searches: dict[str, Search] = field(default_factory=dict)
    trouble: Trouble = field(default_factory=Trouble)
    requests: list[tuple[str, str, Any]] = field(default_factory=list)

    def named(self, patterns: str) -> dict[str, LogIndex]:
        """The indices that a list of names and patterns means."""
        wanted = patterns.split(",")
        return {name: index for name, index in self.indices.items() if any(fnmatch.fnmatchcase(name, each) for each in wanted)}

    def missing(self, patterns: str) -> Iterable[str]:
        """Names without a wildcard that are no index."""
        return (each for each in patterns.split(",") if "*" not in each and each not in self.indices)
