"""A number that Prometheus has now."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """One value and whose it is. None where Prometheus has no number (NaN, infinite). A bare number has no labels."""

    labels: Mapping[str, str]
    value: float | None
