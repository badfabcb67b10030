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
from integrations.alertmanager.api_models import in_milliseconds, made_in, payload, silence_in, silences_in, version_in
from integrations.alertmanager.errors import Call, refusal, translated

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""Alertmanager makes no other ids, and refuses to look for them."""

_Found = TypeVar("_Found")


class Alertmanager:
    """``seconds``: the longest that one request may take.

    Every method raises TemporaryError when Alertmanager does not answer properly, Forbidden when it does not let the bot in. A
    change raises UnknownOutcome when its answer is lost and a look did not settle it: call it again, it looks first.
    """

    def __init__(self, address: str, session: aiohttp.ClientSession, *, seconds: float = 10.0) -> None:
        self._api = f"{address.rstrip('/')}/api/v2"
        self._place = urlsplit(address).netloc.rpartition("@")[2] or address
        self._session = session
        self._limits = aiohttp.ClientTimeout(total=seconds, sock_connect=min(5.0, seconds))
        self._making = asyncio.Lock()

    async def silence(self, matchers: Sequence[Matcher], *, starts_at: datetime, ends_at: datetime, by: str, comment: str) -> str:
        """Make a silence, and give its id. A silence in force that has the same matchers, comment and end is that silence.

        ``starts_at`` in the past means now. Raises Refused where no matcher asks for anything, and for what Alertmanager does not
        take: an end in the past, a regular expression that cannot be read.
        """
        if not any(_asks_for_something(matcher) for matcher in matchers):
            raise Refused("The silence would hold for every alert: name at least one label that an alert must have.")
        new = payload(matchers, starts_at=starts_at, ends_at=ends_at, by=by, comment=comment)
        async with self._making:  # two that look at the same time would both find nothing
            if known := await self._same(matchers, ends_at, comment):
                return known
            try:
                return await self._asked("POST", "/silences", "make the silence", made_in, new)
            except UnknownOutcome as lost:
                with _or_else(lost):
                    known = await self._same(matchers, ends_at, comment)
                if not known:
                    raise
                return known

    async def silences(self) -> tuple[Silence, ...]:
        """All that it knows, expired ones too, newest first."""
        return await self._asked("GET", "/silences", "list the silences", silences_in)

    async def silence_of(self, silence_id: str) -> Silence:
        """Raises NotFound."""
        if not _ID.fullmatch(silence_id):
            raise NotFound(f"Alertmanager at {self._place} knows no silence {silence_id[:60]}.")
        return await self._asked("GET", f"/silence/{silence_id}", f"find the silence {silence_id}", silence_in)

    async def expire(self, silence_id: str) -> bool:
        """End a silence. False: it had ended before, or Alertmanager does not know it."""
        if not await self._in_force(silence_id):
            return False
        try:
            await self._asked("DELETE", f"/silence/{silence_id}", f"end the silence {silence_id}", len)
        except NotFound:
            return False
        # 0.25 also fails so when somebody else has ended it since our look.
        except UnknownOutcome as lost:
            with _or_else(lost):
                still = await self._in_force(silence_id)
            if still:
                raise
        return True

    async def ping(self) -> str:
        """The version, such as ``0.25.0``. Raises what every method raises."""
        return await self._asked("GET", "/status", "say its version", version_in)

    async def _same(self, matchers: Sequence[Matcher], ends_at: datetime, comment: str) -> str:
        """The id of the silence in force that was made of the same; empty where there is none."""
        wanted, until = set(matchers), in_milliseconds(ends_at)
        for each in await self.silences():
            if each.in_force and each.comment == comment and each.ends_at == until and set(each.matchers) == wanted:
                return each.id
        return ""

    async def _in_force(self, silence_id: str) -> bool:
        try:
            return (await self.silence_of(silence_id)).in_force
        except NotFound:
            return False

    async def _asked(
        self, method: str, path: str, attempt: str, read: Callable[[bytes], _Found], body: dict[str, Any] | None = None
    ) -> _Found:
        call = Call(place=self._place, attempt=attempt, changes=method != "GET")
        with translated(call):
            async with self._session.request(
                method, self._api + path, json=body, timeout=self._limits, allow_redirects=False
            ) as response:
                answer = await response.read()
                if response.status != 200:
                    raise refusal(call, response.status, answer, response.headers.get("Retry-After", ""))
                return read(answer)


def _asks_for_something(matcher: Matcher) -> bool:
    """Whether an alert without the label does not fit. Alertmanager refuses a silence in which no matcher does that."""
    try:
        return not matches(matcher, {})
    except (re.error, ValueError):
        return True  # Alertmanager has the last word on what is a regular expression.


@contextmanager
def _or_else(lost: UnknownOutcome) -> Iterator[None]:
    """Around the look after a change whose answer was lost: where that fails too, the outcome is what is unknown."""
    try:
        yield
    except DeepechoError as error:
        raise lost from error


@asynccontextmanager
async def open_alertmanager(address: str, *, seconds: float = 10.0) -> AsyncIterator[Alertmanager]:
    """With a session of its own. Nothing is sent before the first call."""
    async with aiohttp.ClientSession(proxy=_proxy_for(address)) as session:
        yield Alertmanager(address, session, seconds=seconds)


def _proxy_for(address: str) -> str | None:
    """Looked up once: aiohttp would do it in a thread for every call."""
    url = urlsplit(address)
    return None if proxy_bypass(url.hostname or "") else getproxies().get(url.scheme)
