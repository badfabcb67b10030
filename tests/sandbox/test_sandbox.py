"""`python -m sandbox`: what it prints and writes down, where it listens, how it ends, and what it says when it cannot start."""

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox.demo import scrape_targets
from tests.harness.monitoring import query_prometheus, require_monitoring, wait_until
from tests.harness.ports import PORT_COUNT, free_ports
from tests.sandbox.native_slack import NativeSlack, is_card, visible_text
from tests.sandbox.sandbox_process import PROJECT, SandboxProcess, is_alive, listening_sockets, sandbox_process

LOOPBACK = {"0100007F", "00000000000000000000000001000000"}
ROLLBACK = 'rollback production abc1234 main --reason "errors since yesterday"'
REFUSALS = {
    "deployer": "You asked for",
    "viewer": "needs the role approver",
    "guest": "Guests can change and look up nothing here",
    "outsider": "People of other workspaces can change and look up nothing here",
}


@pytest.fixture
async def started(tmp_path: Path) -> AsyncIterator[SandboxProcess]:
    async with sandbox_process(tmp_path) as process:
        yield process


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as opened:
        yield opened


async def test_it_says_what_to_try_writes_down_its_addresses_and_ends_at_ctrl_c(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    require_monitoring()
    elsewhere = {"DEEPECHO_DATABASE_URL": "postgresql+asyncpg://nobody@127.0.0.1:9/real", "HTTP_PROXY": "http://127.0.0.1:9"}
    async with sandbox_process(tmp_path, **elsewhere) as started:
        endpoints = await started.wait_ready()
        assert f"sandbox ready: http://127.0.0.1:{started.port}\n" in started.output
        assert '/deepecho rollback production abc1234 --reason "errors since yesterday"' in started.output
        assert endpoints["slack"] == f"http://127.0.0.1:{started.port}"
        assert '/deepecho deploy production main-bad5eed main --reason "try it"' in started.output
        assert {"slack", "slack_control", "bot", "kubernetes", "people", "channels"} <= endpoints.keys()
        assert endpoints["prometheus"] == f"http://127.0.0.1:{started.port + 5}"
        assert endpoints["alertmanager"] == f"http://127.0.0.1:{started.port + 6}"
        assert endpoints["webhook"].keys() == {"url", "token"}
        assert endpoints["webhook"]["url"] == f"{endpoints['bot']}/webhooks/alertmanager"
        assert {"viewer", "responder", "deployer", "approver", "sre", "admin", "security", "guest"} <= endpoints["people"].keys()
        assert {"production", "staging", "deploys", "general"} <= endpoints["channels"].keys()
        await assert_endpoints_answer(session, endpoints)
        await assert_metrics_scraped(session, endpoints)

        places = listening_sockets(started.process_tree())
        assert {port for _, port in places} >= {started.port + offset for offset in range(PORT_COUNT)}
        assert {address for address, _ in places} <= LOOPBACK
        pods = await kubectl(endpoints, "get", "pods", "--namespace", "deep-echo-prod")
        assert pods.count("deep-echo-cognitive") == 6
        await assert_control_api(session, endpoints)

        second = await SandboxProcess.start(tmp_path)
        assert await second.wait_exit(within=30) == 1
        assert "Another sandbox runs in" in second.output
        await assert_endpoints_answer(session, endpoints)

        family = started.process_tree()
        assert len(family) >= 3
        assert await started.stop(signal.SIGINT) == 0
        assert not [pid for pid in family if is_alive(pid)]
        assert not (tmp_path / ".sandbox" / "endpoints.json").exists()
        assert "Traceback" not in started.output


async def assert_endpoints_answer(session: aiohttp.ClientSession, endpoints: dict[str, Any]) -> None:
    async with session.get(endpoints["slack"]) as page, session.get(f"{endpoints['bot']}/readyz") as bot:
        assert (page.status, bot.status) == (200, 200)


async def assert_metrics_scraped(session: aiohttp.ClientSession, endpoints: dict[str, Any]) -> None:
    """Prometheus scrapes every service, and knows the platform's rules and where to send alerts."""

    async def scraped() -> bool:
        up = await query_prometheus(session, endpoints["prometheus"], "sum(up)")
        return bool(up) and float(up[0]["value"][1]) == len(scrape_targets())

    await wait_until(scraped, "every service is scraped")
    async with session.get(f"{endpoints['prometheus']}/api/v1/rules") as answer:
        groups = (await answer.json())["data"]["groups"]
    assert {"HighErrorRate", "DeepEchoServiceDown", "Watchdog"} <= {rule["name"] for each in groups for rule in each["rules"]}
    async with session.get(f"{endpoints['alertmanager']}/-/ready") as answer:
        assert answer.status == 200


async def kubectl(endpoints: dict[str, Any], *arguments: str) -> str:
    program = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or "kubectl"
    asked = await asyncio.create_subprocess_exec(
        *(program, "--kubeconfig", endpoints["kubernetes"]["kubeconfig"], *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asked.communicate()
    return out.decode()


async def assert_control_api(session: aiohttp.ClientSession, endpoints: dict[str, Any]) -> None:
    ana, room = endpoints["people"]["deployer"], endpoints["channels"]["deploys"]
    slack = NativeSlack(session, endpoints["slack_control"])
    assert (await slack.post("message", user=ana, channel=room, text="hello"))["message"]["text"] == "hello"
    assert (await slack.post("message", user=ana, channel=room, text="/deepecho whoami"))["ok"]
    await slack.wait_for_message(room, lambda message: message.get("ephemeral_to") == ana and "You are" in message["text"])
    assert (await slack.post("open-home", user=ana))["ok"]
    log = (await slack.get("log"))["log"]
    assert [entry["time"] for entry in log] == sorted(entry["time"] for entry in log)
    assert ("to_bot", "/deepecho") in {(entry["direction"], entry["summary"]) for entry in log}
    assert {user["name"] for user in (await slack.get("state"))["users"]} >= {"ana", "mia"}
    assert (await slack.messages("deploys"))[0]["text"] == "hello"
    twice = NativeSlack(session, f"{endpoints['slack_control']}/_control")
    assert (await twice.messages(room))[0]["text"] == "hello"
    assert await slack.post("command", user=ana, channel=room) == {"ok": False, "error": "missing: command"}
    assert (await slack.post("interact", user=ana, channel=room, messageTs="1.1", action={"action_id": "x"}))["ok"] is False
    assert (await slack.post("reset"))["ok"]
    assert await slack.messages(room) == []


async def test_the_story_by_the_control_goes_on_when_the_bot_is_killed(
    started: SandboxProcess, session: aiohttp.ClientSession
) -> None:
    """And killing the sandbox itself leaves nothing behind."""
    endpoints = await started.wait_ready()
    people, room = endpoints["people"], endpoints["channels"]["production"]
    slack = NativeSlack(session, endpoints["slack_control"])
    await slack.run_command(people["deployer"], room, ROLLBACK)
    card = await slack.wait_for_message(room, lambda message: is_card(message, "Needs an approver"))
    assert "errors since yesterday" in visible_text(card)
    for role, told in REFUSALS.items():
        await slack.click(people[role], card, "Approve")
        assert "Nothing was changed." in visible_text(await slack.wait_for_message(room, is_ephemeral_to(people[role], told)))

    await slack.click(people["approver"], card, "Approve")
    await slack.wait_for_message(room, lambda message: is_card(message, "Rolling back"))
    pid = await _kill_bot(started)
    await started.wait_for_output("It is started again.", within=10)
    await _kill_bot(started, other_than=pid)  # while it starts
    done = await slack.wait_for_message(
        room, lambda message: is_card(message, "Verified: all 3 pods run main-abc1234"), within=120
    )
    assert done["ts"] == card["ts"]
    assert not [block for block in done["blocks"] if block["type"] == "actions"]
    await slack.wait_for_message(room, lambda message: message.get("thread_ts") == card["ts"] and "Verified" in message["text"])
    said = [each["text"] for each in await slack.messages(room) if each.get("thread_ts") == card["ts"]]
    for told in ("asked to roll deep-echo-main back", "approved this.", "Verified: all 3 pods run"):
        assert sum(told in each for each in said) == 1, said
    posted = [entry for entry in (await slack.get("log"))["log"] if entry["summary"] == "chat.postMessage"]
    assert sum("Waiting for approval" in entry["detail"]["text"] for entry in posted) == 1

    family = started.process_tree()
    await started.stop(signal.SIGKILL)
    async with asyncio.timeout(10):
        while [pid for pid in family if is_alive(pid)]:
            await asyncio.sleep(0.1)


def is_ephemeral_to(person: str, text: str) -> Callable[[dict[str, Any]], bool]:
    return lambda message: message.get("ephemeral_to") == person and text in visible_text(message)


async def test_a_signal_while_it_starts_leaves_nothing_behind(started: SandboxProcess) -> None:
    await started.wait_for_output("starting", within=20)
    while len(started.process_tree()) < 2:
        await asyncio.sleep(0.02)
    family = started.process_tree()
    assert await started.stop(signal.SIGTERM) == 0
    assert not [pid for pid in family if is_alive(pid)]
    assert "Traceback" not in started.output


@pytest.mark.parametrize(("offset", "part"), [(0, "the page"), (2, "the bot"), (5, "Prometheus")])
async def test_a_taken_port_is_told_with_a_way_out(tmp_path: Path, offset: int, part: str) -> None:
    port = free_ports()
    with socket.create_server(("127.0.0.1", port + offset)):
        process = await SandboxProcess.start(tmp_path, SANDBOX_PORT=str(port))
        assert await process.wait_exit(within=30) == 1
    assert f"Port {port + offset}, meant for {part}, is taken by another program." in process.output
    assert f"SANDBOX_PORT={port + 100} make sandbox" in process.output
    assert "Traceback" not in process.output


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"SANDBOX_PORT": "http"}, "SANDBOX_PORT=http is not a port between 1024 and 65500."),
        ({"SANDBOX_PORT": "80"}, "SANDBOX_PORT=80 is not a port between 1024 and 65500."),
        ({"SANDBOX_KUBECONFIG": "/nowhere/kubeconfig"}, "SANDBOX_KUBECONFIG=/nowhere/kubeconfig is not a file."),
    ],
)
async def test_settings_that_cannot_be(tmp_path: Path, environment: dict[str, str], told: str) -> None:
    async with sandbox_process(tmp_path, **environment) as process:
        assert await process.wait_exit(within=30) == 1
    assert f"The sandbox could not start. {told}\n" in process.output
    assert "Traceback" not in process.output


async def test_without_npm_it_says_what_to_install(tmp_path: Path) -> None:
    """A checkout in which the local Slack was not fetched yet, on a machine without Node.js."""
    for package in ("sandbox", "bot", "commands", "runbooks", "integrations", "storage", "domain"):
        shutil.copytree(PROJECT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    async with sandbox_process(tmp_path, PATH=str(tmp_path)) as process:
        assert await process.wait_exit(within=30) == 1
    assert "npm is not installed. Install Node.js with npm (Debian: apt install npm) and run this again." in process.output


async def _kill_bot(started: SandboxProcess, *, other_than: int = 0) -> int:
    """Kill the bot, once it is another process than that one. Returns its id."""
    file = started.folder / ".sandbox" / "bot.pid"
    async with asyncio.timeout(10):
        while (pid := int(file.read_text() or "0")) in (0, other_than):
            await asyncio.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    return pid
