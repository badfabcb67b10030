"""Replicas that plan and make digests, with moved time, and what they have put into the outbox."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from domain.catalogue.catalogue import Catalogue
from domain.catalogue.digest import DigestConfig
from domain.digest.digest import Digest
from domain.health import HealthCheck, HealthLevel, HealthLine
from runbooks.digest.composing import DigestComposer
from runbooks.digest.measuring import HealthReader, HealthSources
from runbooks.digest.schedule import DigestSchedule
from runbooks.digest.today import TodayReader
from runbooks.timers import TimerDispatcher
from storage.digest import DIGEST, DIGEST_TIMER
from storage.store import Store
from storage.tables.core import outbox
from tests.harness.fakes.clock import StoppedClock
from tests.harness.samples.team import team_catalogue


class KilledError(BaseException):
    """The process ends while it measures."""


def digest_config(zone: str, at: str, **more: Any) -> DigestConfig:
    return DigestConfig(environment="production", channel="C0OPS", zone=zone, at=at, **more)


EVERY_DAY = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass
class DigestReplicas:
    """Replicas that share a database and a clock. ``kills`` is how many of the next measurements end their process."""

    stores: tuple[Store, ...]
    clock: StoppedClock
    catalogue: Catalogue
    kills: int = 0
    killed: int = 0
    restarts: int = 0
    value: float = 1.0
    running: list[tuple[DigestSchedule, TimerDispatcher]] = field(default_factory=list)

    async def measure(self, _environment: str) -> tuple[HealthLine, ...]:
        if self.kills:
            self.kills -= 1
            self.killed += 1
            raise KilledError
        at = self.clock.now()
        return (HealthLine(system="errors", level=HealthLevel.GREEN, text="few", measured_at=at, value=self.value, unit="%"),)

    def start(self, number: int) -> tuple[DigestSchedule, TimerDispatcher]:
        store, self.restarts = self.stores[number], self.restarts + 1
        sources = HealthSources(checks=[HealthCheck(name="errors", run=self.measure)])
        schedule = DigestSchedule(
            store=store,
            clock=self.clock,
            catalogue=lambda: self.catalogue,
            composer=DigestComposer(
                store=store,
                reader=HealthReader(sources, self.clock),
                today=TodayReader(store=store, catalogue=lambda: self.catalogue),
            ),
            notify_outbox=lambda: None,
        )
        name = f"replica-{number}-{self.restarts}"
        handlers = {DIGEST_TIMER: lambda timer, _at: schedule.work(timer)}
        return schedule, TimerDispatcher(store=store, clock=self.clock, replica=name, handlers=handlers)

    def restart(self, number: int) -> None:
        self.running[number] = self.start(number)

    async def tick(self) -> None:
        """Every replica plans and runs what is due, at once; who is killed is started again."""
        ended = await asyncio.gather(*(_run(*each) for each in self.running), return_exceptions=True)
        for number, error in enumerate(ended):
            if isinstance(error, KilledError):
                self.restart(number)
            elif error is not None:
                raise error

    async def digests(self) -> list[Digest]:
        """What is in the outbox, in its order."""
        async with self.stores[0].engines.read.connect() as connection:
            rows = await connection.execute(select(outbox.c.fact).where(outbox.c.kind == DIGEST.name).order_by(outbox.c.id))
            return [DIGEST.load(text) for text in rows.scalars()]


async def _run(schedule: DigestSchedule, timers: TimerDispatcher) -> None:
    await schedule.plan()
    await timers.run_due()


def replicas_of(*stores: Store, now: datetime, digests: dict[str, DigestConfig]) -> DigestReplicas:
    catalogue = team_catalogue().model_copy(update={"digests": digests})
    found = DigestReplicas(stores, StoppedClock(now), catalogue)
    found.running = [found.start(number) for number in range(len(stores))]
    return found
