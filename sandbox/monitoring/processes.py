"""A server that others wrote: started, waited for, stopped."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from sandbox.processes import describe_exit, inherited_environment, terminate_with_parent

START_SECONDS = 30.0
STOP_SECONDS = 5.0


class ProgramDidNotStart(Exception):
    """A program ended, or was not ready in time; the sentence holds the end of its log."""


@asynccontextmanager
async def running_program(command: Sequence[str], url: str, log: Path) -> AsyncIterator[int]:
    """Run it until ``url`` + ``/-/ready`` answers; gives its process id, which is also in the file ``.pid`` beside ``log``.

    Raises ``ProgramDidNotStart``.
    """
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=inherited_environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=terminate_with_parent(),
        )
    try:
        log.with_suffix(".pid").write_text(f"{process.pid}\n")
        await _wait_ready(process, url, log)
        yield process.pid
    finally:
        await _stop(process)


async def _wait_ready(process: asyncio.subprocess.Process, url: str, log: Path) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
        for _ in range(int(START_SECONDS / 0.05)):
            if process.returncode is not None:
                raise ProgramDidNotStart(f"{log.stem} ended with {describe_exit(process.returncode)}.\n{_log_tail(log)}")
            try:
                async with session.get(f"{url}/-/ready") as answer:
                    if answer.status == 200:
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass  # not listening yet
            await asyncio.sleep(0.05)
    raise ProgramDidNotStart(f"{log.stem} was not ready after {START_SECONDS:.0f} s.\n{_log_tail(log)}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def _log_tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-8:])
