"""Signed requests as a way of paging. ``docs/paging-webhook.md`` promises this format to receivers."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from domain.clock import Clock
from domain.errors import PermanentError
from domain.paging.destinations import choose_name
from domain.paging.ways import Handover, PageMessage, Receipt, RetryRule
from integrations.http import HttpClient, open_session

VERSION = 1
TIMEOUT_SECONDS = 5.0
MAX_ANSWER_BYTES = 64 * 1024
RETRIES = RetryRule(attempts=5, initial_seconds=1.0, maximum_seconds=30.0)


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where requests go, and the secret that both sides know."""

    url: str
    secret: str = field(repr=False)


class SignedWebhooks:
    """All receivers, by the name that policies use."""

    name = "webhook"
    mirrors = True
    repeats_safely = True
    retries = RETRIES

    def __init__(self, receivers: Mapping[str, Receiver], clients: Mapping[str, HttpClient], clock: Clock) -> None:
        self._receivers, self._clients, self._clock = dict(receivers), dict(clients), clock

    @property
    def receivers(self) -> tuple[str, ...]:
        """The names that policies can use."""
        return tuple(sorted(self._receivers))

    async def send(self, message: PageMessage, destination: str) -> Receipt:
        """``destination`` is the name of a receiver, or empty for the only one.

        A repetition has the same key, by which the receiver knows it.
        """
        destination = choose_name(destination, self._receivers, "webhook")
        body = webhook_body(message)
        timestamp = str(int(self._clock.now().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "Deepecho-Timestamp": timestamp,
            "Deepecho-Signature": f"v1={signature(self._receivers[destination].secret, timestamp, body)}",
            "Idempotency-Key": idempotency_key(message),
        }
        await self._clients[destination].request(
            "POST",
            self._address(destination),
            f"take the {message.action} of the page",
            len,
            body=body,
            headers=headers,
            max_bytes=MAX_ANSWER_BYTES,
        )
        return Receipt(Handover.ACCEPTED, idempotency_key(message))

    async def ping(self, receiver: str) -> None:
        """Ask for the headers of the address: no page. Any answer will do. Raises ``TemporaryError`` where there is none."""
        try:
            await self._clients[receiver].request("HEAD", self._address(receiver), "answer", len, is_write=False)
        except PermanentError:
            return  # it is there; whether it takes pages only a page shows

    def _address(self, receiver: str) -> str:
        """Path and query of the receiver's address."""
        parts = urlsplit(self._receivers[receiver].url)
        return parts.path + (f"?{parts.query}" if parts.query else "")


def webhook_body(message: PageMessage) -> bytes:
    """The body, byte for byte as it is signed."""
    facts = {
        "version": VERSION,
        "page": message.page_id,
        "dedup_key": message.dedup_key,
        "action": message.action.value,
        "severity": message.severity.value,
        "title": message.plain_title,
        "lines": list(message.facts),
        "link": message.link,
        "source": message.source,
        "raised_at": message.raised_at.isoformat(),
        "test": message.is_test,
    }
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over timestamp, a full stop and body, as hexadecimal digits."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def idempotency_key(message: PageMessage) -> str:
    """Equal for each attempt of one message, different for each action and each step of a page."""
    return hashlib.sha256(message.identity.encode()).hexdigest()[:32]


@asynccontextmanager
async def open_signed_webhooks(
    receivers: Mapping[str, Receiver], clock: Clock, *, timeout_seconds: float = TIMEOUT_SECONDS
) -> AsyncIterator[SignedWebhooks]:
    """Open the way with a session for each receiver. It connects with the first page."""
    async with AsyncExitStack() as stack:
        clients: dict[str, HttpClient] = {}
        for name, receiver in receivers.items():
            session = await stack.enter_async_context(open_session(receiver.url))
            origin = "{0.scheme}://{0.netloc}".format(urlsplit(receiver.url))
            clients[name] = HttpClient(f"webhook {name}", origin, session, timeout_seconds=timeout_seconds)
        yield SignedWebhooks(receivers, clients, clock)
