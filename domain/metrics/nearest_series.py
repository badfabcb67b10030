"""Which of the series of a rule's expression are an alert's. Pure."""

from collections.abc import Iterable, Mapping

Labels = Mapping[str, str]


def differing_labels(series: Labels, alert: Labels) -> tuple[str, ...]:
    """The labels that both have, with different values."""
    return tuple(sorted(name for name, value in series.items() if alert.get(name, value) != value))


def fewest_differences(all_series: Iterable[Labels], alert: Labels) -> int:
    """In how many labels the nearest series differ from the alert.

    Above 0 none is the alert's by its labels: it has gone, or relabelling changed the labels on the way to Alertmanager.
    """
    return min((len(differing_labels(series, alert)) for series in all_series), default=0)
