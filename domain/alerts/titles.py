"""Title and summary of an alert group. Pure."""

from collections.abc import Mapping, Sequence

from domain.alerts.alerts import Alert
from domain.text import and_more

MAX_NAMES = 3
MAX_TITLE_LENGTH = 300
MAX_SUMMARY_LENGTH = 3000
"""Characters; Slack shows no more of a text in one block."""


def shared_by(mappings: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The labels, or annotations, that have the same value in all of these mappings."""
    if not mappings:
        return {}
    first, *others = mappings
    return {name: value for name, value in first.items() if all(each.get(name) == value for each in others)}


def title_of(group_labels: Mapping[str, str], common_labels: Mapping[str, str], examples: Sequence[Alert]) -> str:
    """The alert's name; up to three names if the group has several; without any name, the group labels."""
    if name := group_labels.get("alertname") or common_labels.get("alertname"):
        return name[:MAX_TITLE_LENGTH]
    names = list(dict.fromkeys(each.labels.get("alertname", "") for each in examples))
    named = [each for each in names if each]
    if named:
        more = and_more(len(named) - MAX_NAMES)
        return " ".join(filter(None, [", ".join(named[:MAX_NAMES])[:MAX_TITLE_LENGTH], more]))
    return (
        ", ".join(f"{name}={value}" for name, value in sorted(group_labels.items()))[:MAX_TITLE_LENGTH] or "Alert without a name"
    )


def summary_of(alerts: Sequence[Alert]) -> str:
    """The summary of the rule if all alerts have the same; otherwise that of the first alert."""
    if not alerts:
        return ""
    shared = shared_by([each.annotations for each in alerts])
    for annotations in (shared, alerts[0].annotations):
        for name in ("summary", "description", "message"):
            if text := annotations.get(name, "").strip():
                return text[:MAX_SUMMARY_LENGTH]
    return ""
