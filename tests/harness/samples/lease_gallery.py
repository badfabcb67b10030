"""Believable leases, as recorded and not."""

from datetime import timedelta

from domain.answers.leases import LeasesAnswer
from domain.leases.lease import Lease, LeaseKind, LeaseReading, Orphan, Reality
from tests.harness.families import Fact
from tests.harness.samples.operations import ANA, NOW

SILENCE = Lease(
    kind=LeaseKind.SILENCE,
    environment="production",
    key="6a1b1d0c-4a5f-4b0e-9d4e-0c5b3b7a1f22",
    owner=ANA,
    purpose="HighErrorRate deep-echo-main: the fix is on its way",
    set_at=NOW,
    until=NOW + timedelta(hours=2),
    undo="unsilence al-k7m2",
)
FREEZE = Lease(
    kind=LeaseKind.FREEZE,
    environment="production",
    key="mw-k7m2",
    owner=ANA,
    purpose="RDS minor upgrade <!channel>",
    set_at=NOW,
    until=NOW + timedelta(hours=3),
    undo="maintenance end mw-k7m2",
)
ORPHAN = Orphan(
    environment="production",
    key="0e7f2a90-64d3-4a57-8f0b-3d1a0f6c9b11",
    made_by="ana (U0ANA)",
    purpose="silenced in Slack, by ana [al-w4t7]",
    until=NOW + timedelta(hours=1),
    undo="unsilence al-w4t7",
)
HELD = LeaseReading(lease=SILENCE, reality=Reality.HELD, found_until=SILENCE.until)
LEASE_GALLERY: dict[str, Fact] = {
    "leases": LeasesAnswer(
        environments=("production",),
        readings=(HELD, LeaseReading(lease=FREEZE, reality=Reality.HELD, found_until=FREEZE.until)),
    ),
    "leases, not as recorded": LeasesAnswer(
        environments=("production", "staging"),
        readings=(
            HELD,
            LeaseReading(lease=SILENCE, reality=Reality.GONE),
            LeaseReading(lease=SILENCE, reality=Reality.CHANGED, found_until=NOW + timedelta(days=9)),
            LeaseReading(lease=SILENCE, reality=Reality.UNKNOWN),
        ),
        orphans=(ORPHAN,),
        problems=("Alertmanager of staging: it did not answer in time.",),
    ),
    "leases, none": LeasesAnswer(environments=("development",), readings=()),
    "leases, too many": LeasesAnswer(environments=("production",), readings=(HELD,) * 30, orphans=(ORPHAN,) * 25),
}
