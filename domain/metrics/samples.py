"""Results of instant queries to Prometheus."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """One value and its labels. The value is None if it is NaN or infinite. A scalar has no labels."""

    labels: Mapping[str, str]
    value: float | None
    differing_labels: tuple[str, ...] = ()
    """Labels whose value is not the alert's; see ``domain.metrics.nearest_series``."""
