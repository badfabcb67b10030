"""One believable fact of each kind that shows maintenance windows."""

from dataclasses import replace
from datetime import timedelta

from domain.answers.maintenance import WindowAnswer, WindowsAnswer
from domain.maintenance.schedule import advance
from domain.maintenance.transitions import cancel, end
from domain.maintenance.window import MaintenanceWindow, WindowState
from tests.harness.families import Fact
from tests.harness.samples.operations import NOW
from tests.harness.samples.team import ANA, SAM

PLANNED = MaintenanceWindow(
    id="mw-k7m2",
    source="C/1",
    environment="production",
    work="RDS minor upgrade",
    owner=ANA.person,
    channel="C0OPS",
    planned_at=NOW,
    starts_at=NOW + timedelta(hours=30),
    ends_at=NOW + timedelta(hours=31, minutes=30),
    state=WindowState.PLANNED,
)
WAITING = replace(PLANNED, id="mw-w4t7", state=WindowState.WAITING, work=f"Move <!channel> of {'a very long name ' * 12}")
RUNNING = advance(PLANNED, PLANNED.starts_at).window
REMINDED = advance(RUNNING, RUNNING.ends_at)
MAINTENANCE_GALLERY: dict[str, Fact] = {
    "maintenance planned": PLANNED,
    "maintenance waits": WAITING,
    "maintenance approved": replace(PLANNED, approved_by=SAM.person),
    "maintenance runs": RUNNING,
    "maintenance ended": end(RUNNING, ANA.person, RUNNING.ends_at + timedelta(minutes=4)).window,
    "maintenance cancelled": cancel(PLANNED, SAM.person, NOW, "the vendor moved it").window,
    "maintenance overrun": REMINDED.notes[-1],
    "maintenance ended by itself": advance(RUNNING, RUNNING.frozen_until).notes[-1],
    "maintenance shown": WindowAnswer(RUNNING),
    "maintenance list": WindowsAnswer((RUNNING, WAITING), (("development", "anytime"), ("production", "Sun 04:00 to 06:00 UTC"))),
    "maintenance list, empty": WindowsAnswer((), (("staging", "daily 02:00 to 04:00 UTC"),)),
}
