"""The bot as a process of its own, started as an operator would start it, and started again when it dies."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from sandbox.processes import describe_exit, inherited_environment, terminate_with_parent

START_SECONDS = 60.0
STOP_SECONDS = 10.0


class BotDied(Exception):
    """The bot ended before it was ready; the sentence holds the end of its log. ``killed``: somebody else ended it."""

    def __init__(self, sentence: str, *, killed: bool = False) -> None:
        super().__init__(sentence)
        self.killed = killed


@asynccontextmanager
async def running_bot(environment: Mapping[str, str], port: int, log: Path) -> AsyncIterator[str]:
    """Migrate the database, run the bot, wait until it is ready; answers with its address.

    ``log`` takes what it prints, and the file beside it that ends with ``.pid`` its process id.
    """
    bot = _BotProcess({**inherited_environment("DEEPECHO_"), **environment, "DEEPECHO_HTTP__PORT": str(port)}, port, log)
    try:
        await bot.migrate()
        await bot.start()
        restart_task = asyncio.create_task(bot.restart_on_exit())
        try:
            yield bot.address
        finally:
            restart_task.cancel()
            await asyncio.gather(restart_task, return_exceptions=True)
    finally:
        await bot.stop()


class _BotProcess:
    def __init__(self, environment: Mapping[str, str], port: int, log: Path) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self._environment = environment
        self._log = log
        log.write_bytes(b"")
        self._preexec = terminate_with_parent()
        self._process: asyncio.subprocess.Process | None = None

    async def migrate(self) -> None:
        """Raises ``BotDied``."""
        self._process = await self._run("migrate")
        if await self._process.wait():
            raise BotDied(f"The database could not be migrated.\n{self._log_tail()}")

    async def start(self) -> None:
        """Run it, until it is ready. Raises ``BotDied``."""
        self._process = await self._run("run")
        self._log.with_suffix(".pid").write_text(f"{self._process.pid}\n")
        await self._wait_ready(self._process)

    async def restart_on_exit(self) -> None:
        """As a cluster would: whoever kills it in the middle of something sees it go on."""
        while self._process is not None:
            code = await self._process.wait()
            print(f"The bot ended with {describe_exit(code)}. It is started again.", flush=True)
            try:
                await self.start()
            except BotDied as problem:
                if not problem.killed:
                    print(f"It does not start any more. {problem}", flush=True)
                    return

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _run(self, command: str) -> asyncio.subprocess.Process:
        with self._log.open("ab") as out:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", command),
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=self._preexec,
            )

    async def _wait_ready(self, process: asyncio.subprocess.Process) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            for _ in range(int(START_SECONDS / 0.1)):
                if process.returncode is not None:
                    ended = f"The bot ended with {describe_exit(process.returncode)}."
                    raise BotDied(f"{ended}\n{self._log_tail()}", killed=process.returncode < 0)
                try:
                    async with session.get(f"{self.address}/readyz") as answer:
                        if answer.status == 200:
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass  # not listening yet
                await asyncio.sleep(0.1)
        raise BotDied(f"The bot was not ready after {START_SECONDS:.0f} s.\n{self._log_tail()}")

    def _log_tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])
