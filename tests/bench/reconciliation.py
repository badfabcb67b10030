"""Comparing the stored alerts with Alertmanager's list, once a minute: what that costs while ten thousand alerts fire."""

import json
import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import web

from runbooks.alerts.reconciliation import RECONCILE_INTERVAL
from tests.bench import load
from tests.bench.alerts import STARTED_AT, store_groups
from tests.bench.children import ALERTMANAGER, COMPARE_PATH
from tests.bench.results import Result, compared
from tests.bench.spawning import Child, child

RUNS = 5
ALERTS = 10_000
ANNOTATION = "The rate of errors is above its limit for more than ten minutes. " * 4
MOST_CPU_SECONDS = 0.6
"""One percent of a core."""
NAME = f"reconciliation with {ALERTS:,} firing alerts"


async def reconciliation(folder: Path) -> list[Result]:
    """CPU of one comparison in which nothing differs, for the list alone and per minute."""
    room = folder / "reconciliation"
    stored = room / "alerts-reconciled"
    stored.mkdir(parents=True)
    await store_groups(stored, ALERTS)
    ours, bare = [], []
    async with _alertmanager() as url:
        variables = {ALERTMANAGER: url}
        async with (
            child("alerts-listed", room, variables=variables) as floor,
            child("alerts-reconciled", room, exists=True, variables=variables) as one,
        ):
            # The first finds out that the list is that of the sender.
            await _cpu_us(one, expected="0")
            for _ in range(RUNS):
                bare.append(await _cpu_us(floor, expected=str(ALERTS)))
                ours.append(await _cpu_us(one, expected="0"))
    per_minute = statistics.median(ours) / 1e6 * 60 / RECONCILE_INTERVAL.total_seconds()
    return [
        compared(f"{NAME}: CPU / fetching and parsing the list", ours, bare, 2.0),
        Result(f"{NAME}: CPU per minute / 0.6 s", round(per_minute / MOST_CPU_SECONDS, 3), 1.0, MOST_CPU_SECONDS, RUNS),
    ]


async def _cpu_us(server: Child, *, expected: str) -> float:
    before = load.cpu_seconds(server.pid)
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{server.port}{COMPARE_PATH}") as answer:
        text = await answer.text()
    if text != expected:
        raise RuntimeError(f"the server answered {text!r} instead of {expected!r}")
    return (load.cpu_seconds(server.pid) - before) * 1e6


@asynccontextmanager
async def _alertmanager() -> AsyncIterator[str]:
    """One that lists every stored alert, as a real one would; its processor time is not counted."""
    body = json.dumps([_listed(number) for number in range(ALERTS)]).encode()

    async def alerts(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/api/v2/alerts", alerts)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _listed(number: int) -> dict[str, object]:
    labels = {"alertname": "HighErrorRate", "environment": "production", "severity": "warning", "pod": f"main-{number}"}
    return {
        "annotations": {"summary": "High", "description": ANNOTATION},
        "endsAt": "2026-11-23T14:06:00.000Z",
        "fingerprint": f"stored-{number}",
        "receivers": [{"name": "deepecho"}],
        "startsAt": STARTED_AT.isoformat(),
        "status": {"inhibitedBy": [], "silencedBy": [], "state": "active"},
        "updatedAt": STARTED_AT.isoformat(),
        "generatorURL": f"http://prometheus.example:9090/graph?g0.expr=rate%28errors%5B5m%5D%29+%3E+{number}&g0.tab=1",
        "labels": labels,
    }
