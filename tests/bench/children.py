"""Servers under measurement, each in a process of its own: ``python -m tests.bench.children KIND FOLDER``. Prints its port."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from bot.core.intake import Intake
from bot.core.logs import set_up_logs
from bot.slack.http import COMMANDS_PATH, SLACK_PATHS, SlackHttpEndpoint
from bot.slack.listeners import build_app
from bot.slack.signatures import Signatures
from bot.web.alertmanager import ALERTS_PATH, AlertmanagerWebhook
from bot.web.server import HttpServer
from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from commands.registry import CommandRegistry
from domain.answers.answers import TextAnswer
from domain.catalogue.catalogue import Catalogue
from domain.clock import SystemClock
from domain.facts import Answer
from domain.inbound import InboundMessage
from integrations.alertmanager import Alertmanager
from runbooks.alerts.alertmanager_list import AlertListReader
from runbooks.alerts.firing_rules import FiringRules
from runbooks.alerts.intake import NotificationProcessor
from runbooks.alerts.reconciliation import Reconciler
from runbooks.alerts.timers import reconcile_timer
from storage.engines import open_engines
from storage.inbox import InboxWriter
from storage.migrate import migrate
from storage.store import Store
from tests.harness.fakes.directory import MemoryDirectory
from tests.harness.families import house_registry
from tests.harness.samples.team import catalogue_data, team_catalogue

SECRET = "bench-signing-secret"
TOKEN = "bench-webhook-token"
DATABASE = "DEEPECHO_TEST_BENCH_DATABASE"
"""Names the variable with the address of the database that the children for alerts use; SQLite in their folder without it."""
ALERTMANAGER = "DEEPECHO_TEST_BENCH_ALERTMANAGER"
"""Names the variable with the address of the Alertmanager whose list is compared."""
COMPARE_PATH = "/compare"
MORE_COMMANDS = 100

Serve = Callable[[Path], Awaitable[int]]
background: list[asyncio.Task[None]] = []
"""Tasks of this process; without a reference they would be collected."""


async def floor(_folder: Path) -> int:
    """The least that a server can do: read the body and say 200."""

    async def handler(request: web.Request) -> web.Response:
        await request.read()
        return web.Response()

    app = web.Application()
    app.router.add_post(COMMANDS_PATH, handler)
    app.router.add_post(ALERTS_PATH, handler)
    return await _listen(app)


async def door(folder: Path) -> int:
    """Ours: verified, on the disk, acknowledged."""
    return await _door(folder, house_registry(), lambda _: None)


async def understood(folder: Path) -> int:
    """The same, and the command is found among the others."""
    return await _understood(folder, house_registry())


async def understood_among_more(folder: Path) -> int:
    """The same, with a hundred more commands registered."""
    return await _understood(folder, house_registry([_more_commands()]))


async def default_bolt(_folder: Path) -> int:
    """Bolt as its documentation shows it, behind aiohttp."""
    from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
    from slack_bolt.async_app import AsyncApp
    from slack_bolt.authorization import AuthorizeResult

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token="xoxb-bench")

    bolt = AsyncApp(signing_secret=SECRET, authorize=authorize)

    @bolt.command(re.compile(""))
    async def command(ack: Callable[[], Awaitable[Any]]) -> None:
        await ack()

    async def handler(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await bolt.async_dispatch(await to_bolt_request(request)))

    app = web.Application()
    app.router.add_post(COMMANDS_PATH, handler)
    return await _listen(app)


async def alerts(folder: Path) -> int:
    """A notification checked, on the disk, acknowledged."""
    return await _alerts(folder, applies=False)


async def alerts_applied(folder: Path) -> int:
    """The same, and what it tells becomes true."""
    return await _alerts(folder, applies=True)


async def _alerts(folder: Path, *, applies: bool) -> int:
    url = os.environ.get(DATABASE) or f"sqlite+aiosqlite:///{folder / 'bench.sqlite'}"
    await migrate(url)
    engines, clock = open_engines(url), SystemClock()
    catalogue = team_catalogue(alerts={"default": {"channel": "C0ALERTS"}, "deduplicate_seconds": 0})
    intake = (NotificationProcessor if applies else _Idle)(Store(engines), clock, lambda: catalogue, lambda: None)
    if applies:
        background.append(asyncio.create_task(intake.run()))
    http = HttpServer("127.0.0.1", 0)
    http.reserve(ALERTS_PATH)
    http.enable(
        AlertmanagerWebhook({"": TOKEN}, InboxWriter(engines.write), intake, clock, lambda: catalogue.alerts).serve, ALERTS_PATH
    )
    http.add("/waiting", lambda _: _waiting(intake))
    return await http.open()


class _Idle(NotificationProcessor):
    """Applies nothing, so nothing waits for it."""

    def on_stored(self) -> None:
        """The door may go on."""


async def alerts_listed(_folder: Path) -> int:
    """Alertmanager's list fetched, and parsed as plain JSON."""

    async def fetch(_: web.Request) -> web.Response:
        async with aiohttp.ClientSession() as session, session.get(f"{os.environ[ALERTMANAGER]}/api/v2/alerts") as answer:
            return web.Response(text=str(len(json.loads(await answer.read()))))

    app = web.Application()
    app.router.add_get(COMPARE_PATH, fetch)
    return await _listen(app)


async def alerts_reconciled(folder: Path) -> int:
    """Alertmanager's list fetched and compared with what is stored. Answers how many alerts were corrected so far."""
    url, data = os.environ[ALERTMANAGER], catalogue_data()
    data["environments"]["production"]["alertmanager"] = url
    catalogue = Catalogue.model_validate(data | {"alerts": {"default": {"channel": "C0ALERTS"}}})
    store, clock = Store(open_engines(f"sqlite+aiosqlite:///{folder / 'bench.sqlite'}")), SystemClock()
    client = Alertmanager(url, aiohttp.ClientSession())
    reader, rules = AlertListReader({url: client}.get), FiringRules(lambda _: None)
    reconciler = Reconciler(store, clock, lambda: catalogue, reader, rules, lambda: None)

    async def compare(_: web.Request) -> web.Response:
        timer = reconcile_timer([url], clock.now())
        async with store.write() as tx:
            await tx.timers.set(timer)
        await reconciler.submit(timer, clock.now())
        await reconciler.run_once()
        return web.Response(text=str(reconciler.corrected))

    app = web.Application()
    app.router.add_get(COMPARE_PATH, compare)
    return await _listen(app)


async def _waiting(intake: NotificationProcessor) -> web.Response:
    return web.Response(text=str(intake.backlog))


async def _understood(folder: Path, registry: CommandRegistry) -> int:
    catalogue = team_catalogue()

    def submit(_: InboundMessage) -> None:
        registry.parse(catalogue, "status production")

    return await _door(folder, registry, submit)


async def _door(folder: Path, registry: CommandRegistry, submit: Callable[[InboundMessage], None]) -> int:
    url = f"sqlite+aiosqlite:///{folder / 'bench.sqlite'}"
    await migrate(url)
    intake = Intake(InboxWriter(open_engines(url).write), SystemClock(), submit, lambda: 0)
    http = HttpServer("127.0.0.1", 0)
    http.reserve(*SLACK_PATHS)
    http.enable(
        SlackHttpEndpoint(Signatures(SECRET), intake, build_app(intake, registry.form_command_text, MemoryDirectory())).serve,
        *SLACK_PATHS,
    )
    return await http.open()


def _more_commands() -> Router:
    router = Router()
    for number in range(MORE_COMMANDS):

        async def command(_request: Request, _words: Arguments) -> Answer:
            """Nothing."""
            return TextAnswer("nothing")

        router.command(f"more-{number}", needs=None, example=f"more-{number}", group="Bench")(command)
    return router


async def _listen(app: web.Application) -> int:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port: int = runner.addresses[0][1]
    return port


KINDS: dict[str, Serve] = {
    "floor": floor,
    "door": door,
    "understood": understood,
    "understood-among-more": understood_among_more,
    "default-bolt": default_bolt,
    "alerts": alerts,
    "alerts-applied": alerts_applied,
    "alerts-listed": alerts_listed,
    "alerts-reconciled": alerts_reconciled,
}


async def _main() -> None:
    print(await KINDS[sys.argv[1]](Path(sys.argv[2])), flush=True)  # noqa: T201 -- the parent reads it
    await asyncio.Event().wait()


if __name__ == "__main__":
    set_up_logs()  # as in a bot: without a level every debug event would be printed
    asyncio.run(_main())
