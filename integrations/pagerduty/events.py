"""PagerDuty's Events API v2 as a way of paging."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
from pydantic import TypeAdapter
from typing_extensions import TypedDict

from domain.errors import DeepechoError, Forbidden, PermanentError, TemporaryError
from domain.paging.destinations import choose_name
from domain.paging.ways import Handover, PageAction, PageMessage, Receipt, RetryRule
from integrations.http import FailedResponse, HttpCall, HttpClient, error_for_status, open_session, refusal_sentence
from integrations.pagerduty.event_body import event_body

TIMEOUT_SECONDS = 7.0
"""Half of what one attempt to page has: it may have to wait for an earlier message of the same page."""
RETRIES = RetryRule(attempts=4, initial_seconds=2.0, maximum_seconds=30.0)
"""PagerDuty's advice is three more attempts, 30 s apart. The first comes sooner: the page may be of a P0."""
THROTTLED_SECONDS = 60.0
"""For a 429, which names no time: the limit of some 120 events counts over the last 60 s."""
MAX_REMEMBERED_KEYS = 10_000


class PagerDutyEvents:
    """Triggers, acknowledges and resolves alerts of PagerDuty services. ``routing_keys``: by the name that policies use.

    A dedup key that was resolved here is not triggered again: PagerDuty would open a new alert for a late trigger, and nothing
    would ever close it. Messages of one key are sent one after the other, so that none overtakes a slow one.
    """

    name = "pagerduty"
    mirrors = True
    repeats_safely = True
    retries = RETRIES

    def __init__(
        self,
        url: str,
        routing_keys: Mapping[str, str],
        session: aiohttp.ClientSession,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._http = HttpClient("PagerDuty", url, session, timeout_seconds=timeout_seconds, error_for_status=_error_for_status)
        self._routing_keys = dict(routing_keys)
        self._resolved: OrderedDict[str, None] = OrderedDict()
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @property
    def services(self) -> tuple[str, ...]:
        """The names that policies can use."""
        return tuple(sorted(self._routing_keys))

    async def send(self, message: PageMessage, destination: str) -> Receipt:
        """``destination`` is the name of a service, or empty for the only one.

        202 means that PagerDuty took the event, not that it called anybody.
        """
        service = choose_name(destination, self._routing_keys, "PagerDuty service")
        body = event_body(message, self._routing_keys[service])
        async with self._in_order(message.dedup_key):
            if message.action is PageAction.TRIGGER and message.dedup_key in self._resolved:
                return Receipt(Handover.SUPPRESSED, message.dedup_key, "it has been resolved meanwhile")
            if message.action is PageAction.RESOLVE:
                # Before it is sent: when the answer is lost, the resolve may have arrived.
                self._remember_resolved(message.dedup_key)
            key = await self._http.request("POST", "/v2/enqueue", f"{message.action} the page", _parse_accepted, body=body)
        return Receipt(Handover.ACCEPTED, key or message.dedup_key)

    async def ping(self, service: str) -> None:
        """Ask PagerDuty to take an event that it drops: the end of an alert that never was. Raises as ``send`` does."""
        body = {"routing_key": self._routing_keys[service], "event_action": "resolve", "dedup_key": "deepecho-check"}
        await self._http.request("POST", "/v2/enqueue", "take an event", _parse_accepted, body=body)

    def _remember_resolved(self, key: str) -> None:
        self._resolved[key] = None
        if len(self._resolved) > MAX_REMEMBERED_KEYS:
            self._resolved.popitem(last=False)

    @asynccontextmanager
    async def _in_order(self, key: str) -> AsyncIterator[None]:
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks.pop(key)
            if users > 1:
                self._locks[key] = (lock, users - 1)


class _Accepted(TypedDict, total=False):
    status: str
    dedup_key: str


_ACCEPTED_ADAPTER = TypeAdapter(_Accepted)


def _parse_accepted(body: bytes) -> str:
    return _ACCEPTED_ADAPTER.validate_json(body).get("dedup_key", "")


def _error_for_status(call: HttpCall, response: FailedResponse) -> DeepechoError:
    match response.status:
        case 429:
            sentence = f"{call.subject} takes no more events of this service for a while."
            return TemporaryError(sentence, response.retry_after or THROTTLED_SECONDS)
        case 401 | 403:
            # 403 is also what a proxy says that lets nobody out.
            detail = f": {response.message}" if response.message else ""
            return Forbidden(f"{call.subject} refused to {call.action} (HTTP {response.status}){detail}.")
        case 400:
            return PermanentError(refusal_sentence(call, response))
        case _:
            return error_for_status(call, response)


@asynccontextmanager
async def open_pagerduty_events(
    url: str, routing_keys: Mapping[str, str], *, timeout_seconds: float = TIMEOUT_SECONDS
) -> AsyncIterator[PagerDutyEvents]:
    """Open the way with its own session. It connects with the first page."""
    async with open_session(url) as session:
        yield PagerDutyEvents(url, routing_keys, session, timeout_seconds=timeout_seconds)
