"""What is stored of an alert, once all of it has decided on route, place, watchdogs and duplicates. Pure.

Alertmanager limits neither the number of labels nor their length, and a card's content is stored again with every change. What
is read of stored labels later comes first: the labels that the catalogue names, those of a silence and of a chart, and those
that cards show.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from domain.alerts.alerts import Alert, Route

MAX_LABELS_PER_ALERT = 64
"""Maximum stored labels, and annotations, of one alert."""
MAX_TEXT_CHARACTERS = 4096
"""Maximum stored characters of the name or the value of a label or an annotation; a Slack section shows 3,000."""

_IDENTIFYING_LABELS = frozenset(
    {
        "alertname",
        "severity",
        "cluster",
        "namespace",
        "job",
        "instance",
        "node",
        "pod",
        "container",
        "deployment",
        "device",
        "mountpoint",
        "persistentvolumeclaim",
    }
)
"""Labels by which a chart finds the alert's series, and which a card shows."""
_READ_ANNOTATIONS = frozenset({"summary", "description", "message", "runbook_url", "runbook"})


def stored_alert(alert: Alert, route: Route, label_names: Collection[str]) -> Alert:
    """The alert as it is stored, with the route that it has by itself. One that ended may be found to fire all the same.

    ``label_names`` are kept before all others, as far as ``MAX_LABELS_PER_ALERT`` allows.
    """
    labels = _limit_texts(alert.labels, _IDENTIFYING_LABELS, label_names)
    annotations = _limit_texts(alert.annotations, _READ_ANNOTATIONS, ())
    return replace(alert, labels=labels, annotations=annotations, route=route)


def _limit_texts(texts: Mapping[str, str], first: Collection[str], also: Collection[str]) -> Mapping[str, str]:
    """The texts within both limits. Names decide which are kept, so that all alerts of a group keep the same ones."""
    if len(texts) > MAX_LABELS_PER_ALERT:
        kept = sorted(texts, key=lambda name: (name not in first and name not in also, name))[:MAX_LABELS_PER_ALERT]
        texts = {name: texts[name] for name in sorted(kept)}
    if all(len(name) <= MAX_TEXT_CHARACTERS and len(text) <= MAX_TEXT_CHARACTERS for name, text in texts.items()):
        return texts
    return {name[:MAX_TEXT_CHARACTERS]: text[:MAX_TEXT_CHARACTERS] for name, text in texts.items()}
