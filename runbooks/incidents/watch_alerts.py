"""Gathers what Prometheus and Alertmanager show of an incident's alerts since its resolution."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from domain.alerts.alerts import Alert, AlertGroup, GroupState
from domain.alerts.reconciliation import ListedAlert, fires_after_end
from domain.alerts.remediation import raised_by_bot
from domain.alerts.silences import Silence
from domain.incidents.incident import Incident, LinkedAlert
from domain.incidents.proof import Evidence, Finding, ProofPart, Window
from domain.incidents.proof_of_rules import (
    WatchedRule,
    cannot_measure,
    is_listed,
    judge_limit,
    judge_record,
    still_fires,
    watchdog_arrives,
    watched_rules,
)
from domain.incidents.proof_of_silences import AskedAlertmanager, HiddenGroup, hidden_group, judge_silences, nobody_to_ask
from domain.metrics.charts import Series
from domain.rich_text import Text
from runbooks.incidents.asking import Deadline, NoAnswer
from runbooks.incidents.watch_sources import WatchedMetrics, WatchSources

MAX_GROUPS = 50
"""Groups that are measured, the worst first. More of them would take the time that another incident needs."""
CONCURRENCY = 4
"""Rules that are asked about at the same time: as many as the client of a Prometheus asks at once."""
MAX_LOOKBACK = timedelta(hours=24)
"""How far before the resolution a rule's firing is looked for: its record shows that this Prometheus knows the rule."""
RESOLUTION_SECONDS = 5
"""A rule that fires does so until its next evaluation at least, and few are evaluated more often."""
MARGIN = timedelta(minutes=10)
"""An alert fires in Prometheus before Alertmanager reports it."""

_NO_LABELS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class LinkedGroups:
    """The stored groups of an incident with their alerts, the worst first, and those that are not stored any more."""

    groups: tuple[tuple[AlertGroup, Mapping[str, Alert]], ...]
    missing: tuple[LinkedAlert, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class AlertmanagerAnswers:
    """By the addresses that are asked together: silences with what failed, and the alerts that are listed."""

    silences: Mapping[tuple[str, ...], AskedAlertmanager]
    listed: Mapping[tuple[str, ...], Mapping[str, ListedAlert]]


async def read_groups(sources: WatchSources, incident: Incident) -> LinkedGroups:
    """Read the linked groups. Raises ``TemporaryError`` where the database does not answer."""
    ordered = sorted(incident.alerts, key=lambda each: (not each.firing, each.severity.rank, each.title, each.group_id))
    looked_at = ordered[:MAX_GROUPS]
    async with sources.store.read() as tx:
        stored = {each.group_id: await tx.alerts.get(each.group_id) for each in looked_at}
        alerts = await tx.alerts.alerts_by_group(stored)
    groups = [(group, alerts.get(group.id, {})) for group in stored.values() if group is not None]
    groups.sort(key=lambda pair: (pair[0].state is not GroupState.FIRING, pair[0].severity.rank))
    missing = tuple(each for each in looked_at if stored[each.group_id] is None)
    return LinkedGroups(tuple(groups), missing, len(ordered) - len(looked_at))


async def alerts_part(
    sources: WatchSources, found: LinkedGroups, answers: AlertmanagerAnswers, window: Window, deadline: Deadline
) -> ProofPart:
    """What is shown of each rule of each group."""
    evidence = [_gone(each) for each in found.missing]
    measured: list[tuple[AlertGroup, Sequence[Alert]]] = []
    for group, alerts in found.groups:
        if group.state is GroupState.FIRING:
            evidence.append(still_fires(group))
        elif raised_by_bot(group):
            evidence.append(watchdog_arrives(group))
        elif (sent_at := _listed_at(sources, group, alerts, answers)) is not None:
            evidence.append(is_listed(group, sent_at.updated_at))
        else:
            measured.append((group, tuple(alerts.values())))
    limit = asyncio.Semaphore(CONCURRENCY)
    rules = watched_rules(measured, window)
    evidence += await asyncio.gather(*(_judge_within(limit, sources, rule, window, deadline) for rule in rules))
    if found.left_out:
        text = f"{found.left_out} more linked alerts were not looked at."
        evidence.append(Evidence(finding=Finding.UNKNOWN, brief=f"{found.left_out} more alerts", detail=text))
    if not evidence:
        text = "No alert is linked, so no measurement shows that it is over."
        evidence.append(Evidence(finding=Finding.UNKNOWN, brief="any measurement, as no alert is linked", detail=text))
    return ProofPart("alert", tuple(evidence))


async def ask_alertmanagers(sources: WatchSources, found: LinkedGroups, deadline: Deadline) -> AlertmanagerAnswers:
    """Ask each Alertmanager of the groups once, both members of a pair."""
    wanted = {_addresses(sources, group) for group, _ in found.groups if not raised_by_bot(group)} - {()}
    addresses = sorted({each for together in wanted for each in together})
    answers = await asyncio.gather(*(_ask_one(sources, each, deadline) for each in addresses))
    by_address = dict(zip(addresses, answers, strict=True))
    return AlertmanagerAnswers(
        {together: _merged_silences([by_address[each][0] for each in together]) for together in wanted},
        {together: _merged_lists([by_address[each][1] for each in together]) for together in wanted},
    )


def silences_part(sources: WatchSources, found: LinkedGroups, answers: AlertmanagerAnswers, window: Window) -> ProofPart:
    """What hides the groups, by the Alertmanagers that hold them."""
    by_addresses: dict[tuple[str, ...], list[HiddenGroup]] = defaultdict(list)
    for group, alerts in found.groups:
        if not raised_by_bot(group):
            by_addresses[_addresses(sources, group)].append(hidden_group(group, alerts))
    evidence: list[Evidence] = []
    for together, groups in sorted(by_addresses.items()):
        asked = answers.silences.get(together)
        why = _nobody_text(sources, groups[0].group)
        evidence += judge_silences(groups, asked, window) if asked is not None else nobody_to_ask(groups, why, window)
    return ProofPart("silence", tuple(evidence))


async def _ask_one(
    sources: WatchSources, address: str, deadline: Deadline
) -> tuple[tuple[Silence, ...] | NoAnswer, Mapping[str, ListedAlert] | NoAnswer]:
    alertmanager = sources.alertmanager_at(address)
    if alertmanager is None:
        closed = NoAnswer(f"The catalogue was just read again, and {address} is not open yet.", may_pass=True)
        return closed, closed
    silences, listed = await asyncio.gather(
        deadline.ask("silences", alertmanager.silences), deadline.ask("listed alerts", alertmanager.listed_alerts)
    )
    return silences, listed


def _merged_silences(answers: Iterable[tuple[Silence, ...] | NoAnswer]) -> AskedAlertmanager:
    silences: dict[str, Silence] = {}
    failures: list[tuple[Text, bool]] = []
    for answer in answers:
        if isinstance(answer, NoAnswer):
            failures.append((answer.why, answer.may_pass))
        else:
            silences |= {each.id: each for each in answer}
    return AskedAlertmanager(tuple(silences.values()), tuple(dict.fromkeys(failures)))


def _merged_lists(answers: Iterable[Mapping[str, ListedAlert] | NoAnswer]) -> Mapping[str, ListedAlert]:
    merged: dict[str, ListedAlert] = {}
    for answer in answers:
        for fingerprint, each in () if isinstance(answer, NoAnswer) else answer.items():
            if fingerprint not in merged or merged[fingerprint].updated_at < each.updated_at:
                merged[fingerprint] = each
    return merged


def _listed_at(
    sources: WatchSources, group: AlertGroup, alerts: Mapping[str, Alert], answers: AlertmanagerAnswers
) -> ListedAlert | None:
    listed = answers.listed.get(_addresses(sources, group), {})
    fires = [listed[each.fingerprint] for each in alerts.values() if fires_after_end(each, listed)]
    return max(fires, key=lambda each: each.updated_at, default=None)


def _addresses(sources: WatchSources, group: AlertGroup) -> tuple[str, ...]:
    return sources.catalogue().alertmanagers_of(group.environment, group.source)


def _nobody_text(sources: WatchSources, group: AlertGroup) -> str:
    where = group.environment
    if where and where not in sources.catalogue().environments:
        return f"{where} is no longer in the catalogue."
    return f"The catalogue names no Alertmanager of {where or 'these alerts'}."


async def _judge_within(
    limit: asyncio.Semaphore, sources: WatchSources, rule: WatchedRule, window: Window, deadline: Deadline
) -> Evidence:
    async with limit:
        environment = rule.group.environment
        prometheus = sources.prometheus(environment)
        if rule.is_grafana and rule.query is None:
            return cannot_measure(rule, "Grafana evaluates it, and deepecho cannot ask Grafana.")
        if prometheus is None:
            configured = sources.catalogue().environments.get(environment)
            if configured is not None and configured.prometheus:
                return cannot_measure(rule, "Its Prometheus is not open yet.", may_pass=True)
            return cannot_measure(rule, _no_prometheus_text(environment, is_known=configured is not None))
        answer = await deadline.ask(rule.name, lambda: _judge(prometheus, rule, window))
        return cannot_measure(rule, answer.why, may_pass=answer.may_pass) if isinstance(answer, NoAnswer) else answer


async def _judge(prometheus: WatchedMetrics, rule: WatchedRule, window: Window) -> Evidence:
    if rule.query is not None and (threshold := rule.measurable) is not None:
        series = await prometheus.query_range(rule.query.expression, window.since, window.until, only=rule.labels)
        evidence = judge_limit(rule, threshold, series, window)
        # Beyond its limit, a rule with a further condition fires only if that holds, too.
        if not threshold.condition or evidence.finding is not Finding.REFUTED:
            return evidence
    return await _judge_record(prometheus, rule, window)


async def _judge_record(prometheus: WatchedMetrics, rule: WatchedRule, window: Window) -> Evidence:
    since = max(min(rule.group.began_at, window.since) - MARGIN, window.since - MAX_LOOKBACK)
    seconds = round((window.until - since).total_seconds())
    firing = f'ALERTS{{alertstate="firing",alertname={json.dumps(rule.alertname)}}}'
    fired = await prometheus.query(f"max_over_time(timestamp({firing})[{seconds}s:{RESOLUTION_SECONDS}s])", only=rule.labels)
    held: tuple[Series, ...] = ()
    if rule.expression:
        held = await prometheus.query_range(rule.expression, window.since, window.until, only=rule.labels)
    scraped = await prometheus.query_range("count(up)", window.since, window.until, only=_NO_LABELS)
    return judge_record(rule, fired, held, scraped, window)


def _no_prometheus_text(environment: str, *, is_known: bool) -> str:
    if not environment:
        return "No environment is known of it, so it is not known which Prometheus to ask."
    if not is_known:
        return f"{environment} is no longer in the catalogue."
    return f"The catalogue names no Prometheus of {environment}."


def _gone(alert: LinkedAlert) -> Evidence:
    text = f"{alert.title} ({alert.group_id}) is no longer stored."
    return Evidence(finding=Finding.UNKNOWN, brief=alert.title, detail=text)
