"""Which value each variable of a dashboard gets in a link. Pure."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from domain.dashboards.dashboards import Variable

_SETTABLE = frozenset({"query", "custom", "textbox"})
"""Kinds that can name something of the platform. A constant cannot be set; data sources and intervals are none of ours."""


class Meaning(StrEnum):
    """What a variable may stand for."""

    ENVIRONMENT = "environment"
    NAMESPACE = "namespace"
    SERVICE = "service"
    WORKLOAD = "workload"


_NAMES = {
    Meaning.ENVIRONMENT: ("environment", "env"),
    Meaning.NAMESPACE: ("namespace", "ns"),
    Meaning.SERVICE: ("service", "svc", "app", "application"),
    Meaning.WORKLOAD: ("deployment", "workload"),
}
"""How dashboards call it, the name that we try first where the dashboard cannot be read."""

Words = Mapping[Meaning, tuple[str, ...]]
"""The words for what a link is about, the most likely first: its name in the catalogue, then its aliases."""


def values_of(words: Words, variables: Iterable[Variable]) -> dict[str, str]:
    """The values of those variables of which the words say something, by the names that the dashboard gives them.

    Of a fixed list, the word that it has; none where it has no such word, because Grafana would show nothing.
    """
    values: dict[str, str] = {}
    for variable in variables:
        candidates = words.get(meaning, ()) if (meaning := _meaning(variable.name)) else ()
        chosen = next((word for word in candidates if not variable.options or word in variable.options), "")
        if chosen and variable.kind in _SETTABLE:
            values[variable.name] = chosen
    return values


def usual_values(words: Words) -> dict[str, str]:
    """For a dashboard whose variables are not known: the usual names. Grafana ignores those that it does not have."""
    usual = (Meaning.ENVIRONMENT, Meaning.SERVICE)
    return {_NAMES[meaning][0]: words[meaning][0] for meaning in usual if words.get(meaning)}


def _meaning(name: str) -> Meaning | None:
    return next((meaning for meaning, names in _NAMES.items() if name.lower() in names), None)
