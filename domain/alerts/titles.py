"""What a group of alerts is called, and what its rule's author says of it. Pure."""

from collections.abc import Mapping, Sequence

from domain.alerts.alerts import Alert

MAX_TITLE_LENGTH = 300
MAX_SUMMARY_LENGTH = 3000
"""Characters: Slack shows no more of it in one piece."""


def shared_by(mappings: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What all of these labels, or annotations, have in common."""
    if not mappings:
        return {}
    first, *others = mappings
    return {name: value for name, value in first.items() if all(each.get(name) == value for each in others)}


def title_of(group_labels: Mapping[str, str], common_labels: Mapping[str, str], examples: Sequence[Alert]) -> str:
    """The alert's name; several names where the group holds several; else what it is grouped by."""
    if name := group_labels.get("alertname") or common_labels.get("alertname"):
        return name[:MAX_TITLE_LENGTH]
    names = list(dict.fromkeys(each.labels.get("alertname", "") for each in examples))
    named = [each for each in names if each]
    if named:
        more = f" and {len(named) - 3} more" if len(named) > 3 else ""
        return ", ".join(named[:3])[:MAX_TITLE_LENGTH] + more
    return (
        ", ".join(f"{name}={value}" for name, value in sorted(group_labels.items()))[:MAX_TITLE_LENGTH] or "Alert without a name"
    )


def summary_of(alerts: Sequence[Alert]) -> str:
    """What the rule's author wrote, where all alerts say the same; else what the oldest one says."""
    if not alerts:
        return ""
    shared = shared_by([each.annotations for each in alerts])
    for annotations in (shared, alerts[0].annotations):
        for name in ("summary", "description", "message"):
            if text := annotations.get(name, "").strip():
                return text[:MAX_SUMMARY_LENGTH]
    return ""
