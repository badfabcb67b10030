"""One believable fact of each kind that shows health."""

from dataclasses import replace
from datetime import timedelta

from domain.answers.digest import DigestAnswer, DigestsAnswer, PlannedAudience
from domain.answers.health import EnvironmentHealth, HealthAnswer
from domain.digest.digest import Digest
from domain.digest.trends import DigestChart, trend_chart, trend_rows
from domain.health import HealthLevel, HealthLine, LeftByNight
from domain.rich_text import Timestamp, sentence
from tests.harness.families import Fact
from tests.harness.samples.operations import NOW


def health_line(system: str, level: HealthLevel, text: object, **more: object) -> HealthLine:
    return HealthLine(system=system, level=level, text=text, measured_at=NOW, **more)  # type: ignore[arg-type]


LINES = (
    health_line(
        "alerts", HealthLevel.RED, "2 firing: P1 HighErrorRate, P2 HighMemoryUsage", value=2, commands=("alerts production",)
    ),
    health_line("errors", HealthLevel.YELLOW, "0.9 % (limit 1 %)", series=(0.1, 0.1, 0.2, 0.5, None, 0.7, 0.9)),
    health_line("traces", HealthLevel.UNKNOWN, "not known: no answer within 1.5 s"),
    health_line(
        "throughput", HealthLevel.GREEN, "1,410/min (above 1,000/min)", series=(*(None,) * 20, 1300.0, 1400.0, 1200.0, 1410.0)
    ),
    health_line("pods", HealthLevel.GREEN, "21/21 ready", value=21),
    health_line("on call", HealthLevel.GREEN, sentence("platform: ana until ", Timestamp(NOW))),
)
MORNING = Digest(
    audience="platform",
    environment="production",
    channel="C0OPS",
    period=NOW.date(),
    due_at=NOW - timedelta(hours=4),
    made_at=NOW,
    lines=LINES,
    comparisons=(("alerts", "yesterday 4, average of 7 digests 3.1"),),
    since_yesterday=(
        "3 deploys (op-k7m2 failed)",
        "1 rollback (op-a4h2 by deepecho itself)",
        "1 incident: inc-x4k2 (P2, checkout is slow, 34 min)",
        "14 alerts, most often HighMemoryUsage (9 times)",
    ),
    today=(
        sentence("on call for platform: ana until ", Timestamp(NOW), ", then lee"),
        "window: none",
        "open follow-ups: 2",
    ),
    left=(
        LeftByNight(
            text="HighMemoryUsage flapped and woke ana twice, and its last firing ended after 40 s; "
            "in the week before it woke somebody 5 times",
            command="incident show inc-x4k2",
            label="Incident",
        ),
        LeftByNight(text="production is locked: <!channel> migration.", command="unlock production", label="Unlock"),
        LeftByNight(
            text=sentence("the post-mortem of inc-x4k2 is due ", Timestamp(NOW)),
            command="incident postmortem inc-x4k2",
            label="Post-mortem",
        ),
    ),
    problems=("leases not known: no answer within 1.5 s",),
)
_TRENDS = trend_rows(LINES, MORNING.period, (replace(MORNING, period=MORNING.period - timedelta(days=2)),))
_CHART = trend_chart(replace(MORNING, trends=_TRENDS))
assert _CHART is not None
DIGEST_GALLERY: dict[str, Fact] = {
    "health": HealthAnswer(
        at=NOW, environments=(EnvironmentHealth("production", LINES), EnvironmentHealth("staging", LINES[4:]))
    ),
    "digest": MORNING,
    "digest chart": DigestChart(environment="production", channel="C0OPS", chart=_CHART),
    "digests": DigestsAnswer(
        (
            PlannedAudience(
                audience="platform",
                environment="production",
                next_at=NOW + timedelta(hours=18),
                last=NOW.date(),
                is_delivered=True,
            ),
            PlannedAudience(audience="team", environment="staging", next_at=None, last=None),
        )
    ),
    "digest after a weekend": replace(
        MORNING, since=NOW.date() - timedelta(days=3), problems=(), due_at=NOW, lines=LINES[:2] + LINES[3:]
    ),
    "digest of an older date": DigestAnswer(MORNING, is_past=True),
    "digest where nothing is measured": Digest(environment="development", period=NOW.date(), made_at=NOW),
    "digest of a quiet night": DigestAnswer(Digest(environment="staging", period=NOW.date(), made_at=NOW, lines=LINES[4:])),
    "health where nothing is measured": HealthAnswer(at=NOW, environments=(EnvironmentHealth("development", ()),)),
}
