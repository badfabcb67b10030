"""Every way of paging with the real server behind it, for tests that hold for all of them."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from domain.clock import SystemClock
from domain.paging.ways import PageWay
from integrations.aws import SesMail, SmsBySns, open_aws_clients
from integrations.pagerduty import open_pagerduty_events
from integrations.smtp import MailServer, Security, SmtpMail
from integrations.webhook import Receiver, open_signed_webhooks
from sandbox.pagerduty import SERVICE_NAME, StandInPagerDuty, routing_key
from tests.harness.aws_server import REGION, RunningAws
from tests.harness.fakes.scripted_web import ScriptedResponse, scripted_web
from tests.harness.lossy_proxy import LossyProxy, lossy_proxy
from tests.harness.mail_server import mail_server

WAYS = ("pagerduty", "sms", "ses", "smtp", "webhook")
SENDER = "deepecho <deepecho@example.com>"
WEBHOOK_SECRET = "a-secret-of-both-sides"
SECRETS = (WEBHOOK_SECRET, routing_key(SERVICE_NAME))


@dataclass(frozen=True, slots=True, kw_only=True)
class WayHarness:
    """A way behind a proxy that can lose answers. ``received``: the text of everything that arrived, in order."""

    way: PageWay
    unreachable: PageWay
    """The same, where nobody listens."""
    destination: str
    bad_destination: str
    received: Callable[[], list[str]]
    proxy: LossyProxy
    end_of_message: bytes
    """What a client sends last of a message."""


@asynccontextmanager
async def open_way(name: str, aws: RunningAws) -> AsyncIterator[WayHarness]:
    """One of ``WAYS``, until the block ends."""
    async with AsyncExitStack() as stack:
        opening = {"pagerduty": _pagerduty, "sms": _sms, "ses": _ses, "smtp": _smtp, "webhook": _webhook}[name]
        yield await opening(stack, aws)


async def _proxy(stack: AsyncExitStack, url: str) -> LossyProxy:
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return await stack.enter_async_context(lossy_proxy(parts.hostname, parts.port))


async def _pagerduty(stack: AsyncExitStack, _aws: RunningAws) -> WayHarness:
    server = await stack.enter_async_context(StandInPagerDuty())
    proxy = await _proxy(stack, server.url)
    keys = {SERVICE_NAME: routing_key(SERVICE_NAME)}
    ways = [
        await stack.enter_async_context(open_pagerduty_events(f"http://127.0.0.1:{port}", keys, timeout_seconds=2))
        for port in (proxy.own_port, closed_port())
    ]
    return WayHarness(
        way=ways[0],
        unreachable=ways[1],
        destination=SERVICE_NAME,
        bad_destination="dba",
        received=lambda: [each["payload"]["summary"] for each in server.events.received],
        proxy=proxy,
        end_of_message=b"POST ",
    )


async def _sms(stack: AsyncExitStack, aws: RunningAws) -> WayHarness:
    proxy = await _proxy(stack, aws.url)
    ways = []
    for port in (proxy.own_port, closed_port()):
        clients = await stack.enter_async_context(open_aws_clients(REGION, f"http://127.0.0.1:{port}", read_seconds=2))
        await clients.prepare("sns", "cloudwatch")
        ways.append(SmsBySns(clients, SystemClock()))
    return WayHarness(
        way=ways[0],
        unreachable=ways[1],
        destination="+491701234567",
        bad_destination="0170 1234567",
        received=lambda: [text for _, text in aws.sms],
        proxy=proxy,
        end_of_message=b"Action=Publish",
    )


async def _ses(stack: AsyncExitStack, aws: RunningAws) -> WayHarness:
    aws.verify_sender("deepecho@example.com")
    proxy = await _proxy(stack, aws.url)
    ways = []
    for port in (proxy.own_port, closed_port()):
        clients = await stack.enter_async_context(open_aws_clients(REGION, f"http://127.0.0.1:{port}", read_seconds=2))
        ways.append(SesMail(clients, SystemClock(), SENDER))
    return WayHarness(
        way=ways[0],
        unreachable=ways[1],
        destination="lee@example.com",
        bad_destination="lee",
        received=lambda: aws.mails,
        proxy=proxy,
        end_of_message=b"POST ",
    )


async def _smtp(stack: AsyncExitStack, _aws: RunningAws) -> WayHarness:
    server = await stack.enter_async_context(mail_server())
    proxy = await stack.enter_async_context(lossy_proxy("127.0.0.1", server.port))
    ways = [
        SmtpMail(MailServer(host="127.0.0.1", port=port, security=Security.NONE, timeout_seconds=2), SystemClock(), SENDER)
        for port in (proxy.own_port, closed_port())
    ]
    return WayHarness(
        way=ways[0],
        unreachable=ways[1],
        destination="lee@example.com",
        bad_destination="lee@example.com, ana@example.com",
        received=lambda: [each.as_string() for each in server.mails],
        proxy=proxy,
        end_of_message=b"\r\n.\r\n",
    )


async def _webhook(stack: AsyncExitStack, _aws: RunningAws) -> WayHarness:
    server = await stack.enter_async_context(scripted_web())
    server.responses = [ScriptedResponse("", status=202)]
    proxy = await _proxy(stack, server.url)
    ways = [
        await stack.enter_async_context(
            open_signed_webhooks(
                {"noc": Receiver(f"http://127.0.0.1:{port}/pages?to=noc", WEBHOOK_SECRET)}, SystemClock(), timeout_seconds=2
            )
        )
        for port in (proxy.own_port, closed_port())
    ]
    return WayHarness(
        way=ways[0],
        unreachable=ways[1],
        destination="noc",
        bad_destination="dba",
        received=lambda: [_headline(each.body) for each in server.requests],
        proxy=proxy,
        end_of_message=b"POST ",
    )


def _headline(body: dict[str, object]) -> str:
    return f"{'TEST ' if body['test'] else ''}{body['severity']} {body['title']}"


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
