"""The stand-in of Grafana as a process of its own, for tests whose other processes die."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.grafana import StandInGrafana


@contextmanager
def running_grafana() -> Iterator[str]:
    """Its address, until the block ends."""
    command = [sys.executable, "-m", "tests.harness.grafana_server"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            address = server.stdout.readline().strip()
            assert address, "the stand-in did not start"
            yield address
        finally:
            server.stdin.close()


async def _serve() -> None:
    async with StandInGrafana() as grafana:
        print(grafana.url, flush=True)  # noqa: T201 -- whoever started it reads it
        # It ends with whoever started it, however that ends.
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await reader.read()


if __name__ == "__main__":
    asyncio.run(_serve())
