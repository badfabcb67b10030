"""What a group of alerts is called, and what its rule's author says of it. Pure."""

from collections.abc import Mapping, Sequence

from domain.alerts.alerts import Alert

LONGEST_TITLE = 300
LONGEST_SUMMARY = 3000
"""Characters: Slack shows no more of it in one piece."""


def shared_by(texts: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What all of these labels, or annotations, have in common."""
    if not texts:
        return {}
    first, *others = texts
    return {name: value for name, value in first.items() if all(each.get(name) == value for each in others)}


def title_of(group: Mapping[str, str], shared: Mapping[str, str], examples: Sequence[Alert]) -> str:
    """The alert's name; several names where the group holds several; else what it is grouped by."""
    if name := group.get("alertname") or shared.get("alertname"):
        return name[:LONGEST_TITLE]
    names = list(dict.fromkeys(each.labels.get("alertname", "") for each in examples))
    named = [each for each in names if each]
    if named:
        more = f" and {len(named) - 3} more" if len(named) > 3 else ""
        return ", ".join(named[:3])[:LONGEST_TITLE] + more
    return ", ".join(f"{name}={value}" for name, value in sorted(group.items()))[:LONGEST_TITLE] or "Alert without a name"


def summary_of(alerts: Sequence[Alert]) -> str:
    """What the rule's author wrote, where all alerts say the same; else what the oldest one says."""
    if not alerts:
        return ""
    shared = shared_by([each.annotations for each in alerts])
    for annotations in (shared, alerts[0].annotations):
        for name in ("summary", "description", "message"):
            if text := annotations.get(name, "").strip():
                return text[:LONGEST_SUMMARY]
    return ""
