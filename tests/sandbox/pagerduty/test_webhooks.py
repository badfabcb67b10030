"""Webhooks of the stand-in: signed as PagerDuty signs them, tried again, switched off after three that were dropped."""

from datetime import timedelta

from domain.clock import SystemClock
from domain.paging.remote import RemoteEventKind
from integrations.pagerduty import WebhookSignatures, parse_webhook
from sandbox.pagerduty import StandInPagerDuty, user_id
from tests.harness.wait import wait_until
from tests.sandbox.pagerduty.conftest import WebhookReceiver, trigger


async def test_what_a_person_does_is_told_in_order_and_signed(pagerduty: StandInPagerDuty, receiver: WebhookReceiver) -> None:
    subscription = pagerduty.subscribe(receiver.url)
    subscription.secrets.append("the next secret")
    incident, lee = trigger(pagerduty), pagerduty.account.users[user_id("lee")]
    pagerduty.account.acknowledge(incident, lee)
    pagerduty.account.resolve(incident, lee)
    await wait_until(lambda: len(receiver.received) == 3)

    for secret in subscription.secrets:
        for headers, body in receiver.received:
            WebhookSignatures({"main": secret}).check(headers["X-PagerDuty-Signature"], body)
    events = [parse_webhook(body) for _, body in receiver.received]
    assert [each.kind for each in events] == [RemoteEventKind.TRIGGERED, RemoteEventKind.ACKNOWLEDGED, RemoteEventKind.RESOLVED]
    assert [each.by.name if each.by else None for each in events] == [None, "Lee", "Lee"]
    assert {each.incident.dedup_key for each in events if each.incident} == {"inc-1/1"}


async def test_a_webhook_that_meets_trouble_comes_again_with_the_same_id(
    pagerduty: StandInPagerDuty, receiver: WebhookReceiver
) -> None:
    receiver.statuses = [503, 429, 500, 202]
    pagerduty.subscribe(receiver.url)
    incident = trigger(pagerduty)
    pagerduty.account.acknowledge(incident, pagerduty.account.users[user_id("lee")])
    await wait_until(lambda: len(receiver.received) == 5)

    ids = [headers["X-Webhook-Id"] for headers, _ in receiver.received]
    assert len({*ids[:4]}) == 1
    assert [parse_webhook(body).kind for _, body in receiver.received][3:] == [
        RemoteEventKind.TRIGGERED,
        RemoteEventKind.ACKNOWLEDGED,
    ]


async def test_three_that_are_refused_in_a_row_switch_it_off_for_a_day_and_nothing_is_kept(
    pagerduty: StandInPagerDuty, receiver: WebhookReceiver
) -> None:
    receiver.statuses = [403]
    subscription = pagerduty.subscribe(receiver.url)
    for number in range(3):
        trigger(pagerduty, f"inc-{number}/1")
    await wait_until(lambda: pagerduty.webhooks.is_disabled(subscription))

    receiver.statuses = [202]
    trigger(pagerduty, "inc-9/1")
    assert len(pagerduty.webhooks.dropped) == 4
    pagerduty.webhooks.enable(subscription)
    trigger(pagerduty, "inc-10/1")
    await wait_until(lambda: len(receiver.received) == 4)
    last = parse_webhook(receiver.received[-1][1]).incident
    assert last is not None
    assert last.dedup_key == "inc-10/1"


async def test_it_is_on_again_after_a_day(pagerduty: StandInPagerDuty, receiver: WebhookReceiver) -> None:
    subscription = pagerduty.subscribe(receiver.url)
    subscription.disabled_until = SystemClock().now() - timedelta(seconds=1)
    trigger(pagerduty)
    await wait_until(lambda: len(receiver.received) == 1)


async def test_two_refused_and_one_taken_are_no_three_in_a_row(pagerduty: StandInPagerDuty, receiver: WebhookReceiver) -> None:
    receiver.statuses = [403, 403, 202, 403, 403, 202]
    subscription = pagerduty.subscribe(receiver.url)
    incident, lee = trigger(pagerduty), pagerduty.account.users[user_id("lee")]
    for _ in range(2):
        pagerduty.account.acknowledge(incident, lee)
        pagerduty.account.unacknowledge(incident)
    pagerduty.account.resolve(incident, lee)
    await wait_until(lambda: len(receiver.received) == 6)
    assert not pagerduty.webhooks.is_disabled(subscription)
