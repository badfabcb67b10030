"""Killed with SIGKILL at every step of call, escalation and end: no page is lost, none is doubled."""

import asyncio
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from domain.paging.pages import PageRequest, PageState
from domain.severities import Severity
from storage.engines import open_engines
from storage.pages import PageRepository
from storage.store import Store
from tests.harness.crash_databases import FreshDatabases
from tests.harness.fakes.clock import NOW
from tests.harness.page_crash_child import SUBJECT

MIN_POINTS = 12
LANES = 2

pytestmark = pytest.mark.crash


async def run_child(database: str, folder: Path, die_at: int) -> int:
    arguments = ("-m", "tests.harness.page_crash_child", database, str(folder), str(die_at))
    with (folder / "log").open("ab") as log:
        child = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=log, stderr=log)
        return await asyncio.wait_for(child.wait(), 60)


async def tell(databases: FreshDatabases, name: str, die_at: int) -> tuple[Counter[str], list[str], int]:
    """What other systems accepted, the points that were passed, and how often the process died."""
    folder, database = databases.take(name)
    (folder / "trace").touch()
    (folder / "accepted").touch()
    store = Store(open_engines(database))
    async with store.write() as tx:
        request = PageRequest(subject=SUBJECT, severity=Severity.P1, team="platform", title="checkout is failing")
        await tx.of(PageRepository).request(request, NOW)
    codes = [await run_child(database, folder, die_at)]
    if codes[0] != 0:
        assert codes[0] == -signal.SIGKILL, (folder / "log").read_text()[-2000:]
        codes.append(await run_child(database, folder, 0))
    assert codes[-1] == 0, (folder / "log").read_text()[-2000:]
    async with store.read() as tx:
        (page,) = await tx.of(PageRepository).of_subject(SUBJECT)
    await store.close()
    assert page.state is PageState.ENDED
    accepted = Counter((folder / "accepted").read_text().splitlines())
    return accepted, (folder / "trace").read_text().splitlines(), len(codes) - 1


async def test_no_page_is_lost_and_none_doubled(databases: FreshDatabases) -> None:
    undisturbed, points, _ = await tell(databases, "undisturbed", 0)
    # PagerDuty counts what has one dedup key as one; the SMS has no such key, so that its own way must not repeat it.
    assert {line.split()[0] + " " + line.split()[1] for line in undisturbed} == {
        "pagerduty trigger",
        "pagerduty resolve",
        "sms trigger",
    }
    assert len(points) >= MIN_POINTS, points
    free = asyncio.Semaphore(LANES)

    async def problems_of(number: int) -> str:
        async with free:
            accepted, _, deaths = await tell(databases, f"point-{number}", number)
        called = [line for line in accepted if line.startswith(("sms", "email"))]
        lost = {line for line in undisturbed if line.startswith("pagerduty")} - set(accepted)
        doubled = [line for line in called if accepted[line] > 1]
        if deaths == 1 and not lost and not doubled and called:
            return ""
        return f"{points[number - 1]} (number {number}): {deaths} deaths, lost {lost}, doubled {doubled}, accepted {accepted}"

    found = await asyncio.gather(*(problems_of(number) for number in range(1, len(points) + 1)))
    print(f"{len(points)} kills, {sum(map(bool, found))} with losses or doubles")  # noqa: T201 -- the count is what it is for
    assert not any(found), "\n".join(filter(None, found))
