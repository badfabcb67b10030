"""The local Slack's process: started on loopback, stopped by its own process group."""

import asyncio
import os
import re
import signal
from pathlib import Path

from sandbox.slack.config import SlackTokens, write_config
from sandbox.tools import local_slack_binary

START_WITHIN = 20.0
STOP_WITHIN = 5.0

# The binary listens on every address and outlives a killed parent; neither is configurable, so a preloaded script does it.
_PRELOAD = """\
const serve = Bun.serve;
Bun.serve = (options) => serve.call(Bun, { ...options, hostname: "127.0.0.1" });
const parent = Number(process.env.SANDBOX_PARENT);
setInterval(() => {
  try { process.kill(parent, 0); } catch { process.exit(0); }
}, 1000).unref();
"""
_ADDRESS = re.compile(r"Web API base:\s+(http://127\.0\.0\.1:\d+)/api/")


class LocalSlackDidNotStart(RuntimeError):
    """The local Slack's process ended or stayed silent; the message holds its last words."""


class LocalSlackServer:
    """The local Slack itself, without the gateway. Only the gateway talks to it."""

    def __init__(self, folder: Path, tokens: SlackTokens, port: int = 0) -> None:
        self._folder = folder
        self._tokens = tokens
        self._port = port
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> str:
        """Start it and return its address, `http://127.0.0.1:PORT`. Raises `LocalSlackDidNotStart`."""
        binary = local_slack_binary()
        config = write_config(self._folder, self._tokens)
        preload = self._folder / "loopback.js"
        preload.write_text(_PRELOAD, encoding="utf-8")
        log = self._folder / "local-slack.log"
        with log.open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                str(binary),
                *("--config", str(config), "--port", str(self._port), "--base-host", "127.0.0.1"),
                *("--files-dir", str(self._folder / "files")),
                env={
                    **os.environ,
                    "BUN_OPTIONS": f"--preload {preload}",
                    "SANDBOX_PARENT": str(os.getpid()),
                    "NO_COLOR": "1",
                },
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return await self._wait_for_address(log)

    async def _wait_for_address(self, log: Path) -> str:
        deadline = asyncio.get_running_loop().time() + START_WITHIN
        while asyncio.get_running_loop().time() < deadline:
            output = _read(log)
            if found := _ADDRESS.search(output):
                return found[1]
            if self._process is None or self._process.returncode is not None:
                break
            await asyncio.sleep(0.02)
        await self.stop()
        output = _read(log).strip()
        raise LocalSlackDidNotStart(f"The local Slack did not start. It said: {output[-500:] or 'nothing'}")

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            _signal_group(process.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_WITHIN):
                await process.wait()
        except TimeoutError:
            _signal_group(process.pid, signal.SIGKILL)
            await process.wait()


def _read(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return
