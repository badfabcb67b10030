"""Mail by SES: who may send, what is refused, what people get."""

from email import message_from_string
from email.policy import default

import pytest

from domain.clock import SystemClock
from domain.errors import Forbidden, PermanentError, TemporaryError
from integrations.aws import AwsClients, SesMail, open_aws_clients
from tests.harness.aws_server import REGION, RunningAws
from tests.harness.fakes.scripted_web import ScriptedResponse, scripted_web
from tests.harness.page_messages import page_message, resolved

SENDER = "deepecho <deepecho@example.com>"


async def test_a_sender_that_is_not_verified_is_refused_in_the_words_of_aws(aws: RunningAws, clients: AwsClients) -> None:
    with pytest.raises(PermanentError, match=r"AWS SES in eu-central-1 refused to send the mail: .*deepecho@example\.com"):
        await SesMail(clients, SystemClock(), SENDER).send(page_message(), "lee@example.com")


async def test_all_mails_of_a_page_are_one_thread(aws: RunningAws, clients: AwsClients) -> None:
    aws.verify_sender("deepecho@example.com")
    way = SesMail(clients, SystemClock(), SENDER)
    for message in (page_message(), resolved(page_message())):
        await way.send(message, "lee@example.com")

    first, second = (message_from_string(each, policy=default) for each in aws.mails)
    assert second["Subject"] == "RESOLVED P1 deep-echo-main: many errors in production"
    assert first["References"] == second["References"]
    assert first["Message-ID"] != second["Message-ID"]
    assert (first["Importance"], second["Importance"]) == ("high", None)


@pytest.mark.parametrize(
    ("kind", "status", "error", "words"),
    [
        ("TooManyRequestsException", 429, TemporaryError, "takes no more for a moment"),
        ("LimitExceededException", 400, TemporaryError, "takes no more mail for a while"),
        ("SendingPausedException", 400, PermanentError, "refused to send the mail"),
        ("MessageRejected", 400, PermanentError, "refused to send the mail"),
        ("AccessDeniedException", 403, Forbidden, "does not let the bot send the mail"),
    ],
)
async def test_each_refusal_is_an_error_of_ours(
    aws: RunningAws, kind: str, status: int, error: type[Exception], words: str
) -> None:
    async with scripted_web() as server, open_aws_clients(REGION, server.url, read_seconds=2) as clients:
        server.responses = [ScriptedResponse({"message": "why"}, status=status, headers={"x-amzn-ErrorType": kind})]
        with pytest.raises(error, match=words) as caught:
            await SesMail(clients, SystemClock(), SENDER).send(page_message(), "lee@example.com")
    assert type(caught.value) is error


async def test_the_account_tells_its_sandbox_and_its_quota(aws: RunningAws) -> None:
    answer = {
        "SendingEnabled": True,
        "ProductionAccessEnabled": False,
        "SendQuota": {"Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 12.0},
    }
    async with scripted_web() as server, open_aws_clients(REGION, server.url, read_seconds=2) as clients:
        server.responses = [ScriptedResponse(answer)]
        account = await SesMail(clients, SystemClock(), SENDER).account()
    assert (account.enabled, account.in_sandbox, account.sent, account.limit) == (True, True, 12, 200)
