"""Killed at every point of writing and of closing an annotation: there is one, and it ends when what it shows has ended."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from domain.dashboards.annotations import Annotation, StoredAnnotation
from integrations.grafana import Grafana, open_grafana
from sandbox.grafana.server import GRAFANA_TOKEN
from storage.annotations import ANNOTATE
from storage.engines import open_engines
from storage.migrate import migrate
from storage.store import Store
from tests.harness.annotation_child import STEPS, run_child
from tests.harness.annotations import BEGIN, END, AnnotationReplica
from tests.harness.fakes.clock import StoppedClock
from tests.harness.grafana_server import running_grafana

pytestmark = pytest.mark.crash

CLAIM_EXPIRED, APART = timedelta(seconds=61), timedelta(minutes=5)
MIN_POINTS, MAX_POINTS = 12, 40


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with running_grafana() as found:
        yield found


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres").create_migrated())
    file = f"sqlite:///{tmp_path / 'deepecho.sqlite'}"
    asyncio.run(migrate(file))
    return file


@asynccontextmanager
async def next_replica(url: str, address: str, at: datetime) -> AsyncIterator[tuple[AnnotationReplica, Grafana]]:
    """Whoever comes next, once the claims of the dead one have expired."""
    store = Store(open_engines(url))
    async with open_grafana(address, GRAFANA_TOKEN) as grafana:
        yield AnnotationReplica(store, StoppedClock(at + CLAIM_EXPIRED), grafana, "next"), grafana
    await store.close()


async def marks_of(grafana: Grafana, subject: str) -> list[StoredAnnotation]:
    """All of the subject, whenever they lie."""
    shown = Annotation(subject=subject, environment="production", kind="incident", text="", since=BEGIN, until=END)
    return list(await grafana.annotations_of(shown))


async def recover(url: str, address: str, subject: str, at: datetime) -> str:
    """What the next process finds. Its first tick makes that true in Grafana; then it tells the story to its end."""
    async with next_replica(url, address, at) as (replica, grafana):
        await replica.write_due()
        until = await replica.ends_at(subject)
        marks = await marks_of(grafana, subject)
        assert [(each.since, each.until) for each in marks] == [(BEGIN, until)] * (until is not None)
        for _ in range(STEPS):
            await replica.tell(subject)
            await replica.write_due()
        (mark,) = await marks_of(grafana, subject)
        assert (mark.since, mark.until) == (BEGIN, END)
        assert ANNOTATE not in await replica.forget_timers()
        return {None: "nothing", BEGIN: "begun", END: "ended"}[until]


@pytest.mark.parametrize("kind", ["op", "inc"])
def test_wherever_the_process_dies_there_is_one_annotation_with_the_right_end(url: str, address: str, kind: str) -> None:
    found: Counter[str] = Counter()
    for number in range(1, MAX_POINTS):
        subject = f"{kind}-{url[:6]}{number}".replace(":", "")
        at = END + number * APART
        was_killed = run_child(url, address, subject, at, number)
        found[asyncio.run(recover(url, address, subject, at))] += 1
        if not was_killed:
            break
    assert MIN_POINTS < found.total() < MAX_POINTS - 1
    assert min(found["nothing"], found["begun"], found["ended"]) >= 1, found
