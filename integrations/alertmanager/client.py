"""Client of one Alertmanager: silences, the alerts that it has, and version."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime

import aiohttp

from domain.alerts.reconciliation import AlertmanagerUptime, ListedAlert
from domain.alerts.silences import AlertDetails, Silence
from domain.errors import DeepechoError, NotFound, Refused, UnknownOutcome
from domain.matchers import Matcher, matches
from integrations.alertmanager.api_models import (
    moved_silence_payload,
    parse_alert_details,
    parse_created_id,
    parse_listed_alerts,
    parse_silence,
    parse_silences,
    parse_uptime,
    parse_version,
    silence_payload,
    truncate_to_milliseconds,
)
from integrations.http import (
    DEFAULT_TIMEOUT_SECONDS,
    FailedResponse,
    HttpCall,
    HttpClient,
    error_for_status,
    open_session,
    refusal_sentence,
)

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""Ids of silences are UUIDs; Alertmanager rejects any other id."""

_ALERTS = "/api/v2/alerts?active=true&silenced=true&inhibited=true&unprocessed=true"

MAX_LIST_BYTES = 64 * 2**20
"""Limit of the list of alerts: some sixty thousand alerts."""


class Alertmanager:
    """Silences of one Alertmanager. ``timeout_seconds`` limits each request.

    Every method raises TemporaryError when Alertmanager does not answer properly, Forbidden when it refuses the credentials.
    A change raises UnknownOutcome when its response is lost and reading back does not settle it. It is safe to call again:
    every change reads before it writes.
    """

    def __init__(
        self, base_url: str, session: aiohttp.ClientSession, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    ) -> None:
        self._http = HttpClient(
            "Alertmanager", base_url, session, timeout_seconds=timeout_seconds, error_for_status=_error_for_status
        )
        self._create_lock = asyncio.Lock()

    async def create_silence(
        self, matchers: Sequence[Matcher], *, starts_at: datetime, ends_at: datetime, by: str, comment: str
    ) -> str:
        """Create a silence and return its id. An active silence with equal matchers, comment and end is reused.

        ``starts_at`` in the past means now. Raises Refused where every matcher fits an alert without labels, and for what
        Alertmanager rejects: an end in the past, an invalid regular expression.
        """
        if not any(_requires_label(matcher) for matcher in matchers):
            raise Refused("The silence would hold for every alert: name at least one label that an alert must have.")
        body = silence_payload(matchers, starts_at=starts_at, ends_at=ends_at, by=by, comment=comment)
        async with self._create_lock:  # two concurrent calls would both find no identical silence and create two
            if existing_id := await self._find_identical(matchers, ends_at, comment):
                return existing_id
            try:
                return await self._http.request("POST", "/api/v2/silences", "make the silence", parse_created_id, body=body)
            except UnknownOutcome as unknown_outcome:
                with _preserve_unknown(unknown_outcome):
                    existing_id = await self._find_identical(matchers, ends_at, comment)
                if not existing_id:
                    raise
                return existing_id

    async def silences(self) -> tuple[Silence, ...]:
        """Every silence that Alertmanager still stores, expired ones included, newest first."""
        return await self._http.request("GET", "/api/v2/silences", "list the silences", parse_silences)

    async def get_silence(self, silence_id: str) -> Silence:
        """Read one silence. Raises NotFound."""
        if not _ID.fullmatch(silence_id):
            raise NotFound(f"{self._http.server} knows no silence {silence_id[:60]}.")
        return await self._http.request("GET", f"/api/v2/silence/{silence_id}", f"find the silence {silence_id}", parse_silence)

    async def move_end(self, silence: Silence, ends_at: datetime) -> str:
        """Let a silence that is in force end at another time. Returns its id, which stays while nobody changes it meanwhile.

        Of a silence that has just been changed or has ended Alertmanager makes another one, with the id that is returned.
        """
        until = truncate_to_milliseconds(ends_at)
        body, attempt = moved_silence_payload(silence, until), f"move the end of the silence {silence.id}"
        try:
            return await self._http.request("POST", "/api/v2/silences", attempt, parse_created_id, body=body)
        except UnknownOutcome as unknown_outcome:
            with _preserve_unknown(unknown_outcome):
                moved_id = await self._find_identical(silence.matchers, until, silence.comment)
            if not moved_id:
                raise
            return moved_id

    async def expire(self, silence_id: str) -> bool:
        """Expire a silence. Returns False if it had already ended or does not exist."""
        if not await self._is_in_force(silence_id):
            return False
        try:
            await self._http.request("DELETE", f"/api/v2/silence/{silence_id}", f"end the silence {silence_id}", len)
        except NotFound:
            return False
        # Alertmanager 0.25 answers 500 when somebody else has expired the silence since it was read above.
        except UnknownOutcome as unknown_outcome:
            with _preserve_unknown(unknown_outcome):
                still_in_force = await self._is_in_force(silence_id)
            if still_in_force:
                raise
        return True

    async def listed_alerts(self) -> Mapping[str, ListedAlert]:
        """Every alert that has not ended, by fingerprint, silenced and inhibited ones included."""
        return await self._http.request("GET", _ALERTS, "list the alerts", parse_listed_alerts, max_bytes=MAX_LIST_BYTES)

    async def alert_details(self) -> tuple[AlertDetails, ...]:
        """Every alert that has not ended, with its labels and the silences that hide it."""
        return await self._http.request("GET", _ALERTS, "list the alerts", parse_alert_details, max_bytes=MAX_LIST_BYTES)

    async def uptime(self) -> AlertmanagerUptime:
        """Since when it has run: it starts without any alert, until Prometheus sends them again."""
        return await self._http.request("GET", "/api/v2/status", "say since when it has run", parse_uptime)

    async def ping(self) -> str:
        """Read the server's version, such as ``0.25.0``."""
        return await self._http.request("GET", "/api/v2/status", "say its version", parse_version)

    async def _find_identical(self, matchers: Sequence[Matcher], ends_at: datetime, comment: str) -> str:
        """The id of an active silence with equal matchers, end and comment; empty without one."""
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


def _error_for_status(call: HttpCall, response: FailedResponse) -> DeepechoError:
    """A write that Alertmanager understood and did not take is the person's to correct."""
    if call.is_write and 400 <= response.status < 500 and response.status not in (401, 403, 404, 408, 429):
        return Refused(refusal_sentence(call, response))
    return error_for_status(call, response)


def _requires_label(matcher: Matcher) -> bool:
    """Whether an alert without the label does not match. Alertmanager rejects a silence that has no such matcher."""
    try:
        return not matches(matcher, {})
    except (re.error, ValueError):
        return True  # Go's regular expressions differ from Python's: leave the verdict to Alertmanager.


@contextmanager
def _preserve_unknown(unknown_outcome: UnknownOutcome) -> Iterator[None]:
    """Wrap the read that follows a lost response: if it fails too, raise the unknown outcome, not the error of the read."""
    try:
        yield
    except DeepechoError as error:
        raise unknown_outcome from error


@asynccontextmanager
async def open_alertmanager(base_url: str, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> AsyncIterator[Alertmanager]:
    """Open a client with its own session. It connects with the first call."""
    async with open_session(base_url) as session:
        yield Alertmanager(base_url, session, timeout_seconds=timeout_seconds)
