"""How long a person waits for each answer about the platform, in a whole sandbox with its real and stand-in servers."""

import asyncio
import statistics
from pathlib import Path

from sandbox.endpoints import Endpoints
from sandbox.platform import SandboxSettings, open_sandbox
from sandbox.slack import SlackUsers, open_slack_users
from tests.bench.results import Result
from tests.harness.ports import free_ports

RUNS = 5
MOST_SECONDS = 2.0
WARM_UP_SECONDS = 45.0
"""Until Prometheus has looked at the demo services a few times, and lines have been shipped."""
POLL_SECONDS = 0.02
COMMANDS = (
    "status production",
    "pods production main",
    "events production main",
    "describe production main",
    "top production main",
    "nodes production",
    "hpa production",
    "rollout production main",
    "health production",
    "metrics errors production main",
    "metrics latency production --last 3h --compare 1d",
    "metrics 'sum by (service) (rate(flask_http_request_total[1m]))' production",
    "slo production",
    "targets production",
    "rules production",
    "traces main slow production",
    "dash main",
    "logs production main",
    "logs production main echo --last 1h",
    "logs staging main",
    "logs patterns production main",
    "digest production",
    "maintenance list",
    "leases",
    "guard",
)


async def observability(folder: Path) -> list[Result]:
    """The median of the seconds from sending a command to seeing its answer."""
    settings = SandboxSettings(port=free_ports(), folder=folder / "observability", fast=True)
    settings.folder.mkdir()
    async with open_sandbox(settings) as endpoints, open_slack_users(endpoints.slack) as people:
        await asyncio.sleep(WARM_UP_SECONDS)
        return [await _measured(people, endpoints, command) for command in COMMANDS]


async def _measured(people: SlackUsers, endpoints: Endpoints, command: str) -> Result:
    seconds = [await _answered_in(people, endpoints, command) for _ in range(RUNS)]
    median = statistics.median(seconds)
    return Result(f"answer to {command} / 2 s", round(median / MOST_SECONDS, 3), 1.0, MOST_SECONDS, RUNS)


async def _answered_in(people: SlackUsers, endpoints: Endpoints, command: str) -> float:
    """Seconds. Raises where the answer is that something failed: a quick refusal is no answer."""
    viewer, loop = endpoints.people["sre"], asyncio.get_running_loop()
    before = len(await people.ephemerals(viewer))
    began = loop.time()
    await people.command(viewer, command, channel="ops")
    while len(answers := await people.ephemerals(viewer)) <= before:
        await asyncio.sleep(POLL_SECONDS)
    seconds = loop.time() - began
    text = answers[-1].visible_text
    if any(mark in text for mark in ("⚠️", "❔")):
        raise RuntimeError(f"{command}: {text}")
    return seconds
