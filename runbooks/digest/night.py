"""What a night left behind that the house itself knows: locks, overrides, post-mortems, follow-ups, alerts that woke somebody."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from domain.catalogue.catalogue import Catalogue
from domain.changes.own_changes import change_from_operation
from domain.digest.flapping import WEEK, flapped_alerts
from domain.health import LeftByNight, NightSource
from domain.incidents.incident import ClockKind, Incident
from domain.operations.locks import LockRecord, describe_lock
from domain.rich_text import Timestamp, sentence
from storage.incidents import IncidentRepository
from storage.oncall import OncallRepository
from storage.pages import PageRepository
from storage.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseNight:
    """What the sources read."""

    store: Store
    catalogue: Callable[[], Catalogue]

    def all(self) -> tuple[NightSource, ...]:
        """Every source of this module."""
        sources = {"locks": self.locks, "overrides": self.overrides, "incidents": self.incidents, "flapping alerts": self.flapped}
        return tuple(NightSource(name=name, find=find) for name, find in sources.items())

    async def locks(self, environment: str, _since: datetime, until: datetime) -> tuple[LeftByNight, ...]:
        """Locks of persons and freezes that still hold."""
        async with self.store.read() as tx:
            locks = await tx.locks.active(until)
        held = [each for each in locks if each.environment == environment and not each.operation]
        return tuple(_left_lock(each) for each in held)

    async def overrides(self, _environment: str, _since: datetime, until: datetime) -> tuple[LeftByNight, ...]:
        """Overrides of on-call that hold now, whenever they were made."""
        async with self.store.read() as tx:
            repository = tx.of(OncallRepository)
            found = [each for team in self.catalogue().oncall for each in await repository.overrides(team, until)]
        holding = [each for each in found if each.starts <= until < each.ends]
        return tuple(
            LeftByNight(
                text=sentence(f"{each.person} is on call for {each.team} by an override until ", Timestamp(each.ends)),
                command=f"oncall undo {each.id}",
                label="Undo",
            )
            for each in holding
        )

    async def incidents(self, environment: str, _since: datetime, _until: datetime) -> tuple[LeftByNight, ...]:
        """Post-mortems that are due and tasks that are open, of incidents that are not closed."""
        async with self.store.read() as tx:
            found = await tx.of(IncidentRepository).maybe_of(environment)
        shown = [each for each in found if not each.security and not each.is_test]
        return tuple(item for incident in shown for item in _left_by(incident))

    async def flapped(self, environment: str, since: datetime, until: datetime) -> tuple[LeftByNight, ...]:
        """Alerts that flapped and woke somebody, with the week before beside them."""
        async with self.store.read() as tx:
            groups = await tx.alerts.active_since(environment, since - WEEK)
            pages = await tx.of(PageRepository).requested_between(since - WEEK, until)
            operations = await tx.operations.ended_since(since, environment=environment)
        changes = [change for each in operations if (change := change_from_operation(each)) is not None]
        return tuple(
            LeftByNight(text=each.text, command=f"incident show {each.incident}", label="Incident")
            for each in flapped_alerts(groups, pages, since, until, changes)
        )


def _left_lock(lock: LockRecord) -> LeftByNight:
    if lock.window:
        return LeftByNight(text=describe_lock(lock), command=f"maintenance end {lock.window}", label="End")
    return LeftByNight(text=describe_lock(lock), command=f"unlock {lock.environment}", label="Unlock")


def _left_by(incident: Incident) -> list[LeftByNight]:
    left = [
        LeftByNight(
            text=sentence(f"the post-mortem of {incident.id} ({incident.title}) is due ", Timestamp(clock.deadline)),
            command=f"incident postmortem {incident.id}",
            label="Post-mortem",
        )
        for clock in incident.clocks
        if clock.kind is ClockKind.POSTMORTEM
    ]
    tasks = [task.text for task in incident.tasks if task.done is None]
    if tasks:
        text = f"{incident.id} has {len(tasks)} open follow-ups, the first: {tasks[0]}"
        left.append(LeftByNight(text=text, command=f"incident show {incident.id}", label="Show"))
    return left
