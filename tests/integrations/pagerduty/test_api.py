"""What PagerDuty tells: states of pages, who is on call, subscriptions. And what a change there must never do."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.clock import SystemClock
from domain.errors import Forbidden, NotFound, PermanentError, TemporaryError
from domain.paging.remote import RemoteStatus
from integrations.pagerduty import PagerDutyApi, PagerDutyEvents, open_pagerduty_api
from sandbox.pagerduty import BOT_EMAIL, SCHEDULE_ID, SERVICE_NAME, StandInPagerDuty, routing_key, user_id
from sandbox.pagerduty.faults import Fault
from sandbox.pagerduty.model import Incident, Shift, Status
from tests.harness.page_messages import page_message, resolved


@pytest.fixture
async def incident(pagerduty: StandInPagerDuty, events: PagerDutyEvents) -> Incident:
    await events.send(page_message(), SERVICE_NAME)
    (opened,) = pagerduty.account.incidents.values()
    return opened


def long_ago() -> datetime:
    return SystemClock().now() - timedelta(hours=1)


async def test_the_state_of_a_page_is_found_by_its_key(
    pagerduty: StandInPagerDuty, api: PagerDutyApi, incident: Incident
) -> None:
    lee = pagerduty.account.users[user_id("lee")]
    pagerduty.account.acknowledge(incident, lee)

    found = await api.incidents_of(["inc-k7m2/1", "inc-unknown/1"], long_ago())

    assert set(found) == {"inc-k7m2/1"}
    state = found["inc-k7m2/1"]
    assert (state.status, state.id) == (RemoteStatus.ACKNOWLEDGED, incident.id)
    assert state.changed_by is not None
    assert (state.changed_by.id, state.changed_by.name) == (lee.id, "Lee")
    assert state.changed_at is not None
    assert state.changed_at.utcoffset() == timedelta(0)
    assert abs(state.changed_at - incident.changed_at) < timedelta(seconds=1)


async def test_many_pages_are_found_in_few_requests(
    pagerduty: StandInPagerDuty, api: PagerDutyApi, events: PagerDutyEvents
) -> None:
    for number in range(120):
        event = {"routing_key": routing_key(SERVICE_NAME), "event_action": "trigger", "dedup_key": f"inc-{number}"}
        pagerduty.account.take_event(event | {"payload": {"summary": "x", "source": "x", "severity": "error"}})

    found = await api.incidents_of([f"inc-{number}" for number in range(120)], long_ago())

    assert len(found) == 120
    assert len(pagerduty.rest.reads) == 2


async def test_of_several_incidents_with_one_key_the_newest_counts(
    pagerduty: StandInPagerDuty, api: PagerDutyApi, incident: Incident, events: PagerDutyEvents
) -> None:
    """A trigger that arrives after its page has ended opens another one, which a poll finds and closes."""
    await events.send(resolved(page_message()), SERVICE_NAME)
    pagerduty.account.take_event(pagerduty.events.received[0])

    found = (await api.incidents_of(["inc-k7m2/1"], long_ago()))["inc-k7m2/1"]
    assert (found.status, found.id != incident.id) == (RemoteStatus.TRIGGERED, True)
    assert await api.resolve(found.id) is RemoteStatus.RESOLVED
    assert all(each.status is Status.RESOLVED for each in pagerduty.account.incidents.values())


async def test_acknowledging_what_is_triggered(pagerduty: StandInPagerDuty, api: PagerDutyApi, incident: Incident) -> None:
    assert await api.acknowledge(incident.id) is RemoteStatus.ACKNOWLEDGED
    assert [each.email for each in incident.acknowledgers] == [BOT_EMAIL]


async def test_acknowledging_what_is_resolved_does_not_reopen_it(
    pagerduty: StandInPagerDuty, api: PagerDutyApi, incident: Incident
) -> None:
    pagerduty.account.resolve(incident, pagerduty.account.users[user_id("lee")])
    assert await api.acknowledge(incident.id) is RemoteStatus.RESOLVED
    assert (incident.status, pagerduty.rest.writes) == (Status.RESOLVED, [])


async def test_acknowledging_again_takes_it_from_nobody(
    pagerduty: StandInPagerDuty, api: PagerDutyApi, incident: Incident
) -> None:
    lee = pagerduty.account.users[user_id("lee")]
    pagerduty.account.acknowledge(incident, lee)
    assert await api.acknowledge(incident.id) is RemoteStatus.ACKNOWLEDGED
    assert incident.assignees == (lee,)
    assert pagerduty.rest.writes == []


async def test_what_is_resolved_between_reading_and_writing_stays_resolved(
    pagerduty: StandInPagerDuty, api: PagerDutyApi, incident: Incident
) -> None:
    lee = pagerduty.account.users[user_id("lee")]

    def resolve_once(found: Incident) -> None:
        pagerduty.rest.before_put = lambda _incident: None
        pagerduty.account.resolve(found, lee)

    pagerduty.rest.before_put = resolve_once

    assert await api.acknowledge(incident.id) is RemoteStatus.RESOLVED
    assert incident.status is Status.RESOLVED


async def test_what_was_reopened_by_a_person_can_be_acknowledged(
    pagerduty: StandInPagerDuty, api: PagerDutyApi, incident: Incident
) -> None:
    """That it was once resolved, long before, is no reason to resolve it again."""
    lee = pagerduty.account.users[user_id("lee")]
    pagerduty.account.resolve(incident, lee)
    pagerduty.account.reopen(incident, lee)
    incident.changed_at += timedelta(seconds=2)

    assert await api.acknowledge(incident.id) is RemoteStatus.ACKNOWLEDGED


async def test_resolving_twice_is_once(pagerduty: StandInPagerDuty, api: PagerDutyApi, incident: Incident) -> None:
    assert await api.resolve(incident.id) is RemoteStatus.RESOLVED
    assert await api.resolve(incident.id) is RemoteStatus.RESOLVED
    assert pagerduty.rest.writes == [(incident.id, "resolved")]


async def test_who_is_on_call_is_asked_and_told_in_utc(pagerduty: StandInPagerDuty, api: PagerDutyApi) -> None:
    """The account's zone is eight hours off: a question without an offset would be about another person."""
    schedule = pagerduty.account.schedules[SCHEDULE_ID]
    turn = schedule.shifts[5]

    before = await api.on_call(turn.start - timedelta(seconds=1), turn.start - timedelta(seconds=1), schedules=[SCHEDULE_ID])
    after = await api.on_call(turn.start + timedelta(seconds=1), turn.start + timedelta(seconds=1), schedules=[SCHEDULE_ID])

    assert [each.person.id for each in before] == [schedule.shifts[4].user.id]
    assert [each.person.id for each in after] == [turn.user.id]
    assert (after[0].start, after[0].end) == (turn.start, turn.end)
    assert pagerduty.rest.reads[-1]["time_zone"] == "UTC"
    assert pagerduty.rest.reads[-1]["since"].endswith("Z")


async def test_a_policy_is_told_level_by_level_with_those_whom_it_names_directly(
    pagerduty: StandInPagerDuty, api: PagerDutyApi
) -> None:
    now = SystemClock().now()
    shifts = await api.on_call(now, now, policies=["PPLATPOLIC"])
    assert [each.level for each in shifts] == [1, 2, 3]
    assert [each.person.name for each in shifts][1:] == ["Mia", "Kim"]
    assert (shifts[1].schedule_id, shifts[1].start, shifts[1].end) == ("", None, None)


async def test_all_pages_of_shifts_are_read(pagerduty: StandInPagerDuty, api: PagerDutyApi) -> None:
    schedule, now = pagerduty.account.schedules[SCHEDULE_ID], SystemClock().now()
    users = list(pagerduty.account.users.values())
    schedule.shifts = tuple(
        Shift(user=users[hour % 2], start=now + timedelta(hours=hour), end=now + timedelta(hours=hour + 1)) for hour in range(230)
    )
    found = await api.on_call(now, now + timedelta(hours=230), schedules=[SCHEDULE_ID])
    assert len(found) == 230


async def test_a_schedule_that_moves_to_the_new_kind_between_two_reads_answers_alike(
    pagerduty: StandInPagerDuty, api: PagerDutyApi
) -> None:
    schedule, now = pagerduty.account.schedules[SCHEDULE_ID], SystemClock().now()
    before, name = await api.on_call(now, now, schedules=[SCHEDULE_ID]), await api.schedule_name(SCHEDULE_ID)

    schedule.shift_based = True

    assert await api.on_call(now, now, schedules=[SCHEDULE_ID]) == before
    assert await api.schedule_name(SCHEDULE_ID) == name == "Platform"


async def test_several_at_once_and_nobody_in_a_gap(pagerduty: StandInPagerDuty, api: PagerDutyApi) -> None:
    schedule = pagerduty.account.schedules[SCHEDULE_ID]
    schedule.shift_based = True
    lee, ana = pagerduty.account.users[user_id("lee")], pagerduty.account.users[user_id("ana")]
    start = datetime(2026, 12, 1, tzinfo=UTC)
    schedule.shifts = tuple(Shift(user=user, start=start, end=start + timedelta(hours=1)) for user in (lee, ana))

    both = await api.on_call(start, start, schedules=[SCHEDULE_ID])
    gap_at = start + timedelta(hours=2)
    assert {each.person.id for each in both} == {lee.id, ana.id}
    assert await api.on_call(gap_at, gap_at, schedules=[SCHEDULE_ID]) == ()


async def test_more_than_90_days_are_not_asked_for(api: PagerDutyApi) -> None:
    now = SystemClock().now()
    with pytest.raises(PermanentError, match="at most 90 days"):
        await api.on_call(now, now + timedelta(days=91))


async def test_a_subscription_that_was_switched_off_is_seen_and_enabled(pagerduty: StandInPagerDuty, api: PagerDutyApi) -> None:
    ours = pagerduty.subscribe("https://deepecho.example.com/webhooks/pagerduty")
    pagerduty.subscribe("https://other.example.com/hook")
    ours.disabled_until = SystemClock().now() + timedelta(hours=24)

    disabled = [each for each in await api.subscriptions() if each.is_ours and each.temporarily_disabled]
    assert [each.id for each in disabled] == [ours.id]
    await api.enable_subscription(ours.id)
    assert not any(each.temporarily_disabled for each in await api.subscriptions())


async def test_the_users_whose_name_it_writes_in_must_exist(pagerduty: StandInPagerDuty, api: PagerDutyApi) -> None:
    assert (await api.acting_user()).name == "deepecho"
    async with open_pagerduty_api(pagerduty.url, pagerduty.api_token, "nobody@example.com", pagerduty.clock) as other:
        with pytest.raises(NotFound, match=r"PagerDuty has no user nobody@example\.com"):
            await other.acting_user()


async def test_a_wrong_token_is_said_without_the_token(pagerduty: StandInPagerDuty) -> None:
    async with open_pagerduty_api(pagerduty.url, "secret-token", BOT_EMAIL, pagerduty.clock) as other:
        with pytest.raises(Forbidden, match="does not let the bot find the bot's user") as caught:
            await other.acting_user()
    assert "secret-token" not in str(caught.value)


async def test_the_limit_of_requests_names_its_time() -> None:
    async with (
        StandInPagerDuty(requests_per_minute=1) as pagerduty,
        open_pagerduty_api(pagerduty.url, pagerduty.api_token, BOT_EMAIL, pagerduty.clock) as api,
    ):
        await api.acting_user()
        with pytest.raises(TemporaryError) as caught:
            await api.acting_user()
    assert caught.value.retry_after is not None
    assert 55 <= caught.value.retry_after <= 60


async def test_while_pagerduty_is_down_nothing_is_known_and_nothing_changed(
    pagerduty: StandInPagerDuty, api: PagerDutyApi, incident: Incident
) -> None:
    pagerduty.faults.add(Fault(call="rest", kind="down", until=SystemClock().now() + timedelta(minutes=10)))
    for _ in range(2):
        with pytest.raises(TemporaryError):
            await api.acknowledge(incident.id)
    assert incident.status is Status.TRIGGERED
    pagerduty.faults.clear()
    assert await api.acknowledge(incident.id) is RemoteStatus.ACKNOWLEDGED


async def test_an_incident_that_is_not_there(api: PagerDutyApi) -> None:
    with pytest.raises(NotFound):
        await api.incident("QNOTTHERE")
    with pytest.raises(NotFound):
        await api.incident("../users")
