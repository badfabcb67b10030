"""What PagerDuty says about its schedules: who is on call when, as it was read last."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RemoteShift:
    """Somebody is on call in a layer from ``starts`` until ``ends``. ``person`` is a name of the catalogue.

    ``known_as`` is how PagerDuty names a person who is not in the catalogue; then ``person`` is empty.
    """

    layer: str
    starts: datetime
    ends: datetime
    person: str
    known_as: str = ""


@dataclass(frozen=True, slots=True)
class RemoteSchedule:
    """All shifts until ``complete_until``, as they were read at ``read_at``, which is None if that never succeeded.

    ``problem`` is why the last attempt failed for good; the shifts are those of the last one that succeeded.
    """

    shifts: tuple[RemoteShift, ...] = field(default=())
    read_at: datetime | None = None
    complete_until: datetime | None = None
    problem: str = ""

    def on_call(self, layer: str, at: datetime) -> tuple[str, ...]:
        """Who is on call in a layer. Several people may be, and nobody."""
        names = (each.person or each.known_as for each in self.shifts if each.layer == layer and each.starts <= at < each.ends)
        return tuple(sorted(set(names)))

    def edges(self) -> Iterable[datetime]:
        """The instants at which a shift begins or ends, in order."""
        return sorted({edge for each in self.shifts for edge in (each.starts, each.ends)})
