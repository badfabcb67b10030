"""Storms, answers about alerts, and the gallery of everything that people read about alerts."""

from dataclasses import replace
from datetime import timedelta

from domain.alerts.alerts import Route
from domain.alerts.routing import Location, MatcherResult, RouteExplanation, RuleStep
from domain.alerts.silence_endings import IS_OVER, SilenceEnding, extension_text
from domain.alerts.silences import Silence, SilenceState
from domain.alerts.storms import FoldedGroup, Storm, StormCard, Tally
from domain.answers.alerts import AlertmanagerSilences, AlertsAnswer, ListedSilence, RouteAnswer, SilencesAnswer
from domain.matchers import Matcher, Operator
from domain.severities import Severity
from tests.harness.families import Fact
from tests.harness.samples.alerts import (
    ACKED_NOTE,
    ACKNOWLEDGED,
    AGAIN,
    BOTH,
    CHART_NOTE,
    FIRING,
    FLAPPING,
    LONELY,
    MISSED,
    OUTAGE,
    PAGED,
    PARTLY,
    PODS_NOTE,
    REOPENED,
    RESOLVED,
    SILENCED,
    SUSPECTS_NOTE,
    TRUNCATED,
)
from tests.harness.samples.operations import ANA, MIA, NOW

RAGING = StormCard(
    storm=Storm(id="st-9fqa", channel="C0ALERTS01", began_at=NOW - timedelta(minutes=2), last_at=NOW),
    at=NOW,
    tallies=(
        Tally(title="HighErrorRate", severity=Severity.P1, groups=300, firing=280),
        Tally(title="PodCrashLooping", severity=Severity.P2, groups=600, firing=600),
        Tally(title="KubePersistentVolumeFillingUpFasterThanAnybodyExpectedIt" * 2, severity=Severity.P3, groups=90, firing=0),
    ),
    worst=tuple(
        FoldedGroup(
            id=f"al-{n:04}",
            title="HighErrorRate",
            severity=Severity.P1,
            environment="production",
            labels={"alertname": "HighErrorRate", "environment": "production", "service": f"shop-{n}"},
        )
        for n in range(12)
    ),
)
CALMED = replace(
    RAGING,
    storm=replace(RAGING.storm, ended_at=NOW + timedelta(minutes=10)),
    tallies=tuple(replace(each, firing=0) for each in RAGING.tallies),
    worst=(),
)
SPENT = replace(RAGING, storm=CALMED.storm)

ALERTS = AlertsAnswer(title="Alerts in production, firing", groups=(OUTAGE, ACKNOWLEDGED, SILENCED, FLAPPING, LONELY), total=990)
ROUTED = RouteAnswer(
    labels={"alertname": "HighErrorRate", "environment": "production", "severity": "critical", "service": "main"},
    explanation=RouteExplanation(
        location=Location("production", "deep-echo-main"),
        route=PAGED,
        steps=(
            RuleStep(
                "outage",
                False,
                (
                    MatcherResult('alertname="DeepEchoServiceDown"', False, "HighErrorRate"),
                    MatcherResult('environment="production"', True, "production"),
                    MatcherResult('region=~"eu-.*"', False, ""),
                ),
            ),
            RuleStep(
                "critical in production",
                True,
                (
                    MatcherResult('severity="critical"', True, "critical"),
                    MatcherResult('environment="production"', True, "production"),
                ),
            ),
        ),
    ),
)
UNROUTED = RouteAnswer(
    labels={"alertname": "Odd"},
    explanation=RouteExplanation(
        location=Location("", ""),
        route=Route(rule="default", channel="C0ALERTS01", severity=Severity.P3),
        steps=(RuleStep("outage", False, (MatcherResult('alertname="DeepEchoServiceDown"', False, "Odd"),)),),
    ),
)
HELD = Silence(
    id="s-1",
    matchers=(Matcher("alertname", Operator.EQUAL, "HighErrorRate"), Matcher("service", Operator.MATCHES, "deep-echo-.*")),
    starts_at=NOW,
    ends_at=NOW + timedelta(hours=4),
    by=f"mia ({MIA.user_id})",
    comment="known, fix is on its way, by mia [al-k7m2]",
    state=SilenceState.ACTIVE,
)
PLANNED = replace(
    HELD,
    id="s-2",
    matchers=(Matcher("environment", Operator.EQUAL, "production"),),
    starts_at=NOW + timedelta(hours=12),
    ends_at=NOW + timedelta(hours=14),
    by="kim",
    comment="database upgrade",
    state=SilenceState.PENDING,
)
QUIETED = SilencesAnswer(
    (
        AlertmanagerSilences(
            environments=("production",),
            silences=(ListedSilence(silence=HELD, group_id="al-k7m2"), ListedSilence(silence=PLANNED)),
        ),
        AlertmanagerSilences(environments=("development", "staging")),
        AlertmanagerSilences(environments=("lab",), problem="Alertmanager at alerts.lab.example did not answer in time."),
    )
)
"""The catalogue knows four environments; two share an Alertmanager, one does not answer."""

ENDING = SilenceEnding(
    group_id="al-k7m2",
    subject="HighErrorRate · production · deep-echo-main",
    owner=MIA,
    told=MIA,
    until=NOW + timedelta(minutes=15),
    hidden=3,
)
ENDING_AT_NIGHT = replace(ENDING, told=ANA, team="platform", hidden=1)

ALERT_GALLERY: dict[str, Fact] = {
    "alert firing": FIRING,
    "alert alone": LONELY,
    "alert outage": OUTAGE,
    "alert acknowledged": ACKNOWLEDGED,
    "alert silenced": SILENCED,
    "alert silenced and acknowledged": BOTH,
    "alert partly resolved": PARTLY,
    "alert flapping": FLAPPING,
    "alert resolved": RESOLVED,
    "alert again": AGAIN,
    "alert reopened": REOPENED,
    "alert truncated": TRUNCATED,
    "watchdog missing": MISSED,
    "alert acknowledged note": ACKED_NOTE,
    "alert chart note": CHART_NOTE,
    "alert suspects note": SUSPECTS_NOTE,
    "alert pods note": PODS_NOTE,
    "silence ending": ENDING,
    "silence ending, nothing fires": replace(ENDING, hidden=0),
    "silence ending at night": ENDING_AT_NIGHT,
    "silence ending at night, seen, unknown": replace(ENDING_AT_NIGHT, hidden=None, let_end_by=MIA),
    "silence extended": replace(ENDING, decision=extension_text(ANA, NOW + timedelta(hours=1, minutes=15))),
    "silence over": replace(ENDING_AT_NIGHT, decision=IS_OVER),
    "storm": RAGING,
    "storm over": CALMED,
    "storm over, some fire": SPENT,
    "alerts": ALERTS,
    "no alerts": AlertsAnswer(title="Alerts in staging, firing", groups=(), total=0),
    "alert route": ROUTED,
    "alert route default": UNROUTED,
    "silences": QUIETED,
}
