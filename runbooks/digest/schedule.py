"""Plans digests before they are due, and makes each once, however many replicas run and however often they restart."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime

from domain.catalogue.catalogue import Catalogue
from domain.catalogue.digest import DigestConfig
from domain.catalogue.zones import minutes_of
from domain.clock import Clock
from domain.digest.digest import greeting
from domain.digest.schedule import CATCH_UP, due_at, is_digest_day, next_period, period_after
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
                rows = await self._rows(tx, audience)
            if not self._is_planned(config, *rows):
                async with self.store.write() as tx:
                    await self._plan(tx, audience, config)

    async def work(self, timer: Timer) -> None:
        """Make a digest that is due: its message with its picture, its row and the plan of the next one are one transaction."""
        audience, _, day = timer.subject.rpartition("/")
        config, period, at = self.catalogue().digests.get(audience), date.fromisoformat(day), self.clock.now()
        async with self.store.read() as tx:
            planned = await tx.of(DigestRepository).get(audience, period)
        if planned is None or planned.state is not DigestState.PLANNED or config is None or not _is_wanted(config, planned, at):
            await self._leave_out(timer, planned, config)
            return
        composed = await self.composer.compose(config.environment, period, at, audience)
        welcome = greeting(minutes_of(config.at) // 60)
        digest = replace(composed, audience=audience, channel=config.channel, due_at=planned.due_at, greeting=welcome)
        async with self.store.write() as tx:
            if await tx.of(DigestRepository).make(digest):
                for message in filter(None, (digest_message(digest), digest_chart_message(digest))):
                    await tx.put_message(message, at)
                await self._add(tx, audience, config, period_after(config, period, at))
            await tx.timers.remove(timer.key, timer.due_at)
        self.notify_outbox()

    async def _leave_out(self, timer: Timer, planned: PlannedDigest | None, config: DigestConfig | None) -> None:
        """It was made before, or is of another day or audience than the catalogue has by now, or nobody needs it any more."""
        async with self.store.write() as tx:
            if planned is not None and await tx.of(DigestRepository).forget(planned) and config is not None:
                await self._add(tx, planned.audience, config, period_after(config, planned.period, self.clock.now()))
            await tx.timers.remove(timer.key, timer.due_at)

    async def _plan(self, tx: Transaction, audience: str, config: DigestConfig) -> None:
        latest, made = await self._rows(tx, audience)
        if self._is_planned(config, latest, made):
            return
        moved = latest.period if latest is not None and latest.state is DigestState.PLANNED else None
        if latest is not None and moved is not None:
            if not await tx.of(DigestRepository).forget(latest):
                return
            await tx.timers.remove(latest.timer.key)
        await self._add(tx, audience, config, next_period(config, self.clock.now(), made.period if made else None, moved))

    async def _add(self, tx: Transaction, audience: str, config: DigestConfig, period: date) -> None:
        planned = PlannedDigest(audience=audience, period=period, environment=config.environment, due_at=due_at(config, period))
        if await tx.of(DigestRepository).plan(planned):
            await tx.timers.set(planned.timer)

    async def _rows(self, tx: Transaction, audience: str) -> tuple[PlannedDigest | None, PlannedDigest | None]:
        """The last row of an audience, and the last one that was made."""
        digests = tx.of(DigestRepository)
        return await digests.latest(audience), await digests.last_made(audience)

    def _is_planned(self, config: DigestConfig, latest: PlannedDigest | None, made: PlannedDigest | None) -> bool:
        """Whether the next one is planned as the catalogue has it. One that is overdue is left to its timer."""
        if latest is None or latest.state is not DigestState.PLANNED:
            return False
        now = self.clock.now()
        period = next_period(config, now, made.period if made else None, latest.period)
        return latest.due_at <= now or (period == latest.period and due_at(config, period) == latest.due_at)


def _is_wanted(config: DigestConfig, planned: PlannedDigest, at: datetime) -> bool:
    """Whether the catalogue still has a digest on its day, and it is not too late for it."""
    return is_digest_day(config, planned.period) and planned.due_at >= at - CATCH_UP
