"""Load from outside the measured process: prepared requests on plain sockets, and the server's own CPU time."""

import asyncio
import itertools
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from bot.http_door import COMMANDS
from bot.signatures import Signatures
from tests.bench.children import SECRET

_TICK = 1 / os.sysconf("SC_CLK_TCK")
_numbers = itertools.count(int(time.time() * 1000))


def requests(count: int) -> list[bytes]:
    """Slash commands as Slack sends them, each with a trigger id of its own, signed now."""
    signatures = Signatures(SECRET)
    return [_request(signatures) for _ in range(count)]


def _request(signatures: Signatures) -> bytes:
    number = next(_numbers)
    body = urlencode({
        "token": "unused",
        "team_id": "T0HOME",
        "team_domain": "deep-echo",
        "channel_id": "C0OPS",
        "channel_name": "ops",
        "user_id": "U0DEPLOYER",
        "user_name": "ana",
        "command": "/deepecho",
        "text": "rollback production abc1234 --reason errors since yesterday",
        "api_app_id": "A0DEEPECHO",
        "is_enterprise_install": "false",
        "response_url": f"https://hooks.slack.com/commands/T0HOME/{number}/abcdefghijklmnop",
        "trigger_id": f"{number}.{number}.0123456789abcdef",
    }).encode()  # fmt: skip
    stamp = str(int(time.time()))
    head = (
        f"POST {COMMANDS} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Slackbot 1.0\r\nAccept: application/json,*/*\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        f"X-Slack-Request-Timestamp: {stamp}\r\nX-Slack-Signature: {signatures.sign(stamp, body)}\r\n\r\n"
    )
    return head.encode() + body


async def send(port: int, prepared: list[bytes], connections: int) -> list[float]:
    """Send all of them over so many connections, one after the other on each. Seconds that each one took."""
    waiting = iter(prepared)
    shares = await asyncio.gather(*(_send(port, waiting) for _ in range(connections)))
    return [each for share in shares for each in share]


async def _send(port: int, waiting: Iterator[bytes]) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took = []
    for request in waiting:
        started = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        took.append(time.perf_counter() - started)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"the server answered {head!r}")
        length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
        await reader.readexactly(int(length.split(b":")[1]))
    writer.close()
    await writer.wait_closed()
    return took


def cpu_seconds(pid: int) -> float:
    """User and system time of the process so far, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK


def median_ms(seconds: list[float]) -> float:
    return statistics.median(seconds) * 1000
