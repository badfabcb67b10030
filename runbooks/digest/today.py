"""What an environment's day brings: who is on call, windows, what waits for an approval, open follow-ups."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.catalogue.catalogue import Catalogue
from domain.maintenance.window import MaintenanceWindow, WindowState
from domain.oncall.schedule import next_change, on_call
from domain.operations.operation import State
from domain.rich_text import Text, Timestamp, join, sentence
from domain.text import join_and
from storage.incidents import IncidentRepository
from storage.maintenance import MaintenanceRepository
from storage.oncall import OncallRepository
from storage.store import Store, Transaction

AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TodayReader:
    """Reads what is known now of the day that begins."""

    store: Store
    catalogue: Callable[[], Catalogue]

    async def read(self, environment: str, at: datetime) -> tuple[Text, ...]:
        """Each part as a sentence. Incidents of security and rehearsals do not count."""
        async with self.store.read() as tx:
            windows = [
                each
                for each in await tx.of(MaintenanceRepository).open()
                if each.environment == environment and each.starts_at <= at + AHEAD
            ]
            operations = await tx.operations.requested_since(at, environment=environment)
            incidents = await tx.of(IncidentRepository).maybe_of(environment)
            duty = [await self._on_duty(tx, team, at) for team in self.catalogue().oncall]
        waiting = [each.id for each in operations if each.state is State.WAITING]
        shown = [each for each in incidents if not each.security and not each.is_test]
        tasks = sum(task.done is None for each in shown for task in each.tasks)
        planned: list[Text] = [f"waits for an approval: {join_and(waiting)}"] if waiting else []
        return (*duty, join(", ", [_window(each) for each in windows]) or "window: none", *planned, f"open follow-ups: {tasks}")

    async def _on_duty(self, tx: Transaction, team: str, at: datetime) -> Text:
        roster = await tx.of(OncallRepository).roster(self.catalogue(), team, at)
        now, until = on_call(roster, at), next_change(roster, at)
        who = f"on call for {team}: {join_and(now) or 'nobody'}"
        if until is None or until > at + AHEAD:
            return who
        return sentence(f"{who} until ", Timestamp(until), f", then {join_and(on_call(roster, until)) or 'nobody'}")


def _window(window: MaintenanceWindow) -> Text:
    waits = ", waits for a second person" if window.state is WindowState.WAITING else ""
    return sentence(
        f"window {window.id} ({window.work}) ",
        Timestamp(window.starts_at),
        " to ",
        Timestamp(window.ends_at, time_only=True),
        waits,
    )
