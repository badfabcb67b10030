"""Measures the environment of a window when it begins and after it has ended, and reports."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from domain.clock import Clock
from domain.health import HealthLevel, HealthLine
from domain.maintenance.report import needs_measurement, report
from domain.maintenance.window import MaintenanceWindow, WindowState
from domain.rich_text import Timestamp, sentence
from storage.maintenance import MaintenanceRepository, window_note
from storage.store import Store
from storage.timers import Timer

Measure = Callable[[str], Awaitable[tuple[HealthLine, ...]]]
"""Measures an environment, within seconds."""


@dataclass(frozen=True, slots=True)
class WindowHealth:
    """Keeps both measurements in the record of the window."""

    store: Store
    clock: Clock
    measure: Measure
    notify_outbox: Callable[[], None]

    async def work(self, timer: Timer) -> None:
        """Measure for the state that the window is in. A replay after a crash measures anew, or finds it done."""
        async with self.store.read() as tx:
            window = await tx.of(MaintenanceRepository).get(timer.subject)
        lines: tuple[HealthLine, ...] = ()
        if window is not None and needs_measurement(window):
            lines = tuple(replace(each, series=()) for each in await self.measure(window.environment))
        async with self.store.write() as tx:
            await tx.timers.remove(timer.key, timer.due_at)
            now = await tx.of(MaintenanceRepository).get(timer.subject)
            # A window that ended meanwhile has set the timer anew: this measurement is of neither side.
            if window is None or now is None or now.state is not window.state or not needs_measurement(now):
                return
            measured = _with_lines(now, lines)
            await tx.of(MaintenanceRepository).save(measured)
            if measured.state is WindowState.ENDED:
                await tx.put_message(window_note(measured, report(measured)), self.clock.now())
        self.notify_outbox()


def _with_lines(window: MaintenanceWindow, lines: tuple[HealthLine, ...]) -> MaintenanceWindow:
    if window.state is WindowState.RUNNING:
        return replace(window, health_before=lines)
    return replace(window, health_after=lines)


@dataclass(frozen=True, slots=True)
class WindowCheck:
    """The line of health about a window that freezes an environment."""

    store: Store
    clock: Clock

    async def check(self, environment: str) -> tuple[HealthLine, ...]:
        """Nothing where no window runs. One that is over its time is yellow: somebody has to end it."""
        at = self.clock.now()
        async with self.store.read() as tx:
            window = await tx.of(MaintenanceRepository).freeze(environment, at)
        if window is None:
            return ()
        is_late = at >= window.ends_at
        over = " is over its time, and" if is_late else ""
        text = sentence(f"{window.id}{over} freezes deploys until ", Timestamp(window.frozen_until), f": {window.work}")
        level = HealthLevel.YELLOW if is_late else HealthLevel.GREEN
        command = f"maintenance show {window.id}"
        return (HealthLine(system="maintenance", level=level, text=text, measured_at=at, commands=(command,)),)
