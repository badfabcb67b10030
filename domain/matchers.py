"""Matchers on labels, as Alertmanager has them: ``name="value"``, ``!=``, ``=~``, ``!~``; regular expressions are anchored."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Operator(StrEnum):
    """How a label is compared."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"
    MATCHES_NOT = "!~"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One comparison. A label that is not there counts as empty, as in Alertmanager."""

    name: str
    operator: Operator
    value: str


Labels = Mapping[str, str]
