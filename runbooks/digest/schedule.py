"""Plans digests before they are due, and makes each once, however many replicas run and however often they restart."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime

from domain.catalogue.catalogue import Catalogue
from domain.catalogue.digest import DigestConfig
from domain.catalogue.zones import minutes_of
from domain.clock import Clock
from domain.digest.digest import greeting
from domain.digest.schedule import due_at, first_period, is_digest_day, period_after
from runbooks.digest.composing import DigestComposer
from storage.digest import DigestRepository, DigestState, PlannedDigest, digest_chart_message, digest_message
from storage.store import Store, Transaction
from storage.timers import Timer


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestSchedule:
    """A row is planned for the next period of each audience. Its timer is claimed by one replica, which makes the digest."""

    store: Store
    clock: Clock
    catalogue: Callable[[], Catalogue]
    composer: DigestComposer
    notify_outbox: Callable[[], None]

    async def plan(self) -> None:
        """Plan what is not planned, and move what the catalogue has moved."""
        for audience, config in self.catalogue().digests.items():
            async with self.store.read() as tx:
                latest = await tx.of(DigestRepository).latest(audience)
            if _is_planned(config, latest):
                continue
            async with self.store.write() as tx:
                await self._plan_next(tx, audience, config)

    async def run_due(self, timer: Timer, at: datetime) -> None:
        """Make a digest that is due: its message with its picture, its row and the plan of the next one are one transaction."""
        audience, _, day = timer.subject.rpartition("/")
        config, period = self.catalogue().digests.get(audience), date.fromisoformat(day)
        async with self.store.read() as tx:
            planned = await tx.of(DigestRepository).get(audience, period)
        if planned is None or planned.state is not DigestState.PLANNED or config is None:
            await self._give_up(planned, timer)
            return
        composed = await self.composer.compose(config.environment, period, at, audience)
        welcome = greeting(minutes_of(config.at) // 60)
        digest = replace(composed, audience=audience, channel=config.channel, due_at=planned.due_at, greeting=welcome)
        async with self.store.write() as tx:
            if await tx.of(DigestRepository).make(digest):
                for message in filter(None, (digest_message(digest), digest_chart_message(digest))):
                    await tx.put_message(message, at)
                await self._plan_next(tx, audience, config)
            await tx.timers.remove(timer.key, timer.due_at)
        self.notify_outbox()

    async def _give_up(self, planned: PlannedDigest | None, timer: Timer) -> None:
        """The timer is of a digest that was made, or whose audience is no longer in the catalogue."""
        async with self.store.write() as tx:
            if planned is not None:
                await tx.of(DigestRepository).forget(planned)
            await tx.timers.remove(timer.key, timer.due_at)

    async def _plan_next(self, tx: Transaction, audience: str, config: DigestConfig) -> None:
        digests, now = tx.of(DigestRepository), self.clock.now()
        latest = await digests.latest(audience)
        if latest is not None and latest.state is DigestState.PLANNED:
            if _is_planned(config, latest) or not await digests.forget(latest):
                return
            await tx.timers.remove(latest.timer.key)
            latest = await digests.latest(audience)
        period = period_after(config, latest.period, now) if latest else first_period(config, now)
        planned = PlannedDigest(audience=audience, period=period, environment=config.environment, due_at=due_at(config, period))
        if await digests.plan(planned):
            await tx.timers.set(planned.timer)


def _is_planned(config: DigestConfig, latest: PlannedDigest | None) -> bool:
    """Whether the next one is planned as the catalogue has it."""
    if latest is None or latest.state is not DigestState.PLANNED:
        return False
    return is_digest_day(config, latest.period) and due_at(config, latest.period) == latest.due_at
