"""One Alertmanager, asked and changed in our own words."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from domain.alerts.silences import Silence
from domain.errors import DeepechoError, NotFound, Refused, UnknownOutcome
from domain.matchers import Matcher, matches
from integrations.alertmanager.api_models import (
    parse_created_id,
    parse_silence,
    parse_silences,
    parse_version,
    silence_payload,
    truncate_to_milliseconds,
)
from integrations.alertmanager.errors import AlertmanagerCall, error_for_status, translate_errors

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""Alertmanager makes no other ids, and refuses to look for them."""

_Result = TypeVar("_Result")


class Alertmanager:
    """``seconds``: the longest that one request may take.

    Every method raises TemporaryError when Alertmanager does not answer properly, Forbidden when it does not let the bot in. A
    change raises UnknownOutcome when its answer is lost and a look did not settle it: call it again, it looks first.
    """

    def __init__(self, base_url: str, session: aiohttp.ClientSession, *, timeout_seconds: float = 10.0) -> None:
        self._api_url = f"{base_url.rstrip('/')}/api/v2"
        self._host = urlsplit(base_url).netloc.rpartition("@")[2] or base_url
        self._session = session
        self._timeouts = aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=min(5.0, timeout_seconds))
        self._create_lock = asyncio.Lock()

    async def create_silence(
        self, matchers: Sequence[Matcher], *, starts_at: datetime, ends_at: datetime, by: str, comment: str
    ) -> str:
        """Make a silence, and give its id. A silence in force that has the same matchers, comment and end is that silence.

        ``starts_at`` in the past means now. Raises Refused where no matcher asks for anything, and for what Alertmanager does not
        take: an end in the past, a regular expression that cannot be read.
        """
        if not any(_requires_label(matcher) for matcher in matchers):
            raise Refused("The silence would hold for every alert: name at least one label that an alert must have.")
        body = silence_payload(matchers, starts_at=starts_at, ends_at=ends_at, by=by, comment=comment)
        async with self._create_lock:  # two that look at the same time would both find nothing
            if existing_id := await self._find_identical(matchers, ends_at, comment):
                return existing_id
            try:
                return await self._request("POST", "/silences", "make the silence", parse_created_id, body)
            except UnknownOutcome as unknown_outcome:
                with _preserve_unknown(unknown_outcome):
                    existing_id = await self._find_identical(matchers, ends_at, comment)
                if not existing_id:
                    raise
                return existing_id

    async def silences(self) -> tuple[Silence, ...]:
        """All that it knows, expired ones too, newest first."""
        return await self._request("GET", "/silences", "list the silences", parse_silences)

    async def get_silence(self, silence_id: str) -> Silence:
        """Raises NotFound."""
        if not _ID.fullmatch(silence_id):
            raise NotFound(f"Alertmanager at {self._host} knows no silence {silence_id[:60]}.")
        return await self._request("GET", f"/silence/{silence_id}", f"find the silence {silence_id}", parse_silence)

    async def expire(self, silence_id: str) -> bool:
        """End a silence. False: it had ended before, or Alertmanager does not know it."""
        if not await self._is_in_force(silence_id):
            return False
        try:
            await self._request("DELETE", f"/silence/{silence_id}", f"end the silence {silence_id}", len)
        except NotFound:
            return False
        # 0.25 also fails so when somebody else has ended it since our look.
        except UnknownOutcome as unknown_outcome:
            with _preserve_unknown(unknown_outcome):
                still_in_force = await self._is_in_force(silence_id)
            if still_in_force:
                raise
        return True

    async def ping(self) -> str:
        """The version, such as ``0.25.0``. Raises what every method raises."""
        return await self._request("GET", "/status", "say its version", parse_version)

    async def _find_identical(self, matchers: Sequence[Matcher], ends_at: datetime, comment: str) -> str:
        """The id of the silence in force that was made of the same; empty where there is none."""
        wanted, until = set(matchers), truncate_to_milliseconds(ends_at)
        for silence in await self.silences():
            if silence.in_force and silence.comment == comment and silence.ends_at == until and set(silence.matchers) == wanted:
                return silence.id
        return ""

    async def _is_in_force(self, silence_id: str) -> bool:
        try:
            return (await self.get_silence(silence_id)).in_force
        except NotFound:
            return False

    async def _request(
        self, method: str, path: str, action: str, parse: Callable[[bytes], _Result], body: dict[str, Any] | None = None
    ) -> _Result:
        call = AlertmanagerCall(host=self._host, action=action, is_write=method != "GET")
        with translate_errors(call):
            async with self._session.request(
                method, self._api_url + path, json=body, timeout=self._timeouts, allow_redirects=False
            ) as response:
                response_body = await response.read()
                if response.status != 200:
                    raise error_for_status(call, response.status, response_body, response.headers.get("Retry-After", ""))
                return parse(response_body)


def _requires_label(matcher: Matcher) -> bool:
    """Whether an alert without the label does not fit. Alertmanager refuses a silence in which no matcher does that."""
    try:
        return not matches(matcher, {})
    except (re.error, ValueError):
        return True  # Alertmanager has the last word on what is a regular expression.


@contextmanager
def _preserve_unknown(unknown_outcome: UnknownOutcome) -> Iterator[None]:
    """Around the look after a change whose answer was lost: where that fails too, the outcome is what is unknown."""
    try:
        yield
    except DeepechoError as error:
        raise unknown_outcome from error


@asynccontextmanager
async def open_alertmanager(base_url: str, *, timeout_seconds: float = 10.0) -> AsyncIterator[Alertmanager]:
    """With a session of its own. Nothing is sent before the first call."""
    async with aiohttp.ClientSession(proxy=_proxy_for(base_url)) as session:
        yield Alertmanager(base_url, session, timeout_seconds=timeout_seconds)


def _proxy_for(base_url: str) -> str | None:
    """Looked up once: aiohttp would do it in a thread for every call."""
    url = urlsplit(base_url)
    return None if proxy_bypass(url.hostname or "") else getproxies().get(url.scheme)
