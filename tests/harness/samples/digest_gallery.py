"""One believable fact of each kind that shows health."""

from domain.answers.health import EnvironmentHealth, HealthAnswer
from domain.health import HealthLevel, HealthLine
from domain.rich_text import Timestamp, sentence
from tests.harness.families import Fact
from tests.harness.samples.operations import NOW


def health_line(system: str, level: HealthLevel, text: object, **more: object) -> HealthLine:
    return HealthLine(system=system, level=level, text=text, measured_at=NOW, **more)  # type: ignore[arg-type]


LINES = (
    health_line(
        "alerts", HealthLevel.RED, "2 firing: P1 HighErrorRate, P2 HighMemoryUsage", value=2, commands=("alerts production",)
    ),
    health_line("errors", HealthLevel.YELLOW, "0.9 % (limit 1 %)", series=(0.1, 0.1, 0.2, 0.5, float("nan"), 0.7, 0.9)),
    health_line("traces", HealthLevel.UNKNOWN, "not known: no answer within 1.5 s"),
    health_line("pods", HealthLevel.GREEN, "21/21 ready", value=21),
    health_line("on call", HealthLevel.GREEN, sentence("platform: ana until ", Timestamp(NOW))),
)
DIGEST_GALLERY: dict[str, Fact] = {
    "health": HealthAnswer(
        at=NOW, environments=(EnvironmentHealth("production", LINES), EnvironmentHealth("staging", LINES[3:]))
    ),
    "health where nothing is measured": HealthAnswer(at=NOW, environments=(EnvironmentHealth("development", ()),)),
}
