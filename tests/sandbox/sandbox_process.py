"""`python -m sandbox` as a person starts it, its processes, and what they listen on."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sandbox.tools import local_slack_binary
from tests.harness.ports import free_ports

PROJECT = Path(__file__).resolve().parents[2]
READY = re.compile(r"^sandbox ready: (http://127\.0\.0\.1:(\d+))$", re.MULTILINE)
START_WITHIN = 90.0
LISTENS = "0A"


@dataclass(slots=True)
class SandboxProcess:
    """``folder`` is where it was started, so that its state is in ``folder/.sandbox``."""

    process: asyncio.subprocess.Process
    folder: Path
    port: int
    output: str = ""

    @classmethod
    async def start(cls, folder: Path, **environment: str) -> Self:
        port = free_ports()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sandbox"),
            cwd=folder,
            env={**_environment(folder), "SANDBOX_PORT": str(port), **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        return cls(process, folder, port)

    async def wait_ready(self) -> dict[str, Any]:
        """Until it says so; what it wrote down."""
        assert self.process.stdout is not None
        async with asyncio.timeout(START_WITHIN):
            while not READY.search(self.output):
                line = await self.process.stdout.readline()
                assert line, f"it ended before it was ready:\n{self.output}"
                self.output += line.decode()
        written: dict[str, Any] = json.loads((self.folder / ".sandbox" / "endpoints.json").read_text())
        return written

    async def wait_for_output(self, text: str, within: float) -> None:
        """Until it prints ``text``."""
        assert self.process.stdout is not None
        async with asyncio.timeout(within):
            while text not in self.output:
                line = await self.process.stdout.readline()
                assert line, f"it ended without saying {text!r}:\n{self.output}"
                self.output += line.decode()

    async def wait_exit(self, within: float) -> int:
        """Its exit code. Everything it said is in ``said`` then."""
        assert self.process.stdout is not None
        async with asyncio.timeout(within):
            self.output += (await self.process.stdout.read()).decode()
            return await self.process.wait()

    async def stop(self, number: signal.Signals = signal.SIGINT, within: float = 10.0) -> int:
        self.process.send_signal(number)
        return await self.wait_exit(within)

    def process_tree(self) -> set[int]:
        """The process ids of it and of everything that it started."""
        parents = _parents()
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return found


@asynccontextmanager
async def sandbox_process(folder: Path, **environment: str) -> AsyncIterator[SandboxProcess]:
    """Ended, with all it started, when the test is over."""
    local_slack_binary()  # where it cannot be had, this skips the test; the sandbox's process cannot
    running = await SandboxProcess.start(folder, **environment)
    try:
        yield running
    finally:
        remaining = running.process_tree() if running.process.returncode is None else set[int]()
        for pid in remaining:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        await running.process.wait()


def _environment(folder: Path) -> Mapping[str, str]:
    """The project is found though the process starts elsewhere; nothing of another sandbox or bot is inherited."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SANDBOX_", "DEEPECHO_"))}
    root = folder if (folder / "sandbox").is_dir() else PROJECT
    return inherited | {"PYTHONPATH": str(root), "PYTHONSAFEPATH": "1"}


def is_alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _parents() -> dict[int, int]:
    found: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and is_alive(int(entry.name)):
            found[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    return found


def listening_sockets(pids: set[int]) -> set[tuple[str, int]]:
    """Address and port of every TCP socket that these processes listen on; addresses as the kernel writes them."""
    inodes: dict[str, tuple[str, int]] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            address, _, port = local.partition(":")
            if state == LISTENS:
                inodes[rest[5]] = (address, int(port, 16))
    held = {str(link.readlink()) for pid in pids for link in Path(f"/proc/{pid}/fd").iterdir()}
    return {place for inode, place in inodes.items() if f"socket:[{inode}]" in held}
