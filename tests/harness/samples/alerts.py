"""Alert groups and their notes as the domain makes them, for the tables of what people read."""

from dataclasses import replace
from datetime import timedelta

from domain.alerts.alerts import Alert, AlertGroup, AlertLink, AlertNote, AppliedSilence, GroupState, PreviousGroup, Route
from domain.alerts.handling import acknowledge, silence
from domain.alerts.watchdogs import MISSING_ALERTNAME
from domain.changes.platform_changes import ChangeKind, PlatformChange, Suspect
from domain.metrics.charts import Chart, Series
from domain.notes import Tone
from domain.people import Person
from domain.rich_text import Code, sentence
from domain.severities import Severity
from tests.harness.samples.operations import MIA, NEW, NOW, OLD

LEE = Person("U0LEE00002", "T0DEEPECHO")
SUMMARY = "Error rate 14.2 per cent over 5 min (limit 10)"
PAGED = Route(
    rule="critical in production",
    channel="C0ALERTS01",
    severity=Severity.P1,
    owner="platform",
    mentions=("S0SRETEAM1", "U0MIA00003"),
    runbook="https://runbooks.example/errors",
)
LINKS = (
    AlertLink(
        "Grafana", "https://grafana.example/d/echo-main?var-environment=production&var-service=deep-echo-main&from=1&to=now"
    ),
    AlertLink("Prometheus", "https://prometheus.example/graph?g0.expr=error_ratio%20%3E%2010&g0.tab=0"),
    AlertLink("traces with errors", "https://jaeger.example/search?service=deep-echo-main&tags=%7B%22error%22%3A%22true%22%7D"),
    AlertLink("runbook", "https://runbooks.example/errors"),
)


def alert(pod: str, *, firing: bool = True, **annotations: str) -> Alert:
    return Alert(
        fingerprint=pod,
        firing=firing,
        labels={"alertname": "HighErrorRate", "severity": "critical", "pod": pod},
        annotations={"summary": SUMMARY, **annotations},
        starts_at=NOW - timedelta(minutes=6),
        ends_at=None if firing else NOW,
    )


DEPLOY = PlatformChange(
    kind=ChangeKind.DEPLOY,
    environment="production",
    services=("deep-echo-main",),
    at=NOW - timedelta(minutes=18),
    description=f"deploy {OLD}",
    by=LEE,
    operation_id="op-h3c9",
    previous_versions={"deep-echo-main": NEW},
)
SUSPECT = Suspect(change=DEPLOY, score=92, reasons=("12 min before", "same Deployment"))
CONFIG = replace(
    DEPLOY,
    kind=ChangeKind.CONFIG,
    description="ConfigMap deep-echo-config",
    by=None,
    by_manager="helm",
    operation_id="",
    previous_versions={},
)

PODS = tuple(alert(f"deep-echo-main-7c9d-{name}") for name in ("x2x4q", "b8d2k", "p0c7m"))


def group(**more: object) -> AlertGroup:
    """Three alerts of one service in production that fire, with a deploy under suspicion, unless told otherwise."""
    made = AlertGroup(
        id="al-k7m2",
        title="HighErrorRate",
        labels={"alertname": "HighErrorRate", "environment": "production", "service": "deep-echo-main"},
        common_labels={"alertname": "HighErrorRate", "severity": "critical", "namespace": "deep-echo-prod"},
        group_key='{}:{alertname="HighErrorRate", environment="production", service="deep-echo-main"}',
        environment="production",
        service="deep-echo-main",
        route=PAGED,
        state=GroupState.FIRING,
        summary=SUMMARY,
        firing=3,
        total=3,
        examples=PODS,
        began_at=NOW - timedelta(minutes=6),
        seen_at=NOW - timedelta(minutes=6),
        updated_at=NOW,
        suspect=SUSPECT,
        value="14.2 (limit 10)",
        links=LINKS,
    )
    return replace(made, **more)  # type: ignore[arg-type]


FIRING = group()
LONELY = group(
    firing=1,
    total=1,
    examples=PODS[:1],
    suspect=None,
    value="",
    links=(),
    labels={"alertname": "HighErrorRate", "severity": "warning", "team": "platform"},
    route=Route(rule="default", channel="C0ALERTS01", severity=Severity.P3),
)
ACKNOWLEDGED = acknowledge(FIRING, MIA, NOW, timedelta(hours=1)).record
SILENCED = silence(
    FIRING, AppliedSilence(id="s-1", by=MIA, at=NOW, until=NOW + timedelta(hours=4), reason="known, fix is on its way")
).record
BOTH = replace(SILENCED, acknowledgement=ACKNOWLEDGED.acknowledgement)
PARTLY = group(firing=1, total=120, examples=(PODS[0], alert("deep-echo-main-7c9d-gone1", firing=False)))
FLAPPING = group(
    flapping=True,
    seen_at=NOW - timedelta(minutes=28),
    state_changes=tuple(NOW - timedelta(minutes=22 - 4 * number) for number in range(6)),
    episode=4,
)
RESOLVED = group(
    state=GroupState.RESOLVED,
    firing=0,
    examples=tuple(replace(each, firing=False, ends_at=NOW) for each in PODS),
    began_at=NOW - timedelta(minutes=21),
    seen_at=NOW - timedelta(minutes=21),
    resolved_at=NOW,
)
AGAIN = group(previous=PreviousGroup(id="al-9x2c", began_at=NOW - timedelta(hours=9), resolved_at=NOW - timedelta(hours=8)))
REOPENED = group(episode=2, seen_at=NOW - timedelta(minutes=46), suspect=None, value="")
TRUNCATED = group(truncated=True, suspect=None)
OUTAGE = group(
    title="DeepEchoServiceDown",
    route=replace(PAGED, severity=Severity.P0),
    suspect=Suspect(change=CONFIG, score=60, reasons=("3 min before",)),
)
MISSED = AlertGroup(
    id="al-w4tc",
    title=MISSING_ALERTNAME,
    labels={"alertname": MISSING_ALERTNAME, "watchdog": "prometheus-production"},
    common_labels={"alertname": MISSING_ALERTNAME, "watchdog": "prometheus-production"},
    group_key="watchdog/prometheus-production",
    environment="production",
    route=replace(PAGED, rule="watchdog", runbook=""),
    state=GroupState.FIRING,
    summary=(
        "No sign of life from prometheus-production for 10 min. Alerts may no longer reach this channel: "
        "look at Prometheus, Alertmanager and the way from there to deepecho."
    ),
    firing=1,
    total=1,
    began_at=NOW,
    seen_at=NOW,
    updated_at=NOW,
)

CHART = Chart(
    title="HighErrorRate · deep-echo-main · production",
    since=NOW - timedelta(minutes=36),
    until=NOW,
    series=(Series(name="errors", points=tuple((NOW.timestamp() - 60 * back, 15.0 - back) for back in range(30, -1, -1))),),
    threshold=10,
)
ACKED_NOTE = AlertNote(group_id="al-k7m2", key="n-1", at=NOW, text=sentence(MIA, " acknowledged this. It counts for 1 h."))
CHART_NOTE = AlertNote(group_id="al-k7m2", key="chart-1", at=NOW, text="The chart of the last half hour:", chart=CHART)
SUSPECTS_NOTE = AlertNote(
    group_id="al-k7m2",
    key="suspects-1",
    at=NOW,
    text="What changed before it, the likeliest first:",
    lines=(
        sentence(f"deploy {OLD} by ", LEE, " (", Code("op-h3c9"), "): 12 min before, same Deployment"),
        "ConfigMap deep-echo-config by helm: 40 min before",
    ),
)
PODS_NOTE = AlertNote(
    group_id="al-k7m2",
    key="pods-1",
    at=NOW,
    tone=Tone.BAD,
    text="1 pod does not come up:",
    lines=("deep-echo-main-7c9d-x2x4q: CrashLoopBackOff, back-off 40s",),
    log=("Traceback (most recent call last):", "KeyError: 'CACHE_TTL' & password=hunter2"),
)
