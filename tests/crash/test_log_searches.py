"""Killed in the middle of a search on a log server: the next process deletes it there, or the server does within a minute."""

import asyncio
import signal
import sys

import pytest

from runbooks.logs.server_lines import ABANDONED_AFTER
from sandbox.elasticsearch import Trouble
from storage.engines import open_engines
from storage.store import Store
from tests.harness.crash_databases import FreshDatabases
from tests.harness.fakes.clock import NOW, StoppedClock
from tests.harness.log_child import POINTS
from tests.harness.logs import open_log_server

pytestmark = pytest.mark.crash


async def test_wherever_the_process_dies_no_search_stays(databases: FreshDatabases) -> None:
    _, url = databases.take("searches")
    store, clock = Store(open_engines(url)), StoppedClock()
    async with open_log_server(store, clock) as harness:
        for point in POINTS:
            harness.server.state.trouble = Trouble(search_seconds=0.3)
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.harness.log_child", url, harness.server.url, NOW.isoformat(), point
            )
            assert await child.wait() == -signal.SIGKILL
            is_known = point != "started"
            assert (len(harness.server.state.searches), await harness.remembered()) == (point != "deleted", is_known)
            clock.advance(ABANDONED_AFTER * 1.1)
            await harness.lines.sweep()
            assert await harness.remembered() == 0
            left = [each.expires_at - asyncio.get_running_loop().time() for each in harness.server.state.searches.values()]
            assert len(left) == (not is_known)
            assert all(seconds <= 60 for seconds in left), "the server itself forgets what nobody could remember"
            harness.server.state.searches.clear()
            clock.advance(-ABANDONED_AFTER * 1.1)
    await store.close()
