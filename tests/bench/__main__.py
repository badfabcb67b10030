"""``python -m tests.bench [PART…]``: speed as ratios against a floor that is measured in the same run."""

import asyncio
import json
import statistics
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path

from tests.bench import load
from tests.bench.alerts import webhook
from tests.bench.arrivals import arrivals
from tests.bench.mini_slack import MiniSlack, mini_slack
from tests.bench.observability import observability
from tests.bench.paging import paging
from tests.bench.processes import (
    bare_import,
    make_home,
    resident_mib,
    started_bot,
    switched_off_modules,
)
from tests.bench.reconciliation import reconciliation
from tests.bench.redaction import redaction
from tests.bench.results import AT_ONCE, Result, compared
from tests.bench.spawning import Child, child
from tests.bench.strangers import strangers

RUNS = 5
CLOSE_RUNS = 9
"""Of two that are expected to be the same, in turns: a tenth is within one run's noise."""
REQUESTS = 3000
SLOW_REQUESTS = 150
RESULTS = Path(".bench/results.json")
MOST_MIB = 110.0
SETTLING = 1.0


async def main(chosen: list[str]) -> int:
    # On the disk that the project is on: a file system in memory would make every commit free.
    RESULTS.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="run-", dir=RESULTS.parent) as folder:
        parts = [part for part in PARTS if not chosen or part.__name__ in chosen]
        results = [result for part in parts for result in await part(Path(folder))]
    return tell(results)


def tell(results: list[Result]) -> int:
    """Write the results down, print the table; 1 where something is over its limit."""
    RESULTS.write_text(json.dumps([asdict(each) for each in results], indent=2) + "\n")
    for each in results:
        limit = "reported" if each.limit is None else f"{'OVER' if each.over else 'ok  '} limit {each.limit:g}"
        print(f"{each.name:<66} {each.ratio:8.3f}   {limit}")  # noqa: T201 -- the table is the point
    return 1 if any(each.over for each in results) else 0


async def doors(folder: Path) -> list[Result]:
    """A slash command over HTTP: CPU per request at 32 connections, and the latency of one at a time."""
    cpu: dict[str, list[float]] = {"floor": [], "door": []}
    pair: dict[str, list[float]] = {"understood": [], "understood-among-more": []}
    latency: dict[str, list[float]] = {"door": [], "default-bolt": []}
    async with AsyncExitStack() as stack:
        kinds = dict.fromkeys([*cpu, *pair, *latency])
        servers = {kind: await stack.enter_async_context(child(kind, folder)) for kind in kinds}
        for server in servers.values():
            await load.send(server.port, load.requests(200), AT_ONCE)
        for _ in range(RUNS):
            for kind, times in cpu.items():
                times.append(await _cpu_us(servers[kind]))
            for kind, times in latency.items():
                times.append(load.median_ms(await load.send(servers[kind].port, load.requests(SLOW_REQUESTS), 1)) * 1000)
        for run in range(CLOSE_RUNS):
            for kind in sorted(pair, reverse=run % 2 == 1):
                pair[kind].append(await _cpu_us(servers[kind]))
    return [
        compared("slash command over HTTP, kept and acknowledged: CPU / bare handler", cpu["door"], cpu["floor"], 2.5),
        compared("its median latency, one at a time / default Bolt", latency["door"], latency["default-bolt"], 0.1),
        compared("with a hundred more commands: CPU / without", pair["understood-among-more"], pair["understood"], 1.1),
    ]


async def _cpu_us(server: Child) -> float:
    prepared = load.requests(REQUESTS)
    before = load.cpu_seconds(server.pid)
    await load.send(server.port, prepared, AT_ONCE)
    return (load.cpu_seconds(server.pid) - before) / REQUESTS * 1e6


async def sockets(folder: Path) -> list[Result]:
    """The same command through Socket Mode, answered and all, by a whole bot."""
    (folder / "socket").mkdir()
    async with mini_slack() as slack, child("floor", folder / "socket") as floor:
        home = await make_home(folder / "socket", slack.api_url)
        async with started_bot(home) as bot:
            ours, bare = [], []
            for run in range(RUNS):
                bare.append(await _cpu_us(floor))
                ours.append(await _socket_us(slack, bot.pid, run))
    return [compared("slash command over the socket, kept and answered: CPU / bare HTTP", ours, bare, None)]


async def _socket_us(slack: MiniSlack, pid: int, run: int, count: int = 300) -> float:
    payload = {"command": "/deepecho", "text": "nonsense", "user_id": "U0DEPLOYER", "team_id": "T0HOME", "channel_id": "C0OPS"}
    numbers = iter(range(count))

    async def some() -> None:
        for number in numbers:
            await slack.deliver(payload, f"bench-{run}-{number}")

    before = load.cpu_seconds(pid)
    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    return (load.cpu_seconds(pid) - before) / count * 1e6


async def starts(folder: Path) -> list[Result]:
    """From nothing to ready, and what an idle bot holds."""
    (folder / "start").mkdir()
    bare, ours, memory = [], [], []
    async with mini_slack() as slack:
        home = await make_home(folder / "start", slack.api_url)
        async with started_bot(home):
            pass  # modules are compiled once
        for _ in range(RUNS):
            bare.append(await bare_import() * 1e6)
            async with started_bot(home) as bot:
                ours.append(bot.seconds * 1e6)
                await asyncio.sleep(SETTLING)
                memory.append(resident_mib(bot.pid))
        extra = await switched_off_modules(home)
    if extra:
        print(f"imported though nobody uses it: {', '.join(extra)}")  # noqa: T201
    return [
        compared("start to /readyz 200 / bare import of the libraries", ours, bare, 2.0),
        Result("resident memory, idle / 110 MiB", round(statistics.median(memory) / MOST_MIB, 3), 1.0, MOST_MIB, RUNS),
        Result("modules of integrations that are switched off, imported", float(len(extra)), 0.0, 0.0, 1),
    ]


PARTS = (doors, strangers, webhook, reconciliation, arrivals, paging, observability, sockets, starts, redaction)

if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
