"""Results of instant queries to Prometheus."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

_Item_co = TypeVar("_Item_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Sample:
    """One value and its labels. The value is None if it is NaN or infinite. A scalar has no labels."""

    labels: Mapping[str, str]
    value: float | None
    differing_labels: tuple[str, ...] = ()
    """Labels whose value is not the alert's; see ``domain.metrics.nearest_series``."""


@dataclass(frozen=True, slots=True)
class QueryNotice:
    """What Prometheus said beside a result. With a warning, the result may be wrong or only a part; else it is a hint."""

    text: str
    is_warning: bool


class QueryResult(tuple[_Item_co, ...]):  # noqa: SLOT001 - a tuple can have no slots of its own
    """What a query found, with what Prometheus said beside it."""

    notices: tuple[QueryNotice, ...]

    def __new__(cls, items: Iterable[_Item_co] = (), notices: Iterable[QueryNotice] = ()) -> "QueryResult[_Item_co]":
        """Make the tuple of the items."""
        result = super().__new__(cls, items)
        result.notices = tuple(notices)
        return result


def notices_of(*results: tuple[object, ...]) -> tuple[QueryNotice, ...]:
    """What was said beside these results, warnings first, each once."""
    said = [notice for result in results if isinstance(result, QueryResult) for notice in result.notices]
    return tuple(sorted(dict.fromkeys(said), key=lambda each: not each.is_warning))
