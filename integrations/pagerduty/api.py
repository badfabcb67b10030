"""Client of PagerDuty's REST API v2: what became of our pages, who is on call, whether webhooks are delivered."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import quote, urlencode, urlsplit

import aiohttp

from domain.clock import Clock
from domain.errors import DeepechoError, NotFound, PermanentError
from domain.paging.remote import OnCallShift, RemoteIncident, RemotePerson, RemoteStatus
from integrations.http import DEFAULT_TIMEOUT_SECONDS, FailedResponse, HttpCall, HttpClient, error_for_status, open_session
from integrations.pagerduty.api_models import (
    IncidentAnswer,
    IncidentModel,
    IncidentPage,
    IncidentStatusChange,
    LogEntryPage,
    OnCallPage,
    Page,
    ScheduleAnswer,
    SubscriptionPage,
    UserPage,
)
from integrations.pagerduty.webhook import WEBHOOK_PATH

ACCEPT = "application/vnd.pagerduty+json;version=2"
PAGE_SIZE = 100
MAX_RECORDS = 10_000
"""PagerDuty answers 400 where offset and limit are more together."""
MAX_ON_CALL_RANGE = timedelta(days=90)
MAX_SINGLE_SEARCHES = 20
"""Up to so many pages are looked up one by one, which also finds alerts that PagerDuty grouped; each is a request of the 960
per minute."""
_CREATED_LATER = timedelta(minutes=5)
"""An incident is created when PagerDuty has processed the event; its clock may also differ from ours."""

_PageModel = TypeVar("_PageModel", bound=Page)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook subscription. ``temporarily_disabled``: three webhooks in a row were dropped, and nothing comes for 24 h."""

    id: str
    url: str
    active: bool
    temporarily_disabled: bool
    events: tuple[str, ...]

    @property
    def is_ours(self) -> bool:
        """Whether it posts to the path where the bot takes webhooks."""
        return urlsplit(self.url).path.startswith(WEBHOOK_PATH)


class PagerDutyApi:
    """Reads, and changes only what it has just read.

    Every method raises TemporaryError (429 with the time that PagerDuty names), Forbidden for a token without the right, and
    PermanentError; a change raises UnknownOutcome when its answer is lost.
    """

    def __init__(
        self,
        url: str,
        user_email: str,
        session: aiohttp.ClientSession,
        clock: Clock,
        *,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        self._http = HttpClient(
            "PagerDuty",
            url,
            session,
            timeout_seconds=timeout_seconds,
            message_key="error.message",
            error_for_status=_error_for_status,
        )
        self._user_email, self._clock = user_email, clock

    async def incident(self, incident_id: str) -> RemoteIncident:
        """One incident as it is now. Raises NotFound."""
        return (await self._read(incident_id)).to_incident()

    async def incidents_of(self, dedup_keys: Collection[str], raised_since: datetime) -> Mapping[str, RemoteIncident]:
        """The newest incident of each key. A key that PagerDuty does not know is absent.

        ``raised_since``: when the oldest of the pages was raised. Many keys are looked for in one list of incidents.
        """
        wanted = set(dedup_keys)
        found: dict[str, RemoteIncident] = {}
        if len(wanted) > MAX_SINGLE_SEARCHES:
            for incident in await self._created_since(raised_since):
                if incident.dedup_key in wanted:
                    _keep_newest(found, incident)
        for key in sorted(wanted - found.keys())[:MAX_SINGLE_SEARCHES]:
            for incident in await self._with_key(key):
                _keep_newest(found, incident)
        return found

    async def acknowledge(self, incident_id: str) -> RemoteStatus:
        """Acknowledge what is triggered. Answers with the state that the incident has afterwards.

        What is acknowledged or resolved is left alone: a second acknowledgement takes the incident from who has it and starts
        its timer anew, and PagerDuty reopens what is resolved. What is resolved between reading and writing is resolved again.
        """
        incident = await self._read(incident_id)
        if incident.status is not RemoteStatus.TRIGGERED:
            return incident.status
        await self._change(incident_id, RemoteStatus.ACKNOWLEDGED)
        if await self._was_resolved_since(incident_id, incident.last_status_change_at or incident.created_at):
            await self._change(incident_id, RemoteStatus.RESOLVED)
            return RemoteStatus.RESOLVED
        return RemoteStatus.ACKNOWLEDGED

    async def resolve(self, incident_id: str) -> RemoteStatus:
        """Resolve what is open, such as an incident of a trigger that arrived after its page had ended."""
        if (await self._read(incident_id)).status is not RemoteStatus.RESOLVED:
            await self._change(incident_id, RemoteStatus.RESOLVED)
        return RemoteStatus.RESOLVED

    async def on_call(
        self, since: datetime, until: datetime, *, schedules: Sequence[str] = (), policies: Sequence[str] = ()
    ) -> tuple[OnCallShift, ...]:
        """Shifts that overlap the time, by level and start; several people at once are possible, and nobody in a gap.

        Schedules of both kinds (layers, shifts) answer alike here. At most 90 days. Times are asked for and given in UTC:
        without it PagerDuty would mean now, and the account's zone.
        """
        if not since <= until <= since + MAX_ON_CALL_RANGE:
            raise PermanentError("PagerDuty tells of at most 90 days who is on call.")
        query = [("schedule_ids[]", each) for each in schedules] + [("escalation_policy_ids[]", each) for each in policies]
        query += [("since", _utc(since)), ("until", _utc(until))]
        pages = await self._list("/oncalls", "say who is on call", OnCallPage, query)
        shifts = {each.to_shift() for page in pages for each in page.items}
        return tuple(sorted(shifts, key=lambda each: (each.level, str(each.start or ""), each.person.id)))

    async def schedule_name(self, schedule_id: str) -> str:
        """The name of a schedule of either kind. Raises NotFound."""
        path, action = f"schedules/{_segment(schedule_id)}", f"find the schedule {schedule_id}"
        try:
            answer = await self._http.request("GET", f"/v3/{path}", action, ScheduleAnswer.model_validate_json)
        except PermanentError:
            # 400 for a schedule of layers, 404 where the account has no schedules of shifts yet.
            query = f"?{urlencode({'time_zone': 'UTC'})}"
            answer = await self._http.request("GET", f"/{path}{query}", action, ScheduleAnswer.model_validate_json)
        return answer.schedule.name or answer.schedule.summary or schedule_id

    async def acting_user(self) -> RemotePerson:
        """The user in whose name the token writes. Raises NotFound where the account has no user with this address."""
        pages = await self._list("/users", "find the bot's user", UserPage, [("query", self._user_email)])
        for user in (user for page in pages for user in page.items):
            if user.email.casefold() == self._user_email.casefold():
                return RemotePerson(user.id, user.name)
        raise NotFound(f"PagerDuty has no user {self._user_email}, in whose name the bot would write.")

    async def subscriptions(self) -> tuple[Subscription, ...]:
        """All webhook subscriptions of the account that the token may see."""
        pages = await self._list("/webhook_subscriptions", "list the webhook subscriptions", SubscriptionPage, [])
        return tuple(
            Subscription(
                each.id, each.delivery_method.url, each.active, each.delivery_method.temporarily_disabled, tuple(each.events)
            )
            for page in pages
            for each in page.items
        )

    async def enable_subscription(self, subscription_id: str) -> None:
        """Let webhooks come again. What happened while it was off is not sent any more: ask for the incidents."""
        path = f"/webhook_subscriptions/{_segment(subscription_id)}/enable"
        await self._http.request("POST", path, "enable the webhook subscription", len)

    async def _read(self, incident_id: str) -> IncidentModel:
        path, action = f"/incidents/{_segment(incident_id)}", f"find the incident {incident_id}"
        return (await self._http.request("GET", path, action, IncidentAnswer.model_validate_json)).incident

    async def _with_key(self, key: str) -> list[RemoteIncident]:
        query = [("incident_key", key), ("date_range", "all")]
        pages = await self._list("/incidents", "find the incident of a page", IncidentPage, query)
        return [each.to_incident(key) for page in pages for each in page.items]

    async def _created_since(self, since: datetime) -> list[RemoteIncident]:
        query = [("since", _utc(since - _CREATED_LATER)), ("until", _utc(self._clock.now() + _CREATED_LATER))]
        query += [("statuses[]", status.value) for status in RemoteStatus]
        pages = await self._list("/incidents", "list the incidents", IncidentPage, query)
        return [each.to_incident() for page in pages for each in page.items]

    async def _was_resolved_since(self, incident_id: str, since: datetime) -> bool:
        """By PagerDuty's own clock, whose times have whole seconds."""
        query = [("since", _utc(since)), ("until", _utc(self._clock.now() + _CREATED_LATER))]
        path = f"/incidents/{_segment(incident_id)}/log_entries"
        pages = await self._list(path, "read the log of the incident", LogEntryPage, query)
        return any(
            entry.type == "resolve_log_entry" and entry.created_at >= since.replace(microsecond=0)
            for page in pages
            for entry in page.items
        )

    async def _change(self, incident_id: str, status: IncidentStatusChange) -> None:
        body = {"incident": {"type": "incident_reference", "status": status.value}}
        action = {RemoteStatus.ACKNOWLEDGED: "acknowledge", RemoteStatus.RESOLVED: "resolve"}[status]
        path, headers = f"/incidents/{_segment(incident_id)}", {"From": self._user_email}
        await self._http.request("PUT", path, f"{action} the incident {incident_id}", len, body=body, headers=headers)

    async def _list(self, path: str, action: str, model: type[_PageModel], query: Sequence[tuple[str, str]]) -> list[_PageModel]:
        """Every page of a list. Entries that move while it is read may come twice."""
        pages: list[_PageModel] = []
        for offset in range(0, MAX_RECORDS, PAGE_SIZE):
            paging = [("time_zone", "UTC"), ("limit", str(PAGE_SIZE)), ("offset", str(offset))]
            address = f"{path}?{urlencode([*query, *paging])}"
            pages.append(await self._http.request("GET", address, action, model.model_validate_json))
            if not pages[-1].more:
                return pages
        raise PermanentError(f"PagerDuty has more than {MAX_RECORDS} entries, which it does not list: ask for a shorter time.")


def _keep_newest(found: dict[str, RemoteIncident], incident: RemoteIncident) -> None:
    known = found.get(incident.dedup_key)
    if known is None or (incident.created_at, incident.id) > (known.created_at, known.id):
        found[incident.dedup_key] = incident


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _segment(identifier: str) -> str:
    return quote(identifier, safe="")


def _error_for_status(call: HttpCall, response: FailedResponse) -> DeepechoError:
    """402 is a plan of the account that lacks the feature."""
    if response.status == 402:
        return PermanentError(f"The plan of the PagerDuty account does not let the bot {call.action}.")
    return error_for_status(call, response)


@asynccontextmanager
async def open_pagerduty_api(
    url: str, token: str, user_email: str, clock: Clock, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
) -> AsyncIterator[PagerDutyApi]:
    """Open a client with its own session. It connects with the first call."""
    headers = {"Accept": ACCEPT, "Authorization": f"Token token={token}"}
    async with open_session(url, headers) as session:
        yield PagerDutyApi(url, user_email, session, clock, timeout_seconds=timeout_seconds)
