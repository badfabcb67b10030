"""A storm: one page for a cause, and no more messages to one person than the bucket takes."""

from collections import Counter
from datetime import timedelta

from domain.paging.pages import PageState
from domain.severities import Severity
from storage.store import Store
from tests.harness.paging import PagingHarness, paging_catalogue, ten_people

SMS_ONLY = {"whom": ["oncall"], "ways": ["sms"], "wait_minutes": 600}
MAX_MESSAGES = 5
"""Within fifteen minutes, as GoAlert's limit for alerts by SMS."""


async def test_pages_of_one_cause_are_folded_into_the_first(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue(SMS_ONLY))
    for number in range(3):
        await harness.request(f"inc-{number}", cause="uplink")
        await harness.work()
    assert len(harness.sms.sent) == 1
    assert (await harness.page("inc-2")).state is PageState.FOLDED
    assert str(harness.notes[-1].text).endswith("about the same cause is open.")


async def test_a_worse_page_of_the_same_cause_calls_again(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue(SMS_ONLY))
    await harness.request("inc-0", severity=Severity.P1, cause="uplink")
    await harness.work()
    await harness.request("inc-1", severity=Severity.P0, cause="uplink")
    await harness.work()
    assert len(harness.sms.sent) == 2


async def test_who_takes_the_cause_takes_all_of_it(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue(SMS_ONLY))
    for number in range(3):
        await harness.request(f"inc-{number}", cause="uplink")
    await harness.work()
    await harness.acknowledge("inc-0")
    await harness.work()
    assert {(await harness.page(f"inc-{number}")).state for number in range(3)} == {PageState.ACKNOWLEDGED}
    assert sorted(harness.acknowledged) == [("inc-1", "lee"), ("inc-2", "lee")]


async def test_a_folded_page_is_not_forgotten_when_the_first_one_ends(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue(SMS_ONLY))
    for number in range(3):
        await harness.request(f"inc-{number}", cause="uplink")
    await harness.work()
    await harness.stop("inc-0")
    await harness.work()
    states = Counter([(await harness.page(f"inc-{number}")).state for number in range(3)])
    assert states == {PageState.ENDED: 1, PageState.OPEN: 1, PageState.FOLDED: 1}
    assert len(harness.sms.sent) == 2


async def test_many_causes_and_ten_people(store: Store) -> None:
    """The bench does the same with 3,000 causes."""
    causes = 200
    harness = PagingHarness(store, ten_people())
    for number in range(causes):
        await harness.request(f"inc-{number}", cause=f"monitor-{number}")
    await harness.work()
    for _ in range(4):
        harness.clock.advance(timedelta(seconds=10))
        await harness.work()
    by_person = Counter(harness.sms.triggers())
    assert set(by_person.values()) == {MAX_MESSAGES}
    assert len(by_person) == 10
    last = [message for message, destination in harness.sms.sent if destination == "+491700000100"][-1]
    assert f"and {causes - MAX_MESSAGES} more pages" in str(last.title)
    harness.clock.advance(timedelta(minutes=16))
    await harness.work()
    assert len(harness.sms.sent) == 10 * MAX_MESSAGES


async def test_the_first_page_of_a_new_outage_passes_a_full_bucket(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue(SMS_ONLY))
    for number in range(20):
        await harness.request(f"inc-{number}")
    await harness.work()
    harness.clock.advance(timedelta(seconds=20))
    await harness.work()
    assert len(harness.sms.sent) == MAX_MESSAGES
    await harness.request("inc-outage", severity=Severity.P0)
    await harness.work()
    assert str(harness.sms.sent[-1][0].title) == "inc-outage is failing"


async def test_a_storm_of_outages_is_a_storm_too(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue(SMS_ONLY))
    for number in range(50):
        await harness.request(f"inc-{number}", severity=Severity.P0)
    for _ in range(6):
        harness.clock.advance(timedelta(seconds=10))
        await harness.work()
    assert len(harness.sms.sent) <= MAX_MESSAGES
    assert "more pages" in str(harness.sms.sent[-1][0].title)


async def test_what_a_bundle_announced_is_told_to_each_subject_and_counts_as_sent(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue(SMS_ONLY))
    for number in range(12):
        await harness.request(f"inc-{number}")
    await harness.work()
    harness.clock.advance(timedelta(seconds=20))
    await harness.work(12)
    sent = [note for note in harness.notes if note.kind == "sent"]
    assert {note.subject for note in sent} == {f"inc-{number}" for number in range(12)}
    assert sum("together with other pages" in str(note.text) for note in sent) == 8


async def test_the_rest_of_a_bundle_goes_on_when_the_page_that_carries_it_ends(store: Store) -> None:
    harness = PagingHarness(store, paging_catalogue(SMS_ONLY))
    for number in range(12):
        await harness.request(f"inc-{number}")
    await harness.work()
    for number in range(12):
        if not any(str(message.title).startswith(f"inc-{number} ") for message, _ in harness.sms.sent):
            await harness.stop(f"inc-{number}")
            break
    harness.clock.advance(timedelta(seconds=20))
    await harness.work()
    assert "and 6 more pages" in str(harness.sms.sent[-1][0].title)
