"""What holds for every way of paging, with the real server behind it: PagerDuty's stand-in, moto, aiosmtpd, a receiver."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from domain.errors import PermanentError, TemporaryError, UnknownOutcome
from domain.paging.ways import Handover
from tests.harness.aws_server import CREDENTIALS, RunningAws, aws_server
from tests.harness.page_messages import page_message
from tests.harness.paging_ways import SECRETS, WAYS, WayHarness, open_way

ATTEMPT_SECONDS = 15
"""What one attempt to page has at most."""


@pytest.fixture(scope="module")
def aws() -> Iterator[RunningAws]:
    with aws_server() as running:
        yield running


@pytest.fixture(params=WAYS)
async def harness(request: pytest.FixtureRequest, aws: RunningAws, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WayHarness]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    aws.forget()
    async with open_way(request.param, aws) as opened:
        yield opened


async def test_a_page_arrives_once_and_is_said_to_be_accepted_not_delivered(harness: WayHarness) -> None:
    receipt = await harness.way.send(page_message(), harness.destination)

    (text,) = harness.received()
    assert "P1 deep-echo-main: many errors in production" in text
    assert receipt.handover is Handover.ACCEPTED
    assert receipt.reference


async def test_a_test_is_marked(harness: WayHarness) -> None:
    await harness.way.send(page_message(is_test=True), harness.destination)
    (text,) = harness.received()
    assert "TEST P1 deep-echo-main" in text


async def test_a_destination_that_cannot_be_is_refused_for_good(harness: WayHarness) -> None:
    with pytest.raises(PermanentError):
        await harness.way.send(page_message(), harness.bad_destination)
    assert harness.received() == []


async def test_where_nobody_listens_nothing_was_sent_and_that_is_known(harness: WayHarness) -> None:
    with pytest.raises(TemporaryError, match=r"cannot be reached\. Nothing was sent\.") as caught:
        await harness.unreachable.send(page_message(), harness.destination)
    assert not isinstance(caught.value, UnknownOutcome)


@pytest.mark.parametrize("hang", [False, True])
async def test_when_the_answer_is_lost_it_is_not_known_whether_the_page_went_out(harness: WayHarness, *, hang: bool) -> None:
    """It did. Sent again, it is there twice, except where a key makes one of it."""
    harness.proxy.lose_after, harness.proxy.hang = harness.end_of_message, hang

    started = time.monotonic()
    with pytest.raises(UnknownOutcome, match="may or may not"):
        await harness.way.send(page_message(), harness.destination)
    assert time.monotonic() - started < ATTEMPT_SECONDS
    assert len(harness.received()) == 1


@pytest.mark.parametrize(
    "title",
    ["two\nlines\r\nBcc: evil@example.com", "x" * 5000, "\u0000 \ufeff 😀 ümläut 漢字 \u202e", "", "{{ template }} <b>&"],
)
async def test_any_title_goes_out(harness: WayHarness, title: str) -> None:
    await harness.way.send(page_message(title=title, lines=(title,) * 3), harness.destination)
    assert len(harness.received()) == 1
    assert "\nBcc:" not in harness.received()[0].partition("\r\n\r\n")[0].partition("\n\n")[0]


async def test_many_at_once_all_arrive(harness: WayHarness) -> None:
    await asyncio.gather(
        *(harness.way.send(page_message(f"inc-{number}/1", page_id=f"pg-{number}"), harness.destination) for number in range(20))
    )
    assert len(harness.received()) == 20


async def test_no_secret_is_in_what_people_read(harness: WayHarness) -> None:
    harness.proxy.lose_after = harness.end_of_message
    texts = [repr(harness.way)]
    for way in (harness.way, harness.unreachable):
        with pytest.raises(TemporaryError) as caught:
            await way.send(page_message(), harness.destination)
        texts.append(str(caught.value))
    assert not any(secret in text for secret in SECRETS for text in texts)
