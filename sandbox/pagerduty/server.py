"""The stand-in as one server on loopback: Events API, REST API, webhooks, phones, control."""

import asyncio
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

from domain.clock import Clock, SystemClock
from sandbox.pagerduty.account import Account
from sandbox.pagerduty.control import ALL_EVENTS, Control
from sandbox.pagerduty.events_api import EventsApi
from sandbox.pagerduty.faults import Faults, fault_middleware
from sandbox.pagerduty.phone import Phones
from sandbox.pagerduty.rate_limits import EVENTS_PER_MINUTE, REQUESTS_PER_MINUTE, RateLimit
from sandbox.pagerduty.rest_api import RestApi, rest_middleware
from sandbox.pagerduty.seed import seed_account
from sandbox.pagerduty.subscriptions_api import SubscriptionsApi
from sandbox.pagerduty.tasks import Tasks
from sandbox.pagerduty.webhooks import Pace, Subscription, WebhookSender

HOST = "127.0.0.1"
API_TOKEN = "sandbox-token"
TICK_SECONDS = 0.5
MAX_REQUEST_BYTES = 2**20


class StandInPagerDuty:
    """``async with StandInPagerDuty() as pagerduty``: up on ``url`` until the block ends. Port 0 takes a free one.

    ``subscribe`` has to come before whatever should be told. Tests look into ``account``, ``events``, ``rest`` and ``webhooks``.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        clock: Clock | None = None,
        pace: Pace | None = None,
        events_per_minute: int = EVENTS_PER_MINUTE,
        requests_per_minute: int = REQUESTS_PER_MINUTE,
    ) -> None:
        self.api_token = API_TOKEN
        self.clock = clock or SystemClock()
        self.account: Account = seed_account(self.clock)
        self.faults = Faults(self.clock)
        self._tasks = Tasks()
        self.events = EventsApi(self.account, RateLimit(events_per_minute), self._tasks)
        self.rest = RestApi(self.account)
        self.url = ""
        self._port, self._pace = port, pace or Pace()
        self._rest_limit = RateLimit(requests_per_minute)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(aiohttp.ClientSession())
            stack.push_async_callback(self._tasks.close)
            self.webhooks = WebhookSender(self.clock, self._pace, self._tasks, session)
            self.account.emit = self.webhooks.emit
            runner = web.AppRunner(self._app(), handler_cancellation=True, access_log=None, shutdown_timeout=1.0)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, HOST, self._port).start()
            self.url = f"http://{HOST}:{runner.addresses[0][1]}"
            self._tasks.start(self._tick())
            stack.callback(self.faults.clear)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def subscribe(self, url: str) -> Subscription:
        """A webhook subscription with every event; its secret is in the answer."""
        return self.webhooks.subscribe(url, ALL_EVENTS)

    def phone(self, user_id: str) -> str:
        """The address of a person's phone page."""
        return f"{self.url}/phone/{user_id}"

    def _app(self) -> web.Application:
        limits = rest_middleware(self.account, self.api_token, self._rest_limit)
        app = web.Application(middlewares=[fault_middleware(self.faults), limits], client_max_size=MAX_REQUEST_BYTES)
        app.add_routes(self.events.routes())
        app.add_routes(self.rest.routes())
        app.add_routes(SubscriptionsApi(self.webhooks).routes())
        app.add_routes(Phones(self.account).routes())
        app.add_routes(Control(self.account, self.events, self.faults, self.webhooks).routes())
        return app

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.account.tick()
