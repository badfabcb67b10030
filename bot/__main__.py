"""The command line: ``deepecho run``, ``check``, ``migrate`` and ``audit verify``."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from typing import Any

import structlog

from bot.core.file_lock import PRIVATE_UMASK
from bot.core.logs import set_up_logs
from bot.core.settings import InvalidSettings, Settings, load_settings
from domain.errors import CatalogueError, DeepechoError
from domain.redaction import redact

log = structlog.get_logger()

ConsoleCommand = Callable[[Settings, argparse.Namespace], Coroutine[Any, Any, int]]

EXIT_FAILED = 1
EXIT_MISCONFIGURED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed (stderr says why), 2 the settings are invalid."""
    parsed = _parser().parse_args(arguments)
    try:
        settings = load_settings()
    except InvalidSettings as error:
        print(redact(str(error)), file=sys.stderr)
        return EXIT_MISCONFIGURED
    set_up_logs(settings.log.level, settings.log.format)
    os.umask(PRIVATE_UMASK)
    try:
        command: ConsoleCommand = parsed.run
        return asyncio.run(command(settings, parsed))
    except* DeepechoError as errors:
        for sentence in _sentences(errors):
            print(redact(sentence), file=sys.stderr)
    return EXIT_FAILED


def _sentences(errors: BaseExceptionGroup[DeepechoError]) -> list[str]:
    sentences: list[str] = []
    for error in errors.exceptions:
        sentences += _sentences(error) if isinstance(error, BaseExceptionGroup) else [str(error)]
    return sentences


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


async def _run(settings: Settings, arguments: argparse.Namespace) -> int:
    if arguments.migrate:
        await _migrate(settings, arguments)
    from bot.wiring import Bot, run_bot

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
                log.info("catalogue reloaded", changed=await bot.core.reload())
            except CatalogueError as error:
                log.error("catalogue reload failed, keeping the old one", error=str(error))  # noqa: TRY400 -- the error names file, line and key

    async with run_bot(settings) as bot:
        log.info("bot running", port=bot.port, management_port=bot.management_port)
        # When a background task fails, the group cancels ``stop.wait()`` and the process ends: it must not run on without it.
        async with asyncio.TaskGroup() as waiting:
            background = [
                waiting.create_task(reload_when_asked(bot)),
                waiting.create_task(bot.wait_for_failure()),
            ]
            await stop.wait()
            log.info("bot stopping")
            for task in background:
                task.cancel()
    return 0


async def _check(settings: Settings, _arguments: argparse.Namespace) -> int:
    from bot.check import checks

    all_ok = True
    async for check in checks(settings):
        print(f"{'ok  ' if check.ok else 'FAIL'} {check.name:<40} {redact(check.detail)}", flush=True)
        all_ok = all_ok and check.ok
    return 0 if all_ok else EXIT_FAILED


async def _migrate(settings: Settings, _arguments: argparse.Namespace) -> int:
    from bot.wiring import lock_database_file
    from storage.migrate import migrate
    from storage.schema_revision import expected_revision
    from storage.space import rewrite_files

    with ExitStack() as stack:
        lock_database_file(settings, stack)
        await migrate(settings.database)
        for line in rewrite_files(settings.database):
            print(line, file=sys.stderr)
    print(f"The database is at {expected_revision()}.", file=sys.stderr)
    return 0


async def _verify(settings: Settings, _arguments: argparse.Namespace) -> int:
    from bot.audit_verify import verify

    report, ok = await verify(settings)
    print(redact(report))
    return 0 if ok else EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
