"""A part of the REST API v2: incidents, who is on call, users, schedules. ``subscriptions_api`` has the webhooks."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.pagerduty.account import Account, NotPossible
from sandbox.pagerduty.model import Incident, Json, Schedule, Status, User
from sandbox.pagerduty.rate_limits import RateLimit
from sandbox.pagerduty.representation import incident_json, log_entry_json, time_text

ACCEPT = "application/vnd.pagerduty+json;version=2"
ACCOUNT_ZONE = ZoneInfo("America/Los_Angeles")
"""What times mean, and are written in, where a request names no zone."""
MAX_LIMIT, MAX_RECORDS = 100, 10_000
_ONE_MONTH, _SIX_MONTHS, _NINETY_DAYS = timedelta(days=31), timedelta(days=186), timedelta(days=90)


class ApiError(Exception):
    """An error as PagerDuty answers it."""

    def __init__(self, status: int, code: int, message: str, *details: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.details = status, code, message, details

    def response(self) -> web.Response:
        error: Json = {"message": self.message, "code": self.code}
        return web.json_response({"error": error | ({"errors": list(self.details)} if self.details else {})}, status=self.status)


def rest_middleware(account: Account, token: str, limit: RateLimit) -> Middleware:
    """Who calls, in which version, how often; then the call, and what it refuses."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == "/" or request.path.startswith(("/_control", "/phone", "/v2/")):
            return await handler(request)
        if request.headers.get("Authorization") != f"Token token={token}":
            return ApiError(401, 2006, "Authentication failed").response()
        if request.headers.get("Accept") != ACCEPT:
            return ApiError(400, 2001, "Invalid Input Provided", f"Accept must be {ACCEPT}").response()
        now = account.clock.now()
        allowed = limit.take(token, now)
        headers = limit.headers(token, now)
        try:
            response = await handler(request) if allowed else ApiError(429, 2020, "Rate Limit Exceeded").response()
        except ApiError as error:
            response = error.response()
        except NotPossible as error:
            response = ApiError(400, error.code, str(error)).response()
        response.headers.update(headers)
        return response

    return check


class RestApi:
    """``before_put`` is called right before an incident is changed: what happens between somebody's reading and writing."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.before_put: Callable[[Incident], None] = lambda _incident: None
        self.writes: list[tuple[str, str]] = []
        """Ids of incidents and the status that was asked for, in order."""
        self.reads: list[dict[str, str]] = []
        """Queries of lists, in order."""

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/incidents", self.list_incidents),
            web.get("/incidents/{id}", self.get_incident),
            web.put("/incidents/{id}", self.put_incident),
            web.get("/incidents/{id}/log_entries", self.list_log_entries),
            web.get("/oncalls", self.list_oncalls),
            web.get("/users", self.list_users),
            web.get("/schedules/{id}", self.get_schedule),
            web.get("/v3/schedules/{id}", self.get_shift_schedule),
        ]

    async def list_incidents(self, request: web.Request) -> web.Response:
        zone = zone_of(request)
        self.reads.append(dict(request.query))
        found = [each for each in self._account.incidents.values() if self._is_wanted(each, request, zone)]
        found.sort(key=lambda each: each.number)
        return page_of(request, "incidents", [incident_json(each, zone) for each in found])

    def _is_wanted(self, incident: Incident, request: web.Request, zone: ZoneInfo) -> bool:
        query, now = request.query, self._account.clock.now()
        statuses = query.getall("statuses[]", [])
        if statuses and incident.status.value not in statuses:
            return False
        if "incident_key" in query and incident.key != query["incident_key"]:
            return False
        if query.get("date_range") == "all":
            return True
        since, until = time_in(query.get("since"), zone, now - _ONE_MONTH), time_in(query.get("until"), zone, now)
        if until - since > _SIX_MONTHS:
            raise ApiError(400, 2005, "Invalid Query Date Range", "The time range may not exceed 6 months")
        return since <= incident.created_at.replace(microsecond=0) <= until

    async def get_incident(self, request: web.Request) -> web.Response:
        return web.json_response({"incident": incident_json(self._incident(request), zone_of(request))})

    async def put_incident(self, request: web.Request) -> web.Response:
        incident, user = self._incident(request), self._requester(request)
        self.before_put(incident)
        change = (await request.json()).get("incident", {})
        status = change.get("status")
        if change.get("type") not in ("incident", "incident_reference") or status not in [each.value for each in Status]:
            raise ApiError(400, 1003, "Invalid Status Provided")
        self.writes.append((incident.id, status))
        {
            Status.ACKNOWLEDGED: self._account.acknowledge,
            Status.RESOLVED: self._account.resolve,
            Status.TRIGGERED: self._account.trigger_again,
        }[Status(status)](incident, user)
        return web.json_response({"incident": incident_json(incident, zone_of(request))})

    async def list_log_entries(self, request: web.Request) -> web.Response:
        zone, incident, now = zone_of(request), self._incident(request), self._account.clock.now()
        since, until = (
            time_in(request.query.get("since"), zone, incident.created_at),
            time_in(request.query.get("until"), zone, now),
        )
        entries = [each for each in reversed(incident.log) if since.replace(microsecond=0) <= each.at <= until]
        return page_of(request, "log_entries", [log_entry_json(each, zone) for each in entries])

    async def list_oncalls(self, request: web.Request) -> web.Response:
        """Without ``since`` and ``until``: at this moment only."""
        zone, now, query = zone_of(request), self._account.clock.now(), request.query
        self.reads.append(dict(query))
        since, until = time_in(query.get("since"), zone, now), time_in(query.get("until"), zone, now)
        if until < since or until - now > _NINETY_DAYS + timedelta(days=1):
            raise ApiError(400, 2004, "Invalid time values in 'since' and/or 'until' parameters")
        policies, schedules = query.getall("escalation_policy_ids[]", []), query.getall("schedule_ids[]", [])
        found: list[Json] = []
        for policy in self._account.policies.values():
            if policies and policy.id not in policies:
                continue
            for level, targets in enumerate(policy.levels, 1):
                entry = {"escalation_policy": policy.reference, "escalation_level": level}
                found += [entry | each for target in targets for each in _oncalls(target, schedules, since, until, zone)]
        return page_of(request, "oncalls", found)

    async def list_users(self, request: web.Request) -> web.Response:
        wanted = request.query.get("query", "").casefold()
        users = [each for each in self._account.users.values() if wanted in f"{each.name} {each.email}".casefold()]
        return page_of(
            request, "users", [{"id": each.id, "type": "user", "name": each.name, "email": each.email} for each in users]
        )

    async def get_schedule(self, request: web.Request) -> web.Response:
        """Of layers only: one that was upgraded is not found here any more."""
        schedule = self._schedule(request)
        if schedule.shift_based:
            raise ApiError(404, 2100, "Not Found")
        return web.json_response({"schedule": {"id": schedule.id, "type": "schedule", "name": schedule.name, "time_zone": "UTC"}})

    async def get_shift_schedule(self, request: web.Request) -> web.Response:
        """Of shifts only: 400 for one of layers."""
        schedule = self._schedule(request)
        if not schedule.shift_based:
            raise ApiError(400, 2001, "Invalid Input Provided", "This schedule is not shift-based")
        return web.json_response({"schedule": {"id": schedule.id, "name": schedule.name}})

    def _incident(self, request: web.Request) -> Incident:
        incident = self._account.incidents.get(request.match_info["id"])
        if incident is None:
            raise ApiError(404, 5001, "Incident Not Found")
        return incident

    def _schedule(self, request: web.Request) -> Schedule:
        schedule = self._account.schedules.get(request.match_info["id"])
        if schedule is None:
            raise ApiError(404, 3004, "Schedule Not Found")
        return schedule

    def _requester(self, request: web.Request) -> User:
        user = self._account.user_by_email(request.headers.get("From", ""))
        if user is None:
            raise ApiError(400, 1008, "Requester User Not Found")
        return user


def _oncalls(target: User | Schedule, schedules: Sequence[str], since: datetime, until: datetime, zone: ZoneInfo) -> list[Json]:
    if isinstance(target, User):
        if schedules and "null" not in schedules:
            return []
        return [{"user": target.reference, "schedule": None, "start": None, "end": None}]
    if schedules and target.id not in schedules:
        return []
    return [
        {
            "user": shift.user.reference,
            "schedule": target.reference,
            "start": time_text(shift.start, zone),
            "end": time_text(shift.end, zone),
        }
        for shift in target.shifts
        if shift.start <= until and shift.end > since
    ]


def zone_of(request: web.Request) -> ZoneInfo:
    """The zone of a request: without ``time_zone`` the account's, as PagerDuty has it."""
    name = request.query.get("time_zone")
    try:
        return ZoneInfo(name) if name else ACCOUNT_ZONE
    except (ZoneInfoNotFoundError, ValueError):
        raise ApiError(400, 2001, "Invalid Input Provided", "Time zone is invalid") from None


def time_in(text: str | None, zone: ZoneInfo, default: datetime) -> datetime:
    """A time of a query; one without an offset is in the request's zone."""
    if text is None:
        return default
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ApiError(400, 2004, "Invalid time values in 'since' and/or 'until' parameters") from None
    return at if at.tzinfo else at.replace(tzinfo=zone)


def page_of(request: web.Request, name: str, items: Sequence[Json]) -> web.Response:
    """Classic pagination: 25 unless asked for more, 100 at most, and nothing behind the ten thousandth."""
    limit, offset = min(int(request.query.get("limit", 25)), MAX_LIMIT), int(request.query.get("offset", 0))
    if offset + limit > MAX_RECORDS:
        raise ApiError(400, 2001, "Invalid Input Provided", "Offset and limit may not exceed 10000 together")
    page = items[offset : offset + limit]
    more = offset + limit < len(items)
    return web.json_response({name: page, "limit": limit, "offset": offset, "more": more, "total": None})
