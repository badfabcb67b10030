"""Pages as people get them: the direct message, the card with each attempt, the report of a rehearsal."""

from dataclasses import replace
from datetime import timedelta

from domain.answers.paging import PageAnswer
from domain.paging.messages import MessageState, PageCard, StoredMessage
from domain.paging.pages import Acknowledgement, Page, PageCall, PageRequest, PageState
from domain.paging.rehearsals import RehearsalReport
from domain.severities import Severity
from tests.harness.families import Fact
from tests.harness.samples.operations import MIA, NOW

REQUEST = PageRequest(
    subject="inc-x4k2",
    severity=Severity.P1,
    team="platform",
    environment="production",
    title="HighErrorRate · deep-echo-main in production",
    lines=("production · deep-echo-main · since 14:02 UTC", "fires: HighErrorRate", "suspect: deploy main-9f00d12"),
)
CALLING = Page(id="pg-k7m2", request=REQUEST, requested_at=NOW, due_at=NOW + timedelta(minutes=5), due_since=NOW, call=1)
TAKEN = replace(
    CALLING,
    state=PageState.ACKNOWLEDGED,
    due_at=None,
    acknowledgement=Acknowledgement(by=MIA, name="mia", at=NOW + timedelta(minutes=2), door="pagerduty"),
)
MESSAGES = (
    StoredMessage(
        key="pg-k7m2/1/1",
        page_id="pg-k7m2",
        call=1,
        position=1,
        person="mia",
        way="pagerduty",
        destination="platform",
        dedup_key="pg-k7m2",
        state=MessageState.SENT,
    ),
    StoredMessage(
        key="pg-k7m2/1/2",
        page_id="pg-k7m2",
        call=1,
        position=2,
        person="mia",
        way="sms",
        destination="+491700000003",
        dedup_key="pg-k7m2",
        state=MessageState.FAILED,
    ),
)
REHEARSAL = replace(TAKEN, request=replace(REQUEST, subject="test-k7m2", title="Rehearsal", is_test=True))

PAGE_GALLERY: dict[str, Fact] = {
    "page calling": PageCall(page=CALLING, person="mia", destination=MIA.user_id),
    "page of several": PageCall(
        page=CALLING, person="mia", destination=MIA.user_id, bundle="pg-b9x2", others=(CALLING,), more=12
    ),
    "page taken": PageCall(page=TAKEN, person="mia", destination=MIA.user_id),
    "page card": PageCard(page=CALLING, messages=MESSAGES),
    "page shown": PageAnswer(card=PageCard(page=TAKEN, messages=MESSAGES)),
    "page rehearsal": RehearsalReport(page=REHEARSAL, messages=MESSAGES[:1], at=NOW + timedelta(minutes=2)),
    "page rehearsal failed": RehearsalReport(page=replace(REHEARSAL, acknowledgement=None), messages=MESSAGES, at=NOW),
}
