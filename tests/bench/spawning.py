"""Children under measurement, each a process of its own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Child:
    pid: int
    port: int


@asynccontextmanager
async def child(
    kind: str, folder: Path, *, exists: bool = False, variables: Mapping[str, str] | None = None
) -> AsyncIterator[Child]:
    """A server under measurement, as a process of its own, in a folder named for its kind (which may exist already)."""
    home = folder / kind
    home.mkdir(exist_ok=exists)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.children", kind, str(home)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **(variables or {})},
    )
    try:
        line = await process.stdout.readline() if process.stdout else b""
        yield Child(process.pid, int(line))
    finally:
        process.terminate()
        await process.wait()
