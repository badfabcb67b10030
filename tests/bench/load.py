"""Load from outside the measured process: prepared requests on plain sockets, and the server's own CPU time."""

import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from bot.slack.http import COMMANDS_PATH
from bot.slack.signatures import Signatures
from bot.web.alertmanager import ALERTS_PATH
from tests.bench.children import SECRET, TOKEN

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
        f"POST {COMMANDS_PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Slackbot 1.0\r\nAccept: application/json,*/*\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        f"X-Slack-Request-Timestamp: {stamp}\r\nX-Slack-Signature: {signatures.sign(stamp, body)}\r\n\r\n"
    )
    return head.encode() + body


def notifications(count: int, *, first_group: int = 0) -> list[bytes]:
    """Payloads of ten alerts as Alertmanager posts them, each of a group of its own."""
    return [_notification(first_group + number) for number in range(count)]


def _notification(number: int) -> bytes:
    labels = {"alertname": "HighErrorRate", "environment": "production", "severity": "warning", "group": f"{number}"}
    alerts = [
        {
            "status": "firing",
            "labels": labels | {"instance": f"10.0.{number % 250}.{index}:8000", "job": "deep-echo-main"},
            "annotations": {
                "summary": f"High error rate on instance {index}",
                "description": "Error rate 14.2 per cent over 5 min (limit 10)",
                "runbook_url": "https://runbooks.example.com/high-error-rate",
            },
            "startsAt": "2026-11-23T03:07:54.804Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus:9090/graph?g0.expr=demo_error_ratio+%3E+0.05&g0.tab=1",
            "fingerprint": f"{number:08x}{index:08x}",
        }
        for index in range(10)
    ]
    body = json.dumps({
        "receiver": "deepecho",
        "status": "firing",
        "alerts": alerts,
        "groupLabels": {"alertname": "HighErrorRate", "group": f"{number}"},
        "commonLabels": labels,
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "version": "4",
        "groupKey": f'{{}}:{{alertname="HighErrorRate", group="{number}"}}',
        "truncatedAlerts": 0,
    }).encode()  # fmt: skip
    head = (
        f"POST {ALERTS_PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Alertmanager/0.25.0\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n"
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
    """Time of the process on a processor so far, all its threads together, to the nanosecond; ``stat`` counts in hundredths."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(each.read_text().split()[0]) for each in tasks) / 1e9


def median_ms(seconds: list[float]) -> float:
    return statistics.median(seconds) * 1000
