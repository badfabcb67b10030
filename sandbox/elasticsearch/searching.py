"""Runs a search over indices: what its body may say, and what is answered."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.elasticsearch.errors import illegal, parsing
from sandbox.elasticsearch.model import Document, Json, LogIndex
from sandbox.elasticsearch.queries import matcher

SHARDS = 5
MAX_WINDOW, DEFAULT_SIZE, DEFAULT_COUNTED = 10_000, 10, 10_000
_BODY_KEYS = frozenset({"size", "from", "track_total_hits", "timeout", "_source", "fields", "sort", "query"})


def run(indices: Mapping[str, LogIndex], body: Any, failed_shards: int) -> Json:
    """The answer of a search that is done. Raises ``Refused``."""
    if not isinstance(body, dict):
        raise parsing("Expected [START_OBJECT] but found another")
    if unknown := sorted(body.keys() - _BODY_KEYS):
        raise parsing(f"unknown key for a {type(body[unknown[0]]).__name__} in [{unknown[0]}].")
    size = body.get("size", DEFAULT_SIZE)
    if not isinstance(size, int) or size < 0 or size > MAX_WINDOW:
        raise illegal(f"Result window is too large, from + size must be less than or equal to: [{MAX_WINDOW}] but was [{size}].")
    fits = matcher(body.get("query", {"match_all": {}}))
    names, field, is_descending = _fields(body.get("fields", [])), *_sort(body.get("sort", []))
    found = [(name, index, each) for name, index in indices.items() for each in index.documents if fits(index, each)]
    found.sort(
        key=lambda hit: datetime.fromisoformat(hit[1].value(hit[2], field) or "0001-01-01T00:00:00Z"), reverse=is_descending
    )
    counted = body.get("track_total_hits", DEFAULT_COUNTED)
    hits = [_hit(name, index, each, names) for name, index, each in found[:size]] if failed_shards < SHARDS else []
    return _answer(hits, len(found), counted, failed_shards)


def empty(shards_done: int) -> Json:
    """What a search has while it runs: counts, and no documents."""
    answer = _answer([], 0, DEFAULT_COUNTED, 0)
    answer["_shards"]["successful"] = shards_done
    answer["hits"]["total"] = {"value": 0, "relation": "gte"}
    return answer


def _answer(hits: list[Json], total: int, counted: int, failed: int) -> Json:
    is_more = total > counted
    shards: Json = {"total": SHARDS, "successful": SHARDS - failed, "skipped": 0, "failed": failed}
    if failed:
        reason = {"type": "circuit_breaking_exception", "reason": "[parent] Data too large"}
        shards["failures"] = [{"shard": number, "index": "logs", "node": "n1", "reason": reason} for number in range(failed)]
    return {
        "took": 3,
        "timed_out": False,
        "_shards": shards,
        "hits": {
            "total": {"value": counted if is_more else total, "relation": "gte" if is_more else "eq"},
            "max_score": None,
            "hits": hits,
        },
    }


def _hit(name: str, index: LogIndex, document: Document, names: list[str]) -> Json:
    fields = {each: [value] for each in names if each in index.fields and (value := index.value(document, each)) is not None}
    return {"_index": name, "_id": str(id(document)), "_score": None, "fields": fields, "sort": [0]}


def _fields(given: Any) -> list[str]:
    for each in given:
        if isinstance(each, dict) and (unknown := sorted(each.keys() - {"field", "format", "include_unmapped"})):
            raise parsing(f"[fieldAndFormat] unknown field [{unknown[0]}]")
    return [each["field"] if isinstance(each, dict) else each for each in given]


def _sort(given: Any) -> tuple[str, bool]:
    """One field and its order."""
    if not given:
        return "@timestamp", False
    (name, options), *_ = given[0].items()
    if unknown := sorted(options.keys() - {"order", "unmapped_type", "missing", "format"}):
        raise parsing(f"[field_sort] unknown field [{unknown[0]}]")
    return name, options.get("order") == "desc"
