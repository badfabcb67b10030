"""The query language: what documents fit. What the stand-in does not know is refused, as the servers refuse what they do not."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.elasticsearch.errors import Refused, illegal, parsing
from sandbox.elasticsearch.model import Document, LogIndex

Match = Callable[[LogIndex, Document], bool]
_TOKEN = re.compile(r"\w+(?:[.'’]\w+)*")  # noqa: RUF001 -- an apostrophe, which the standard analyzer keeps within a word
_MAX_CLAUSES = 1024


def tokens(text: str) -> list[str]:
    """The words of a text, as the standard analyzer sees them: without signs, in small letters."""
    return [found.lower() for found in _TOKEN.findall(text)]


def matcher(query: Any) -> Match:
    """Which documents fit. Raises ``Refused``."""
    name, body = _only(query, "query")
    readers: Mapping[str, Callable[[Any], Match]] = {
        "bool": _bool,
        "term": _term,
        "range": _range,
        "match_phrase": lambda each: _phrase(each, is_prefix=False),
        "match_phrase_prefix": lambda each: _phrase(each, is_prefix=True),
        "match_all": lambda _each: lambda _index, _document: True,
    }
    if name not in readers:
        raise parsing(f"unknown query [{name}]")
    return readers[name](body)


def _bool(body: Any) -> Match:
    _check_keys(body, {"filter", "must", "must_not"}, "bool")
    wanted = [matcher(each) for key in ("filter", "must") for each in _listed(body.get(key, []))]
    unwanted = [matcher(each) for each in _listed(body.get("must_not", []))]
    if len(wanted) + len(unwanted) > _MAX_CLAUSES:
        raise Refused("too_many_nested_clauses", "Query contains too many nested clauses; maxClauseCount is set to 1024")

    def fits(index: LogIndex, document: Document) -> bool:
        return all(each(index, document) for each in wanted) and not any(each(index, document) for each in unwanted)

    return fits


def _term(body: Any) -> Match:
    name, value = _field(body, "term", {"value", "boost", "case_insensitive"}, short="value")
    text = str(value["value"])

    def fits(index: LogIndex, document: Document) -> bool:
        found = index.value(document, name)
        if found is None or name not in index.fields:
            return False
        # A term is not analyzed, but a text is: the term has to be one of its words.
        return text in tokens(found) if index.fields[name] == "text" else found == text

    return fits


def _range(body: Any) -> Match:
    name, value = _field(body, "range", {"gte", "gt", "lte", "lt", "format", "time_zone", "boost"}, short="")
    if (form := value.get("format", "strict_date_optional_time")) != "strict_date_optional_time":
        raise illegal(f"Invalid format: [{form}]: Unknown pattern letter")
    limits = {key: _instant(value[key]) for key in ("gte", "gt", "lte", "lt") if key in value}

    def fits(index: LogIndex, document: Document) -> bool:
        found = index.value(document, name)
        if found is None or index.fields.get(name) != "date":
            return False
        at = _instant(found)
        checks = {"gte": at.__ge__, "gt": at.__gt__, "lte": at.__le__, "lt": at.__lt__}
        return all(checks[key](limit) for key, limit in limits.items())

    return fits


def _phrase(body: Any, *, is_prefix: bool) -> Match:
    kind = "match_phrase_prefix" if is_prefix else "match_phrase"
    known = {"query", "slop", "analyzer", "boost", "zero_terms_query"} | ({"max_expansions"} if is_prefix else set())
    name, value = _field(body, kind, known, short="query")
    words = tokens(str(value["query"]))

    def fits(index: LogIndex, document: Document) -> bool:
        found = index.value(document, name)
        if found is None or name not in index.fields:
            return False
        if index.fields[name] != "text":
            return found.startswith(str(value["query"])) if is_prefix else found == str(value["query"])
        return bool(words) and _has_phrase(tokens(found), words, is_prefix=is_prefix)

    return fits


def _has_phrase(found: list[str], words: list[str], *, is_prefix: bool) -> bool:
    *before, last = words
    for begin in range(len(found) - len(words) + 1):
        part = found[begin : begin + len(words)]
        if part[:-1] == before and (part[-1].startswith(last) if is_prefix else part[-1] == last):
            return True
    return False


def _field(body: Any, kind: str, known: set[str], *, short: str) -> tuple[str, Mapping[str, Any]]:
    """The field that a query is about, and its options; ``short``: the option that may stand alone."""
    name, value = _only(body, kind)
    if not isinstance(value, dict):
        if not short:
            raise parsing(f"[{kind}] query malformed, no start_object after query name")
        value = {short: value}
    _check_keys(value, known, kind)
    if short and (short not in value or isinstance(value[short], (dict, list))):
        raise parsing(f"[{kind}] requires a {short}")
    return name, value


def _only(body: Any, kind: str) -> tuple[str, Any]:
    if not isinstance(body, dict) or not body:
        raise parsing(f"[{kind}] query malformed, empty clause found")
    if len(body) > 1:
        raise parsing(f"[{kind}] malformed query, expected [END_OBJECT] but found [FIELD_NAME]")
    return next(iter(body.items()))


def _check_keys(body: Any, known: Iterable[str], kind: str) -> None:
    if not isinstance(body, dict):
        raise parsing(f"[{kind}] query malformed, no start_object after query name")
    if unknown := sorted(body.keys() - set(known)):
        raise parsing(f"[{kind}] query does not support [{unknown[0]}]")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _instant(text: Any) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise parsing(f"failed to parse date field [{text}] with format [strict_date_optional_time]") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
