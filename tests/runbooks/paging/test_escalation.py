"""Calls go out step by step, on time or late, in order, and on to the next way where one fails."""

from datetime import timedelta

import pytest

from domain.errors import PermanentError, TemporaryError, UnknownOutcome
from domain.paging.pages import PageState
from domain.severities import Severity
from storage.store import Store
from tests.harness.paging import PagingHarness, paging_catalogue

ANA, LEE, MIA = "+491700000001", "+491700000002", "+491700000003"
SMS_TWICE_THEN_LEAD = (
    {"whom": ["oncall"], "ways": ["sms"], "wait_minutes": 5, "tries": 2},
    {"whom": ["lead"], "ways": ["sms"], "wait_minutes": 10},
)


async def test_a_whole_policy_without_an_answer(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue(*SMS_TWICE_THEN_LEAD))
    await harness.request()
    await harness.work()
    assert harness.sms.triggers() == [ANA]
    await harness.pass_time(4.9)
    assert harness.sms.triggers() == [ANA]
    await harness.pass_time(0.1)
    assert harness.sms.triggers() == [ANA, ANA]
    await harness.pass_time(5)
    assert harness.sms.triggers() == [ANA, ANA, MIA]
    assert (await harness.page()).state is PageState.OPEN
    await harness.pass_time(10)
    page = await harness.page()
    assert (page.state, page.due_at) == (PageState.UNANSWERED, None)
    assert page.final_reason == "everybody of the policy was called, and nobody acknowledged"
    assert harness.said()[-1] == "Nobody acknowledged: everybody of the policy was called, and nobody acknowledged."
    await harness.pass_time(600)
    assert harness.sms.triggers() == [ANA, ANA, MIA]


async def test_after_hours_without_a_worker_the_calls_go_on_late_and_in_order(store: Store) -> None:
    await PagingHarness(store, paging_catalogue(*SMS_TWICE_THEN_LEAD)).request()
    restarted = PagingHarness(store, paging_catalogue(*SMS_TWICE_THEN_LEAD))
    await restarted.pass_time(5 * 60)
    assert restarted.sms.triggers() == [ANA]
    for minutes in (5, 5):
        await restarted.pass_time(minutes)
    assert restarted.sms.triggers() == [ANA, ANA, MIA]


async def test_each_call_asks_who_is_on_call_then(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue(*SMS_TWICE_THEN_LEAD))
    await harness.request()
    await harness.work()
    harness.on_call["primary"] = ("lee",)
    await harness.pass_time(5)
    assert harness.sms.triggers() == [ANA, LEE]


async def test_rounds_begin_again_and_end(store: Store) -> None:
    steps = ({"whom": ["oncall"], "ways": ["sms"], "wait_minutes": 1}, {"whom": ["lead"], "ways": ["sms"], "wait_minutes": 1})
    harness = PagingHarness(store, paging_catalogue(*steps, rounds=2))
    await harness.request()
    for _ in range(6):
        await harness.pass_time(1)
    assert harness.sms.triggers() == [ANA, MIA, ANA, MIA]
    assert (await harness.page()).state is PageState.UNANSWERED


@pytest.mark.parametrize(
    "error", [PermanentError("not this way"), TemporaryError("busy"), UnknownOutcome("no answer")], ids=lambda e: type(e).__name__
)
async def test_a_way_that_fails_is_replaced_at_once(store: Store, error: Exception) -> None:
    harness = PagingHarness(store, paging_catalogue())
    harness.pagerduty.error = error  # type: ignore[assignment]
    await harness.request()
    await harness.work()
    assert (harness.pagerduty.triggers(), harness.sms.triggers()) == ([], [ANA])
    assert any("PagerDuty (platform) to ana" in text for text in harness.said())


async def test_whoever_has_no_number_is_reached_by_the_next_way(store: Store) -> None:
    catalogue = paging_catalogue({"whom": ["oncall"], "ways": ["sms", "email"]})
    without = {name: person.model_copy(update={"phone": ""}) for name, person in catalogue.people.items()}
    harness = PagingHarness(store, catalogue.model_copy(update={"people": without}))
    await harness.request()
    await harness.work()
    assert (harness.sms.sent, harness.email.triggers()) == ([], ["ana@example.com"])
    assert "SMS to ana failed: the catalogue has no sms address of ana" in harness.said()


async def test_two_ways_at_once_and_a_third_for_the_one_that_fails(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue({"whom": ["oncall"], "ways": ["pagerduty:x", "sms", "email"], "at_once": 2}))
    harness.sms.error = PermanentError("the number is blocked")
    await harness.request()
    await harness.work()
    assert (harness.pagerduty.triggers(), harness.email.triggers()) == (["x"], ["ana@example.com"])


async def test_when_every_way_fails_the_next_step_begins_at_once_and_the_numbers_are_told(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue())
    for way in (harness.pagerduty, harness.sms):
        way.error = PermanentError("out of order")
    await harness.request()
    await harness.work()
    assert harness.email.triggers() == ["mia@example.com"]
    (numbers,) = [note for note in harness.notes if note.kind == "numbers"]
    assert (str(numbers.text), [str(line) for line in numbers.lines]) == (
        "No way reached anybody. Call them by telephone:",
        ["NOC: `+49301234567`"],
    )
    harness.email.error = PermanentError("out of order")
    await harness.pass_time(10)
    assert len([note for note in harness.notes if note.kind == "numbers"]) == 1


async def test_a_pager_that_is_down_for_ten_minutes_is_told_once_when_it_is_back(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue())
    harness.pagerduty.error = TemporaryError("503")
    await harness.request()
    await harness.work()
    assert harness.sms.triggers() == [ANA]
    for _ in range(10):
        await harness.pass_time(1)
    harness.pagerduty.error = None
    await harness.pass_time(2)
    await harness.pass_time(2)
    assert harness.pagerduty.triggers() == ["platform"]
    late = [text for text in harness.said() if "PagerDuty" in text]
    assert late == [
        "PagerDuty (platform) to ana did not work yet: 503 The next way is used; this one is tried again.",
        "PagerDuty (platform) to ana accepted by the service.",
    ]


async def test_a_pager_that_times_out_after_it_has_accepted_is_told_the_same_again(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue())
    harness.pagerduty.errors, harness.pagerduty.accepts_before_error = [UnknownOutcome("timeout")], True
    await harness.request()
    await harness.work()
    await harness.pass_time(1)
    assert len({message.dedup_key for message, _ in harness.pagerduty.sent}) == 1
    assert len(harness.pagerduty.sent) == 2


async def test_an_sms_that_may_have_arrived_is_not_sent_twice_while_another_way_is_left(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue({"whom": ["oncall"], "ways": ["sms", "email"]}))
    harness.sms.errors, harness.sms.accepts_before_error = [UnknownOutcome("timeout")], True
    await harness.request()
    await harness.work()
    await harness.pass_time(1)
    assert (harness.sms.triggers(), harness.email.triggers()) == ([ANA], ["ana@example.com"])


async def test_an_sms_that_may_have_arrived_is_repeated_once_where_nothing_else_is_left_and_says_so(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue({"whom": ["oncall"], "ways": ["sms"], "wait_minutes": 30}))
    harness.sms.error, harness.sms.accepts_before_error = UnknownOutcome("timeout"), True
    await harness.request()
    await harness.work()
    await harness.pass_time(5)
    titles = [str(message.title) for message, _ in harness.sms.sent]
    assert titles == ["inc-x4k2 is failing", "again, as the first may not have arrived: inc-x4k2 is failing"]


async def test_a_severity_without_a_policy_calls_nobody_and_says_so(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue())
    await harness.request(severity=Severity.P3)
    await harness.work()
    page = await harness.page()
    assert (page.state, page.final_reason) == (PageState.ENDED, "the catalogue has no paging policy for P3")
    assert harness.pagerduty.sent == []


async def test_where_nobody_is_on_call_the_service_is_called_all_the_same(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue({"whom": ["oncall"], "ways": ["sms", "pagerduty:platform"]}), on_call={})
    await harness.request()
    await harness.work()
    assert (harness.sms.sent, harness.pagerduty.triggers()) == ([], ["platform"])


async def test_two_people_with_one_number_are_called_there_once(store: Store) -> None:
    catalogue = paging_catalogue({"whom": ["everybody"], "ways": ["sms"]})
    shared = {name: person.model_copy(update={"phone": ANA}) for name, person in catalogue.people.items()}
    harness = PagingHarness(store, catalogue.model_copy(update={"people": shared}))
    await harness.request()
    await harness.work()
    assert harness.sms.triggers() == [ANA]


async def test_a_catalogue_that_changes_meanwhile_changes_no_open_page(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue(*SMS_TWICE_THEN_LEAD))
    await harness.request()
    await harness.work()
    harness.catalogue = paging_catalogue({"whom": ["lead"], "ways": ["email"], "wait_minutes": 60})
    await harness.pass_time(5)
    assert (harness.sms.triggers(), harness.email.sent) == ([ANA, ANA], [])


async def test_what_is_due_while_the_clock_is_set_back_is_not_lost(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue(*SMS_TWICE_THEN_LEAD))
    await harness.request()
    harness.clock.advance(-timedelta(hours=2))
    await harness.work()
    assert harness.sms.triggers() == [ANA]


async def test_a_second_call_is_another_message_and_a_second_attempt_the_same(store: Store) -> None:
    """Mail programs and receivers of webhooks drop what they have already: a later call must not be taken for the first."""
    harness = PagingHarness(store, paging_catalogue({"whom": ["oncall"], "ways": ["email"], "wait_minutes": 5, "tries": 2}))
    harness.email.errors = [TemporaryError("greylisted")]
    harness.email.accepts_before_error = True
    await harness.request()
    await harness.work()
    await harness.pass_time(4)
    await harness.pass_time(1)
    first, again, second = (message.identity for message, _ in harness.email.sent)
    assert first == again != second
