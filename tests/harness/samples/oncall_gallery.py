"""One believable fact of each kind that on-call shows."""

from datetime import timedelta

from domain.answers.oncall import (
    CalendarAnswer,
    CoverCard,
    LayerLine,
    NamedPerson,
    OnCallAnswer,
    OnCallNotice,
    OverrideAnswer,
    TeamOnCall,
    WeekAnswer,
    WeekLine,
)
from domain.notes import Tone
from domain.oncall.cover_requests import CoverRequest, Period, RequestState
from domain.oncall.overrides import Override, OverrideKind
from domain.oncall.schedule import Gap
from domain.rich_text import Timestamp, sentence
from tests.harness.families import Fact
from tests.harness.samples.operations import ANA, MIA, NOW

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ana, mia, guest = NamedPerson("ana", ANA), NamedPerson("mia", MIA), NamedPerson("Zoe <Z>")
TAKEN = Override(
    id="oc-k7m2",
    team="platform",
    layer="primary",
    person="mia",
    replaces="ana",
    starts=NOW,
    ends=NOW + DAY,
    kind=OverrideKind.TAKE,
    made_by=MIA,
    made_at=NOW,
    reason="ana is in hospital <3",
)
PRIMARY = LayerLine(layer="primary", people=(mia,), until=NOW + DAY, next_people=(ana,), overrides=(TAKEN,))
PLATFORM = TeamOnCall(team="platform", zone="Europe/Berlin", layers=(PRIMARY, LayerLine(layer="secondary", people=())))
NETWORK = TeamOnCall(
    team="network",
    zone="America/Chicago",
    layers=(LayerLine(layer="primary", people=(guest, ana)),),
    note=sentence("PagerDuty does not answer; as it said 2 h ago, at ", Timestamp(NOW - 2 * HOUR), "."),
)
UNKNOWN = TeamOnCall(
    team="network", zone="UTC", layers=(), note="PagerDuty, which has the schedules, was not reached yet.", is_unknown=True
)
WEEK = WeekAnswer(
    team="platform",
    zone="Europe/Berlin",
    since=NOW,
    until=NOW + 7 * DAY,
    layers={"primary": (WeekLine(NOW, NOW + DAY, (mia,), True), WeekLine(NOW + DAY, NOW + 6 * DAY, (ana,))), "night": ()},
    gaps=(Gap(NOW + 6 * DAY, NOW + 7 * DAY),),
)
ASKED = CoverRequest(
    id="oc-r3st",
    team="platform",
    layer="primary",
    asked_by="ana",
    period=Period(NOW, NOW + DAY),
    made_by=ANA,
    made_at=NOW,
    reason="school play",
    channel="C0OPS",
)
SWAPPED = CoverRequest(
    id="oc-swap",
    team="platform",
    layer="primary",
    asked_by="ana",
    wanted="mia",
    period=Period(NOW, NOW + DAY),
    in_return=Period(NOW + 7 * DAY, NOW + 8 * DAY),
    made_by=ANA,
    made_at=NOW,
    state=RequestState.ACCEPTED,
    answered_by="mia",
)
ACCOUNTS = {"ana": ANA, "mia": MIA}

ONCALL_GALLERY: dict[str, Fact] = {
    "on call": OnCallAnswer(teams=(PLATFORM,), at=NOW, can_take="platform"),
    "on call then": OnCallAnswer(teams=(PLATFORM, NETWORK, UNKNOWN), at=NOW + DAY, is_now=False),
    "on call week": WEEK,
    "override": OverrideAnswer(
        title=sentence(MIA, " is on call for platform (primary) instead of ", ANA, "."),
        lines=("From Mon 23 Nov 14:02 UTC · 15:02 Europe/Berlin (yours, rota)", "Until Tue 24 Nov 14:02 UTC"),
        undo="oc-k7m2",
    ),
    "on-call calendar": CalendarAnswer(
        name="ana", is_own=True, url="https://deepecho.example.com/oncall/calendar.ics?person=ana&signed=" + "ab2c" * 8
    ),
    "on-call notice": OnCallNotice(
        team="platform", title=sentence("You are on call for platform until ", Timestamp(NOW + DAY), "."), undo="oc-k7m2"
    ),
    "on-call gap": OnCallNotice(
        team="platform",
        title="Nobody is on call for platform from now, with no end in sight.",
        tone=Tone.BAD,
        gap=Gap(NOW, NOW + DAY),
    ),
    "cover": CoverCard(request=ASKED, zone="Europe/Berlin", people=ACCOUNTS),
    "swap": CoverCard(request=SWAPPED, zone="Europe/Berlin", people=ACCOUNTS),
}
