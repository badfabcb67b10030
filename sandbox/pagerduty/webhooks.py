"""Webhooks v3: signed, sent in order for each incident, tried again, and switched off after three that were dropped."""

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import aiohttp

from domain.clock import Clock
from sandbox.pagerduty.model import Incident, Json
from sandbox.pagerduty.representation import webhook_incident
from sandbox.pagerduty.tasks import Tasks

TIMEOUT_SECONDS = 5.0
RETRY_FOR = timedelta(hours=48)
DISABLED_FOR = timedelta(hours=24)
DROPS_UNTIL_DISABLED = 3


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds before the first retry, doubled each time up to ``maximum``."""

    initial: float = 1.0
    maximum: float = 60.0

    def delay(self, attempt: int) -> float:
        return float(min(self.initial * 2 ** min(attempt - 1, 20), self.maximum))


@dataclass(frozen=True, slots=True)
class Webhook:
    """One event for one subscription; ``id`` is the same on each attempt."""

    id: str
    resource: str
    body: bytes
    created_at: datetime


@dataclass(slots=True, kw_only=True)
class Subscription:
    """``secrets``: several while one is changed; PagerDuty then signs with each."""

    id: str
    url: str
    events: tuple[str, ...]
    secrets: list[str]
    active: bool = True
    disabled_until: datetime | None = None
    drops: int = 0
    queues: dict[str, asyncio.Queue[Webhook]] = field(default_factory=dict)

    def signature(self, body: bytes) -> str:
        return ",".join(f"v1={hmac.new(each.encode(), body, hashlib.sha256).hexdigest()}" for each in self.secrets)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One delivery as it went, for tests: ``status`` 0 for no answer."""

    webhook_id: str
    event_type: str
    status: int


class WebhookSender:
    """All subscriptions and what is still to be sent to them."""

    def __init__(self, clock: Clock, pace: Pace, tasks: Tasks, session: aiohttp.ClientSession) -> None:
        self._clock, self._pace, self._tasks, self._session = clock, pace, tasks, session
        self.subscriptions: dict[str, Subscription] = {}
        self.attempts: list[Attempt] = []
        self.dropped: list[Webhook] = []

    def subscribe(self, url: str, events: Iterable[str]) -> Subscription:
        """The secret is told once, here."""
        subscription = Subscription(
            id=f"P{secrets.token_hex(3).upper()}", url=url, events=tuple(events), secrets=[secrets.token_hex(32)]
        )
        self.subscriptions[subscription.id] = subscription
        return subscription

    def emit(self, kind: str, incident: Incident, agent: Json) -> None:
        """An event of an incident, to every subscription that asked for it."""
        self._send_all(f"incident.{kind}", incident.id, agent, webhook_incident(incident))

    def ping(self, subscription: Subscription) -> None:
        data = {"message": "Hello from your friend Pagey!", "type": "ping"}
        self._enqueue(subscription, "pagey.ping", "ping", None, data)

    def _send_all(self, event_type: str, resource: str, agent: Json | None, data: Json) -> None:
        for subscription in self.subscriptions.values():
            if subscription.active and event_type in subscription.events:
                self._enqueue(subscription, event_type, resource, agent, data)

    def is_disabled(self, subscription: Subscription) -> bool:
        return subscription.disabled_until is not None and self._clock.now() < subscription.disabled_until

    def enable(self, subscription: Subscription) -> None:
        subscription.disabled_until, subscription.drops = None, 0

    def _enqueue(self, subscription: Subscription, event_type: str, resource: str, agent: Json | None, data: Json) -> None:
        now = self._clock.now()
        event = {
            "id": f"01{uuid4().hex[:24].upper()}",
            "event_type": event_type,
            "resource_type": resource if resource == "ping" else "incident",
            "occurred_at": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "agent": agent,
            "client": None,
            "data": data,
        }
        webhook = Webhook(str(uuid4()), resource, json.dumps({"event": event}).encode(), now)
        if self.is_disabled(subscription):
            self.dropped.append(webhook)
            return
        if resource not in subscription.queues:
            subscription.queues[resource] = asyncio.Queue()
            self._tasks.start(self._work(subscription, subscription.queues[resource]))
        subscription.queues[resource].put_nowait(webhook)

    async def _work(self, subscription: Subscription, queue: asyncio.Queue[Webhook]) -> None:
        while True:
            webhook = await queue.get()
            if self.is_disabled(subscription):
                self.dropped.append(webhook)
            elif await self._deliver(subscription, webhook):
                subscription.drops = 0
            else:
                self._drop(subscription, webhook)

    def _drop(self, subscription: Subscription, webhook: Webhook) -> None:
        self.dropped.append(webhook)
        subscription.drops += 1
        if subscription.drops >= DROPS_UNTIL_DISABLED:
            subscription.disabled_until = self._clock.now() + DISABLED_FOR

    async def _deliver(self, subscription: Subscription, webhook: Webhook) -> bool:
        """Try until it is taken, refused for good, or two days old."""
        attempt = 0
        while self._clock.now() - webhook.created_at < RETRY_FOR and not self.is_disabled(subscription):
            attempt += 1
            status = await self._post(subscription, webhook)
            event_type = json.loads(webhook.body)["event"]["event_type"]
            self.attempts.append(Attempt(webhook.id, event_type, status))
            if 200 <= status < 300:
                return True
            if 400 <= status < 500 and status != 429:
                return False
            await asyncio.sleep(self._pace.delay(attempt))
        return False

    async def _post(self, subscription: Subscription, webhook: Webhook) -> int:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "PagerDuty-Webhook/V3.0",
            "X-PagerDuty-Signature": subscription.signature(webhook.body),
            "X-Webhook-Id": webhook.id,
            "X-Webhook-Subscription": subscription.id,
        }
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        try:
            async with self._session.post(subscription.url, data=webhook.body, headers=headers, timeout=timeout) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0
