"""Believable leases, as recorded and not."""

from datetime import timedelta

from domain.answers.leases import LeasesAnswer
from domain.leases.lease import Lease, LeaseKind, LeaseReading, Orphan, Reality, ScaledWorkload
from domain.people import BOT
from domain.rich_text import sentence
from domain.targets import Target
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
SCALE = Lease(
    kind=LeaseKind.SCALE,
    environment="production",
    key="op-k7m2",
    owner=ANA,
    purpose="deep-echo-main has 5 pods instead of 3: the fair",
    set_at=NOW,
    until=NOW + timedelta(hours=2),
    undo="unscale op-k7m2",
    scaled=ScaledWorkload(
        target=Target("production", "deep-echo-main", "main", "deep-echo-prod", "deep-echo-main", "deep-echo-main"),
        uid="u-1",
        replicas=5,
        previous_replicas=3,
    ),
)
GROUP = Lease(
    kind=LeaseKind.USER_GROUP,
    environment="",
    key="S0ONCALL",
    owner=BOT,
    purpose="ana and lee are on call for platform and network",
    set_at=NOW,
    until=NOW + timedelta(days=3),
    undo="",
    members=("U0ANA", "U0LEE"),
)
LEFT_GROUP = Orphan(
    kind=LeaseKind.USER_GROUP,
    environment="",
    key="S0NETWORK",
    owner=BOT,
    purpose="lee is on call for network",
    until=NOW,
    why="No team of the catalogue fills it any more.",
)
LEFT_SCALE = Orphan(
    kind=LeaseKind.SCALE,
    environment="production",
    key="op-w4t7",
    owner=ANA,
    purpose="deep-echo-cognitive has 8 pods instead of 4: load test",
    until=NOW - timedelta(hours=1),
    undo="unscale op-w4t7",
    why=sentence("op-r9p2 did not put it back: production is locked by ", ANA, ": the fair goes on."),
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
    "leases, scales": LeasesAnswer(
        environments=("production",),
        reader=ANA,
        readings=(
            HELD,
            LeaseReading(lease=SCALE, reality=Reality.HELD, found_until=SCALE.until),
            LeaseReading(
                lease=SCALE,
                reality=Reality.CHANGED,
                found_until=SCALE.until,
                remark="There are 8 replicas now: they are left alone at its end.",
            ),
            LeaseReading(lease=SCALE, reality=Reality.OVERDUE, found_until=SCALE.until),
            LeaseReading(lease=SCALE, reality=Reality.GONE, remark="The workload was deleted or made anew."),
        ),
        orphans=(LEFT_SCALE,),
    ),
    "leases, user groups": LeasesAnswer(
        environments=("production",),
        readings=(
            LeaseReading(lease=GROUP, reality=Reality.HELD, found_until=GROUP.until),
            LeaseReading(
                lease=GROUP,
                reality=Reality.CHANGED,
                found_until=GROUP.until,
                remark="Its members are others: 1 added and 1 removed. That is put right within the hour.",
            ),
            LeaseReading(lease=GROUP, reality=Reality.OVERDUE, found_until=GROUP.until),
        ),
        orphans=(LEFT_GROUP,),
    ),
    "leases, none of mine": LeasesAnswer(environments=("production",), readings=(), reader=ANA, only_mine=True),
    "leases, none": LeasesAnswer(environments=("development",), readings=()),
    "leases, too many": LeasesAnswer(environments=("production",), readings=(HELD,) * 30, orphans=(ORPHAN,) * 25),
}
