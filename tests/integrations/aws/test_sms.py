"""SMS by SNS: AWS takes what it will not deliver, so that has to be found before."""

import sys
from datetime import timedelta
from typing import Any

import pytest

from domain.clock import SystemClock
from domain.errors import Forbidden, PermanentError, TemporaryError, UnknownOutcome
from integrations.aws import AwsClients, SmsBySns, SmsUsage, open_aws_clients
from tests.harness.aws_server import OPTED_OUT_NUMBER, REGION, RunningAws
from tests.harness.fakes.clock import StoppedClock
from tests.harness.fakes.scripted_web import ScriptedResponse, scripted_web
from tests.harness.page_messages import page_message

NUMBER = "+491701234567"


def sms(clients: AwsClients, **options: Any) -> SmsBySns:
    return SmsBySns(clients, options.pop("clock", SystemClock()), precheck_seconds=2, **options)


async def put_spent(clients: AwsClients, usd: float) -> None:
    data = [{"MetricName": "SMSMonthToDateSpentUSD", "Value": usd, "Timestamp": SystemClock().now()}]
    await clients.call("cloudwatch", "put_metric_data", "count", Namespace="AWS/SNS", MetricData=data)


async def set_limit(clients: AwsClients, usd: str) -> None:
    await clients.call("sns", "set_sms_attributes", "limit", attributes={"MonthlySpendLimit": usd})


async def test_a_page_is_one_sms_whose_parts_are_told(aws: RunningAws, clients: AwsClients) -> None:
    receipt = await sms(clients, sender_id="DEEPECHO").send(page_message(), NUMBER)
    ((number, text),) = aws.sms
    assert (number, text.splitlines()[0]) == (NUMBER, "P1 deep-echo-main: many errors in production")
    assert receipt.note == "an SMS in 2 parts"


async def test_a_long_page_is_not_more_parts_than_the_settings_allow(aws: RunningAws, clients: AwsClients) -> None:
    receipt = await sms(clients, max_parts=1).send(page_message(title="x" * 3000), NUMBER)
    assert receipt.note == "1 SMS"
    assert len(aws.sms[0][1]) <= 160


async def test_a_number_that_answered_stop_is_told_before_and_not_whole(aws: RunningAws, clients: AwsClients) -> None:
    with pytest.raises(PermanentError, match=r"\+49…099 answered STOP") as caught:
        await sms(clients).send(page_message(), OPTED_OUT_NUMBER)
    assert OPTED_OUT_NUMBER not in str(caught.value)
    assert aws.sms == []


async def test_a_spent_budget_is_told_before_as_aws_would_drop_the_sms_silently(aws: RunningAws, clients: AwsClients) -> None:
    await set_limit(clients, "10")
    await put_spent(clients, 10.2)
    way = sms(clients)
    assert await way.usage() == SmsUsage(limit_usd=10, spent_usd=10.2, in_sandbox=None)
    with pytest.raises(PermanentError, match=r"The monthly limit for SMS \(10 USD\) is spent"):
        await way.send(page_message(), NUMBER)
    assert aws.sms == []


async def test_the_budget_is_asked_for_again_after_a_while(aws: RunningAws, clients: AwsClients) -> None:
    clock = StoppedClock(SystemClock().now())
    way = sms(clients, clock=clock)
    await set_limit(clients, "10")
    await put_spent(clients, 9)
    await way.send(page_message(), NUMBER)
    await put_spent(clients, 11)
    await way.send(page_message(), NUMBER)
    clock.advance(timedelta(minutes=11))
    with pytest.raises(PermanentError, match="is spent"):
        await way.send(page_message(), NUMBER)


@pytest.mark.parametrize(
    ("code", "status", "error", "words"),
    [
        ("Throttling", 400, TemporaryError, "takes no more for a moment"),
        ("ThrottledException", 429, TemporaryError, "takes no more for a moment"),
        ("InvalidParameter", 400, PermanentError, "refused to send the SMS: the reason"),
        ("AuthorizationError", 403, Forbidden, "does not let the bot send the SMS: the reason"),
        ("ExpiredToken", 403, Forbidden, "does not let the bot send the SMS"),
        ("UserError", 400, PermanentError, "In its sandbox only verified numbers get an SMS"),
        ("OptedOut", 400, PermanentError, "answered STOP"),
        ("InternalError", 500, UnknownOutcome, "may or may not have been done"),
    ],
)
async def test_each_refusal_of_aws_is_an_error_of_ours(
    aws: RunningAws, code: str, status: int, error: type[Exception], words: str
) -> None:
    body = (
        '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>the reason</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    )
    async with scripted_web() as server, open_aws_clients(REGION, server.url, read_seconds=2) as clients:
        server.responses = [ScriptedResponse(body, status=status, content_type="text/xml")]
        with pytest.raises(error, match=words) as caught:
            await sms(clients).send(page_message(), NUMBER)
    assert type(caught.value) is error


async def test_a_page_goes_out_though_aws_does_not_let_the_bot_ask_before(aws: RunningAws) -> None:
    """Rights to publish only: the receipt says what could not be asked."""
    refused = ScriptedResponse(
        "<ErrorResponse><Error><Code>AuthorizationError</Code><Message>no</Message></Error></ErrorResponse>",
        status=403,
        content_type="text/xml",
    )
    taken = ScriptedResponse(
        "<PublishResponse><PublishResult><MessageId>m-1</MessageId></PublishResult></PublishResponse>", content_type="text/xml"
    )
    async with scripted_web() as server, open_aws_clients(REGION, server.url, read_seconds=2) as clients:
        server.responses = [refused, refused, refused, refused, taken]
        receipt = await sms(clients).send(page_message(lines=()), NUMBER)
    assert (receipt.reference, receipt.note) == ("m-1", "1 SMS; AWS did not say whether the number opted out")


async def test_no_page_waits_for_what_is_asked_before(aws: RunningAws) -> None:
    async with scripted_web() as server, open_aws_clients(REGION, server.url, read_seconds=0.5) as clients:
        server.responses = [ScriptedResponse(hang=True)]
        way = SmsBySns(clients, SystemClock(), precheck_seconds=0.1)
        with pytest.raises(UnknownOutcome, match=r"did not answer within 0\.5 s when asked to send the SMS"):
            await way.send(page_message(), NUMBER)
        assert "Action=Publish" in server.requests[-1].body


@pytest.mark.parametrize("page", ["<html>captive portal</html>", "<html><body>no", '{"ok": true}', ""])
async def test_the_page_of_a_proxy_in_place_of_an_answer_is_no_proof_of_anything(aws: RunningAws, page: str) -> None:
    async with scripted_web() as server, open_aws_clients(REGION, server.url, read_seconds=2) as clients:
        server.responses = [ScriptedResponse(page, content_type="text/html")]
        with pytest.raises(UnknownOutcome, match="gave an answer that cannot be read"):
            await sms(clients).send(page_message(), NUMBER)


async def test_without_the_extra_it_says_what_to_install(aws: RunningAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aioboto3", None)
    async with open_aws_clients(REGION, aws.url) as clients:
        with pytest.raises(PermanentError, match=r"pip install 'deepecho\[aws\]'"):
            await sms(clients).ping()
        with pytest.raises(PermanentError, match="need the extra aws"):
            await clients.prepare("sns")


async def test_a_region_that_is_none_is_said_before_the_first_page(aws: RunningAws) -> None:
    async with open_aws_clients("eu central") as clients:
        with pytest.raises(PermanentError, match="AWS SNS cannot be used with the region “eu central”"):
            await clients.prepare("sns")
        with pytest.raises(PermanentError, match="eu central"):
            await sms(clients).ping()
