"""The local Slack's own process and the program behind it."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from sandbox import tools
from sandbox.slack import LocalSlack, SlackTokens
from sandbox.slack.server import LocalSlackDidNotStart, LocalSlackServer

STARTER = """
import asyncio, sys
from pathlib import Path
from sandbox.slack.config import SlackTokens
from sandbox.slack.server import LocalSlackServer

async def main():
    server = LocalSlackServer(Path(sys.argv[1]), SlackTokens())
    print(await server.start(), flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def listens(address: str) -> bool:
    """Whether the local Slack's port is open on loopback, by the kernel's table."""
    port = f"{int(address.rsplit(':', 1)[1]):04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="utf-8").splitlines()[1:]]
    return any(row[1] == f"0100007F:{port}" and row[3] == "0A" for row in rows)


def listens_elsewhere(address: str) -> bool:
    port = f"{int(address.rsplit(':', 1)[1]):04X}"
    tables = Path("/proc/net/tcp").read_text(encoding="utf-8") + Path("/proc/net/tcp6").read_text(encoding="utf-8")
    rows = [line.split() for line in tables.splitlines() if ": " in line]
    return any(row[1].endswith(f":{port}") and row[3] == "0A" and not row[1].startswith("0100007F") for row in rows)


async def test_it_listens_on_loopback_only_and_stops(tmp_path: Path) -> None:
    server = LocalSlackServer(tmp_path, SlackTokens())
    address = await server.start()
    assert listens(address)
    assert not listens_elsewhere(address)
    await server.stop()
    assert not listens(address)


async def test_it_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    tools.local_slack_binary()  # the other process cannot skip the test
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STARTER, str(tmp_path), stdout=asyncio.subprocess.PIPE, cwd=tools.PROJECT
    )
    assert parent.stdout is not None
    address = (await parent.stdout.readline()).decode().strip()
    assert listens(address)
    os.kill(parent.pid, signal.SIGKILL)
    await parent.wait()
    for _ in range(100):
        if not listens(address):
            return
        await asyncio.sleep(0.1)
    pytest.fail("The local Slack is still there.")


async def test_a_taken_port_is_told(tmp_path: Path) -> None:
    first = LocalSlackServer(tmp_path, SlackTokens())
    address = await first.start()
    second = LocalSlackServer(tmp_path, SlackTokens(), port=int(address.rsplit(":", 1)[1]))
    with pytest.raises(LocalSlackDidNotStart, match="did not start"):
        await second.start()
    await first.stop()


async def test_two_can_run_side_by_side() -> None:
    async with LocalSlack() as one, LocalSlack() as other, aiohttp.ClientSession() as session:
        assert one.url != other.url
        async with session.get(f"{other.url}/_gateway/health") as response:
            assert (await response.json())["people"]["deployer"] == other.people["deployer"]


def test_a_copy_of_another_version_is_not_used(tmp_path: Path) -> None:
    package = tools.LOCAL_SLACK.home(tmp_path)
    (package / "bin").mkdir(parents=True)
    (package / "bin" / "local-slack").touch()
    (package / "package.json").write_text('{"version": "0.0.9"}', encoding="utf-8")
    with pytest.raises(tools.MissingTool, match=r"holds local-slack 0\.0\.9, and the sandbox wants 0\.1\.8"):
        tools.local_slack_binary(tmp_path)


def test_without_npm_the_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(tools.MissingTool, match="npm is not installed"):
        tools.local_slack_binary(tmp_path)
