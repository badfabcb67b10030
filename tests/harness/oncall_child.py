"""A process that does one thing to the rota, and kills itself before one of its statements."""

import asyncio
import os
import signal
import sys
from datetime import datetime
from typing import Any

from sqlalchemy import event

from storage.engines import open_engines
from storage.store import Store
from tests.harness.fakes.clock import StoppedClock
from tests.harness.oncall import OncallHarness


def die_before(statement_number: int, store: Store) -> None:
    """SIGKILL right before this statement of the process, counted from 1, is sent."""
    left = [statement_number]

    def before_statement(*_: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    for engine in (store.engines.write, store.engines.read):
        event.listen(engine.sync_engine, "before_cursor_execute", before_statement)


async def act(url: str, what: str, at: datetime, statement_number: int) -> None:
    store = Store(open_engines(url))
    oncall = OncallHarness(store, clock=StoppedClock(at), replica="child")
    die_before(statement_number, store)
    if what == "take":
        await oncall.service.take(oncall.request("lee"), "platform", "primary")
    else:
        await oncall.tick()
    await store.close()


if __name__ == "__main__":
    _, url_text, what_text, at_text, number_text = sys.argv
    asyncio.run(act(url_text, what_text, datetime.fromisoformat(at_text), int(number_text)))
