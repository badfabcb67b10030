"""Samples of the past, given to a Prometheus before it is started: ``promtool`` writes them as Prometheus itself keeps them."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from sandbox.monitoring.processes import ProgramDidNotStart
from sandbox.processes import inherited_environment
from sandbox.tools import promtool_program


async def backfill(folder: Path, samples: Iterable[str]) -> None:
    """Write OpenMetrics lines into the data of the Prometheus that will run in ``folder``, which must not run yet.

    Raises ``MissingTool``, and ``ProgramDidNotStart`` where the samples are refused.
    """
    file = _write(folder, samples)
    command = (promtool_program(), "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(file), str(folder / "data"))
    process = await asyncio.create_subprocess_exec(
        *command,
        env=inherited_environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    finally:
        file.unlink()
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise ProgramDidNotStart(f"promtool did not take the samples of the past.\n{output.decode(errors='replace')[-2000:]}")


def _write(folder: Path, samples: Iterable[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "past.txt"
    with file.open("w", encoding="utf-8") as out:
        out.writelines(f"{each}\n" for each in samples)
    return file
