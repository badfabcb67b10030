"""What Prometheus shows of the rules behind an incident's alerts since its resolution. Pure."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from domain.alerts.alerts import Alert, AlertGroup
from domain.alerts.enrichment_notes import AlertQuery, breaches_all, distance_from_limit, query_of
from domain.alerts.titles import shared_by
from domain.incidents.proof import Evidence, Finding, Window
from domain.metrics.chart_text import format_number
from domain.metrics.charts import Series
from domain.metrics.promql import Comparison, Threshold, expression_of
from domain.metrics.samples import Sample
from domain.rich_text import Text, Timestamp, sentence
from domain.text import format_duration

MAX_GAP = timedelta(minutes=2)
"""A time without samples that is no longer than this is a scrape or two that were missed."""
POD_LABELS = frozenset({"pod", "pod_name", "kubernetes_pod_name", "container_id", "uid"})
"""Labels that name a pod. A pod that was replaced has ended for good, with its series."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedRule:
    """One rule of a linked group: its alerts' common labels, and its expression as a query if that is known."""

    group: AlertGroup
    name: str
    alertname: str
    labels: Mapping[str, str]
    expression: str
    """The whole rule; empty if it is not known."""
    query: AlertQuery | None
    is_grafana: bool = False

    @property
    def measurable(self) -> Threshold | None:
        """The limit with which values can be compared; None without one."""
        threshold = self.query.threshold if self.query else None
        # With ``bool`` the rule yields 0 or 1, and fires at both.
        return None if threshold is None or threshold.boolean or not math.isfinite(threshold.limit) else threshold


def watched_rules(groups: Iterable[tuple[AlertGroup, Sequence[Alert]]], window: Window) -> tuple[WatchedRule, ...]:
    """The rules of all groups. A group that holds alerts of several rules has several."""
    rules = [rule for group, alerts in groups for rule in _rules_of(group, alerts, window)]
    names = Counter(rule.name for rule in rules)
    return tuple(
        replace(rule, name=f"{rule.name} of {rule.group.service}") if names[rule.name] > 1 and rule.group.service else rule
        for rule in rules
    )


def judge_limit(rule: WatchedRule, threshold: Threshold, series: Sequence[Series], window: Window) -> Evidence:
    """Compare what the rule's expression measured with its limit."""
    points = sorted((at, value) for each in series for at, value in each.points if value is not None)
    if not points:
        text = f"{rule.name}: its expression has had no value since the resolution, and no value is not a good one."
        return Evidence(finding=Finding.UNKNOWN, brief=rule.name, detail=text)
    now = _current_values(series, window)
    shown = f"{rule.name}{_value_text(now, threshold)}"
    if beyond := [point for point in points if breaches_all(point[1], threshold)]:
        return _breached(rule, shown, beyond, now, threshold, window)
    doubt = _missing_text(series, window) or _labels_text(series) or _ended_text(series, window)
    if doubt:
        text = f"{shown}, never beyond it, but {doubt}."
        return Evidence(finding=Finding.UNKNOWN, brief=rule.name, detail=text)
    worst = max((value for _, value in points), key=lambda value: distance_from_limit(value, threshold))
    return Evidence(
        finding=Finding.SHOWN,
        brief=shown,
        detail=f"{shown}, inside it for {window.span}{_worst_text(worst, threshold)}{_replaced_text(series)}.",
    )


def judge_record(
    rule: WatchedRule, fired: Sequence[Sample], held: Sequence[Series], scraped: Sequence[Series], window: Window
) -> Evidence:
    """Judge a rule without such a limit by what Prometheus recorded.

    ``fired``: when the rule fired last, in seconds, also before the resolution; ``held``: where its whole expression had a value
    since then; ``scraped``: how many targets were scraped.
    """
    own = [each.value for each in fired if each.value is not None and not each.differing_labels]
    if own and max(own) >= window.since.timestamp():
        return _refuted(rule, sentence(f"{rule.name} fired after the resolution, last at ", _time(max(own)), "."), "fired again")
    times = [at for each in held if not each.differing_labels for at, value in each.points if value is not None]
    if times:
        text = sentence(f"{rule.name} did not fire, but its condition held, last at ", _time(max(times)), ".")
        return _refuted(rule, text, "had its condition fulfilled")
    if not own:
        labels = sorted({label for each in fired for label in each.differing_labels})
        known = f" but with another {', '.join(labels)}" if labels else ""
        text = f"{rule.name}: Prometheus has no record of it firing before{known}, so its silence since then shows nothing."
        return Evidence(finding=Finding.UNKNOWN, brief=rule.name, detail=text)
    if missing := _missing_text(scraped, window):
        text = sentence(f"{rule.name} did not fire, but Prometheus itself was not scraping: ", missing, ".")
        return Evidence(finding=Finding.UNKNOWN, brief=rule.name, detail=text)
    reason = rule.query.no_limit_because if rule.query else ""
    because = f" No number is its limit: {reason}." if reason else ""
    text = f"{rule.name} did not fire for {window.span}, by Prometheus' own record, and its condition held at no time.{because}"
    return Evidence(finding=Finding.SHOWN, brief=f"{rule.name} did not fire", detail=text)


def cannot_measure(rule: WatchedRule, why: Text, *, may_pass: bool = False) -> Evidence:
    """The evidence about a rule that nobody could be asked about."""
    return Evidence(finding=Finding.UNKNOWN, brief=rule.name, detail=sentence(f"{rule.name}: ", why), may_pass=may_pass)


def still_fires(group: AlertGroup) -> Evidence:
    """The evidence about a group that fires by what is stored."""
    alerts = f"{group.firing} alert{'' if group.firing == 1 else 's'}"
    text = sentence(f"{group.title} still fires, with {alerts}, since ", Timestamp(group.began_at), ".")
    return Evidence(finding=Finding.REFUTED, brief=f"{group.title} still fires", detail=text)


def is_listed(group: AlertGroup, sent_at: datetime) -> Evidence:
    """The evidence about a group that ended by what is stored, and that Alertmanager lists as firing."""
    text = sentence(f"{group.title} fires: Alertmanager lists it, and Prometheus sent it last at ", Timestamp(sent_at), ".")
    return Evidence(finding=Finding.REFUTED, brief=f"{group.title} still fires", detail=text)


def watchdog_arrives(group: AlertGroup) -> Evidence:
    """The evidence about a missing watchdog that arrives again."""
    name = group.labels.get("watchdog", "")
    return Evidence(finding=Finding.SHOWN, brief=f"{name} arrives", detail=f"{group.title}: the watchdog {name} arrives again.")


def _rules_of(group: AlertGroup, alerts: Sequence[Alert], window: Window) -> list[WatchedRule]:
    by_rule: dict[tuple[str, str], list[Alert]] = {}
    for alert in alerts or group.examples:
        name = alert.labels.get("alertname") or group.title
        by_rule.setdefault((name, expression_of(alert.generator_url)), []).append(alert)
    return [_rule(group, *key, members, window) for key, members in sorted(by_rule.items())]


def _rule(group: AlertGroup, alertname: str, expression: str, alerts: Sequence[Alert], window: Window) -> WatchedRule:
    labels = shared_by([each.labels for each in alerts])
    query = query_of(replace(group, examples=tuple(alerts), common_labels=labels), window.until)
    return WatchedRule(
        group=group,
        name=alertname,
        alertname=alertname,
        labels=labels,
        expression=expression,
        query=replace(query, since=window.since, until=window.until) if query else None,
        is_grafana=any(each.grafana is not None for each in alerts),
    )


def _breached(
    rule: WatchedRule,
    shown: str,
    beyond: Sequence[tuple[float, float]],
    now: Sequence[float],
    threshold: Threshold,
    window: Window,
) -> Evidence:
    worst = max((value for _, value in beyond), key=lambda value: distance_from_limit(value, threshold))
    if any(breaches_all(value, threshold) for value in now):
        text = sentence(f"{shown}, beyond it now; {format_number(worst)} at worst since the resolution.")
        return Evidence(finding=Finding.REFUTED, brief=shown, detail=text)
    last = beyond[-1][0]
    inside = format_duration(window.until - datetime.fromtimestamp(last, UTC))
    text = sentence(f"{shown}, inside it for {inside} only: beyond it until ", _time(last), f", {format_number(worst)} at worst.")
    return Evidence(finding=Finding.REFUTED, brief=f"{rule.name} was beyond its limit", detail=text)


def _refuted(rule: WatchedRule, text: Text, what: str) -> Evidence:
    return Evidence(finding=Finding.REFUTED, brief=f"{rule.name} {what}", detail=text)


def _value_text(now: Sequence[float], threshold: Threshold) -> str:
    """`` 0.4 (limit 10)``, of the worst series."""
    word = "fires at" if threshold.comparison is Comparison.EQUAL else "limit"
    word = "fires unless" if threshold.comparison is Comparison.NOT_EQUAL else word
    limit = f" ({word} {format_number(threshold.limit)})"
    if not now:
        return limit
    return f" {format_number(max(now, key=lambda value: distance_from_limit(value, threshold)))}{limit}"


def _worst_text(worst: float, threshold: Threshold) -> str:
    match threshold.comparison:
        case Comparison.ABOVE | Comparison.AT_LEAST:
            return f", {format_number(worst)} at most"
        case Comparison.BELOW | Comparison.AT_MOST:
            return f", {format_number(worst)} at least"
        case _:
            return ""


def _tolerance(series: Sequence[Series]) -> float:
    """Seconds between two samples that are no gap: more than ``MAX_GAP`` where a long watch was measured in longer steps."""
    steps = [later - earlier for each in series for (earlier, _), (later, _) in pairwise(each.points)]
    return max(MAX_GAP.total_seconds(), 1.5 * min(steps, default=0.0))


def _current_values(series: Sequence[Series], window: Window) -> list[float]:
    start, newest = window.until.timestamp() - _tolerance(series), []
    for each in series:
        found = next((value for at, value in reversed(each.points) if value is not None and at >= start), None)
        newest += [] if found is None else [found]
    return newest


def _missing_text(series: Sequence[Series], window: Window) -> str:
    """For how long no series has a value; empty if there is no such time."""
    times = sorted({at for each in series for at, value in each.points if value is not None})
    edges = [window.since.timestamp(), *times, window.until.timestamp()]
    tolerance = _tolerance(series)
    missing = sum(later - earlier for earlier, later in pairwise(edges) if later - earlier > tolerance)
    return f"there are no samples for {format_duration(timedelta(seconds=missing))} of {window.span}" if missing else ""


def _labels_text(series: Sequence[Series]) -> str:
    """Which labels of the measured series are not the alerts', so that these may be others; empty if only pods were replaced."""
    labels = sorted({label for each in series for label in each.differing_labels})
    if not set(labels) - POD_LABELS - {"instance"} and (not labels or set(labels) & POD_LABELS):
        return ""
    return f"the alert's own series is gone: what is measured has another {', '.join(labels)}"


def _replaced_text(series: Sequence[Series]) -> str:
    return "; the pods that it fired for are gone" if any(each.differing_labels for each in series) else ""


def _ended_text(series: Sequence[Series], window: Window) -> str:
    """How many series ended early while others went on; empty if none did, or only those of pods."""
    start = window.until.timestamp() - _tolerance(series)
    ended = [each for each in series if not any(value is not None and at >= start for at, value in each.points)]
    named = [each for each in ended if not {part.partition("=")[0] for part in each.name.split(", ")} & POD_LABELS]
    return f"{len(named)} of {len(series)} series ended early" if named else ""


def _time(seconds: float) -> Timestamp:
    return Timestamp(datetime.fromtimestamp(seconds, UTC), time_only=True)
