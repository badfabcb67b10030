"""A process that tells the story of one annotation from its begin to its end, and kills itself at one of its points.

A point is before each commit, and before and after each request to Grafana. A death within a transaction is one before its
commit: none of it is there.
"""

from datetime import datetime

from sqlalchemy import event

from integrations.grafana import open_grafana
from sandbox.grafana.server import GRAFANA_TOKEN
from storage.engines import open_engines
from storage.store import Store
from tests.harness.annotations import AnnotationReplica
from tests.harness.fakes.clock import StoppedClock
from tests.harness.maintenance_child import MortalClient, countdown, is_killed

STEPS = 3
"""Of the longest story."""


def run_child(url: str, address: str, subject: str, at: datetime, die_at: int) -> bool:
    """Whether it was killed."""

    async def tell_all() -> None:
        store, pass_point = Store(open_engines(url)), countdown(die_at)
        async with open_grafana(address, GRAFANA_TOKEN) as grafana:
            replica = AnnotationReplica(store, StoppedClock(at), MortalClient(grafana, pass_point), "child")
            event.listen(store.engines.write.sync_engine, "commit", pass_point)
            for _ in range(STEPS):
                await replica.tell(subject)
                await replica.write_due()
        await store.close()

    return is_killed(tell_all)
