"""Conversion of query results into series and samples."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from domain.metrics.charts import Series
from domain.metrics.nearest_series import differing_labels, fewest_differences
from domain.metrics.samples import Sample

Points = tuple[tuple[float, float | None], ...]

_METRIC = "__name__"


def parse_series(result: Sequence[Any], step: float, only: Mapping[str, str]) -> tuple[Series, ...]:
    """Parse a matrix. Native histograms have no line and are left out."""
    parsed = sorted(((_labels(item), item["values"]) for item in result if item.get("values")), key=_sort_key)
    fewest = fewest_differences([labels for labels, _ in parsed], only)
    parsed = [(labels, values) for labels, values in parsed if len(differing_labels(labels, only)) == fewest]
    names = _series_names([labels for labels, _ in parsed])
    series = [
        Series(name=name, points=_points(values, step), differing_labels=differing_labels(labels, only), labels=labels)
        for name, (labels, values) in zip(names, parsed, strict=True)
    ]
    return tuple(sorted(series, key=lambda item: item.name))


def parse_samples(result: Sequence[Any], only: Mapping[str, str]) -> tuple[Sample, ...]:
    """Parse a vector, a matrix, a scalar or a string; the last two are a pair of time and value."""
    if result and not isinstance(result[0], dict):
        return (Sample({}, _parse_number(result[1])),)
    parsed = [(_labels(item), _newest_value(item)) for item in result]
    samples = [Sample(labels, value, differing_labels(labels, only)) for labels, value in parsed]
    fewest = min((len(sample.differing_labels) for sample in samples), default=0)
    nearest = [sample for sample in samples if len(sample.differing_labels) == fewest]
    return tuple(sorted(nearest, key=lambda sample: sorted(sample.labels.items())))


def _newest_value(item: Mapping[str, Any]) -> float | None:
    values = [item["value"]] if "value" in item else item.get("values") or [(0, None)]
    return _parse_number(values[-1][1])


def _labels(item: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in sorted(item["metric"].items())}


def _points(values: Sequence[Any], step: float) -> Points:
    """Prometheus omits steps without a value. Put one point without a value into each gap, so that no line crosses it."""
    points: list[tuple[float, float | None]] = []
    for timestamp, value in values:
        seconds = float(timestamp)
        # Half a step of tolerance, since timestamps are rounded.
        if points and seconds - points[-1][0] > 1.5 * step:
            points.append((points[-1][0] + step, None))
        points.append((seconds, _parse_number(value)))
    return tuple(points)


def _parse_number(value: Any) -> float | None:
    """Parse a value; None for NaN, infinities and strings."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _series_names(all_labels: Sequence[Mapping[str, str]]) -> list[str]:
    """Name each series by its distinguishing labels; a single series by its metric, else all its labels, else ``value``."""
    if len(all_labels) == 1:
        return [all_labels[0].get(_METRIC) or _format_labels(all_labels[0], sorted(all_labels[0])) or "value"]
    label_names = sorted({name for labels in all_labels for name in labels})
    distinguishing = [name for name in label_names if len({labels.get(name) for labels in all_labels}) > 1]
    return [_format_labels(labels, distinguishing) or f"without {', '.join(distinguishing)}" for labels in all_labels]


def _format_labels(labels: Mapping[str, str], names: Sequence[str]) -> str:
    """Format labels as ``up, instance=127.0.0.1:9090, job=prometheus``."""
    return ", ".join(labels[name] if name == _METRIC else f"{name}={labels[name]}" for name in names if labels.get(name))


def _sort_key(labelled: tuple[Mapping[str, str], Any]) -> list[tuple[str, str]]:
    return sorted(labelled[0].items())
