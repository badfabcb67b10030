"""The console: ``deepecho run``, ``check``, ``migrate`` and ``audit verify``."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from typing import Any

import structlog

from bot.core.logs import set_up_logs
from bot.core.settings import Settings, SettingsRefused, load_settings
from domain.errors import CatalogueError, DeepechoError

log = structlog.get_logger()

Command = Callable[[Settings, argparse.Namespace], Coroutine[Any, Any, int]]

FAILED = 1
MISUSED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code: 0 done, 1 it failed and the last line says why, 2 it was not set up rightly."""
    asked = _parser().parse_args(arguments)
    try:
        settings = load_settings()
    except SettingsRefused as error:
        print(error, file=sys.stderr)
        return MISUSED
    set_up_logs(settings.log.level, settings.log.format)
    try:
        command: Command = asked.run
        return asyncio.run(command(settings, asked))
    except* DeepechoError as errors:
        for sentence in _sentences(errors):
            print(sentence, file=sys.stderr)
    return FAILED


def _sentences(errors: BaseExceptionGroup[DeepechoError]) -> list[str]:
    found: list[str] = []
    for each in errors.exceptions:
        found += _sentences(each) if isinstance(each, BaseExceptionGroup) else [str(each)]
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="deepecho", description="Deploys, rollbacks and approvals in Slack, restart-safe.")
    commands = parser.add_subparsers(required=True, metavar="command")
    run = commands.add_parser("run", help="serve until stopped")
    run.add_argument("--migrate", action="store_true", help="bring the database's schema up to date first")
    run.set_defaults(run=_run)
    commands.add_parser(
        "check", help="are Slack, the database, the catalogue and the clusters reachable and permitted"
    ).set_defaults(run=_check)
    commands.add_parser("migrate", help="bring the database's schema up to date").set_defaults(run=_migrate)
    audit = commands.add_parser("audit", help="the audit log").add_subparsers(required=True, metavar="command")
    audit.add_parser("verify", help="walk the hash chain and name the first broken link").set_defaults(run=_verify)
    return parser


async def _run(settings: Settings, asked: argparse.Namespace) -> int:
    if asked.migrate:
        await _migrate(settings, asked)
    from bot.wiring import Bot, running

    stop, reload = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload.set)

    async def reload_when_asked(bot: Bot) -> None:
        while True:
            await reload.wait()
            reload.clear()
            try:
                log.info("catalogue read again", changed=await bot.reload())
            except CatalogueError as error:
                log.error("catalogue not read again, the old one holds", error=str(error))  # noqa: TRY400 -- it says all

    async with running(settings) as bot:
        log.info("running", port=bot.port)
        async with asyncio.TaskGroup() as waiting:
            background = [
                waiting.create_task(reload_when_asked(bot)),
                waiting.create_task(bot.until_failure()),
            ]
            await stop.wait()
            log.info("stopping")
            for task in background:
                task.cancel()
    return 0


async def _check(settings: Settings, _asked: argparse.Namespace) -> int:
    from bot.check import checks

    good = True
    async for check in checks(settings):
        print(f"{'ok ' if check.good else 'BAD'} {check.name:<40} {check.said}", flush=True)
        good = good and check.good
    return 0 if good else FAILED


async def _migrate(settings: Settings, _asked: argparse.Namespace) -> int:
    from bot.wiring import hold_database
    from storage.migrate import migrate
    from storage.schema_revision import expected_revision

    with ExitStack() as stack:
        hold_database(settings, stack)
        await migrate(settings.database)
    print(f"The database is at {expected_revision()}.", file=sys.stderr)
    return 0


async def _verify(settings: Settings, _asked: argparse.Namespace) -> int:
    from bot.audit_verify import verify

    said, good = await verify(settings)
    print(said)
    return 0 if good else FAILED


if __name__ == "__main__":
    sys.exit(main())
