"""``POST /v2/enqueue``, as the documentation of Events API v2 has it: validate, accept with 202, process."""

import asyncio
import json
from uuid import uuid4

from aiohttp import web

from sandbox.pagerduty.account import Account
from sandbox.pagerduty.faults import LATE_SECONDS
from sandbox.pagerduty.model import Json
from sandbox.pagerduty.rate_limits import RateLimit
from sandbox.pagerduty.tasks import Tasks

MAX_BYTES = 512 * 1024
MAX_SUMMARY, MAX_DEDUP_KEY = 1024, 255
ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")


class EventsApi:
    """``received`` counts what was accepted, in order, for tests."""

    def __init__(self, account: Account, limit: RateLimit, tasks: Tasks) -> None:
        self._account, self._limit, self._tasks = account, limit, tasks
        self.received: list[Json] = []

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v2/enqueue", self.enqueue)]

    async def enqueue(self, request: web.Request) -> web.Response:
        body = await request.read()
        if len(body) > MAX_BYTES:
            return _refused("Event size exceeds 512KB", status=413)
        try:
            event = json.loads(body)
        except ValueError:
            return _refused("JSON parse error")
        if problems := problems_of(event, self._account):
            return _refused(*problems)
        if not self._limit.take(event["routing_key"], self._account.clock.now()):
            return web.Response(status=429, text="Request Limit Exceeded")
        event.setdefault("dedup_key", uuid4().hex)
        self._process(event, request.get(LATE_SECONDS, 0.0))
        answer = {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}
        return web.json_response(answer, status=202)

    def _process(self, event: Json, delay: float) -> None:
        self.received.append(event)
        if not delay:
            self._account.take_event(event)
            return
        self._tasks.start(self._process_later(event, delay))

    async def _process_later(self, event: Json, delay: float) -> None:
        await asyncio.sleep(delay)
        self._account.take_event(event)


def problems_of(event: object, account: Account) -> list[str]:
    """What PagerDuty refuses, in its words; empty for a good event."""
    if not isinstance(event, dict):
        return ["Event object format is unrecognized"]
    return [*_problems_of_head(event, account), *_problems_of_payload(event)]


def _problems_of_head(event: Json, account: Account) -> list[str]:
    key, action, dedup_key = event.get("routing_key"), event.get("event_action"), event.get("dedup_key")
    if not isinstance(key, str) or not key:
        return ["'routing_key' is missing or blank"]
    if len(key) != 32:
        return ["Length of 'routing_key' is incorrect (should be 32 characters)"]
    problems = [] if key in account.services else ["Invalid routing key"]
    if action not in ACTIONS:
        problems.append("'event_action' is invalid (must be one of trigger, acknowledge, resolve)")
    if action in ("acknowledge", "resolve") and not dedup_key:
        problems.append("'dedup_key' is missing or blank")
    if dedup_key is not None and (not isinstance(dedup_key, str) or len(dedup_key) > MAX_DEDUP_KEY):
        problems.append("'dedup_key' must be a string of at most 255 characters")
    return problems


def _problems_of_payload(event: Json) -> list[str]:
    if event.get("event_action") != "trigger":
        return []
    payload = event.get("payload")
    if not isinstance(payload, dict):
        return ["'payload' is missing or blank"]
    problems = [f"'payload.{name}' is missing or blank" for name in ("summary", "source", "severity") if not payload.get(name)]
    if len(str(payload.get("summary", ""))) > MAX_SUMMARY:
        problems.append("Length of 'payload.summary' is incorrect (should be at most 1024 characters)")
    if payload.get("severity") and payload["severity"] not in SEVERITIES:
        problems.append("'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')")
    return problems


def _refused(*problems: str, status: int = 400) -> web.Response:
    body = {"status": "invalid event", "message": "Event object is invalid", "errors": list(problems)}
    return web.json_response(body, status=status)
