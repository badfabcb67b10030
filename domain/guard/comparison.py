"""What the deploy guard compares: an objective's indicator since the deploy, and at three times before. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.metrics.slo import Reading, with_unit

BASELINE_SPAN = timedelta(hours=1)


NOTHING = Reading()


@dataclass(frozen=True, slots=True)
class Baselines:
    """The same indicator before the deploy: the hour before, and the same hour a day and a week before."""

    hour_before: Reading = NOTHING
    yesterday: Reading = NOTHING
    last_week: Reading = NOTHING

    def named(self) -> Iterator[tuple[str, Reading]]:
        """Each with its name for people."""
        yield from (("hour before", self.hour_before), ("yesterday", self.yesterday), ("last week", self.last_week))


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One objective. ``service`` is empty where the objective is about the whole environment."""

    objective: str
    service: str = ""
    unit: str
    limit: float
    is_upper: bool
    """Whether the value has to stay below the limit."""
    now: Reading
    before: Baselines = Baselines()
    definition: str = ""
    """What exactly was measured, and where: another definition is another indicator, and is not compared with this one."""

    @property
    def key(self) -> tuple[str, str]:
        """The objective and the service."""
        return self.objective, self.service

    @property
    def name(self) -> str:
        """``errors of web``, ``errors of the environment``."""
        return f"{self.objective} of {self.service or 'the environment'}"

    @property
    def is_unmeasured(self) -> bool:
        """Whether nothing ever measured it here: then it says nothing about a deploy. No requests at all are a measurement."""
        return all(each == NOTHING for each in (self.now, *(found for _, found in self.before.named())))

    def is_beyond_limit(self, value: float) -> bool:
        """Whether a value breaks the objective."""
        return value >= self.limit if self.is_upper else value <= self.limit

    def number(self, value: float) -> str:
        """``6.1 %``, ``900/min``, ``2.1 s``."""
        return with_unit(value, self.unit)


def baseline_ends(changed_at: datetime, began_at: datetime) -> tuple[datetime, datetime, datetime]:
    """The ends of the three times, each ``BASELINE_SPAN`` long, in the order of ``Baselines``.

    The hour before the deploy changed anything, so that a slow rollout of a bad version is no excuse for it. And the hour that
    begins at the same time as the bake time, a day and a week before: traffic follows the clock and the week.
    """
    return changed_at, began_at - timedelta(days=1) + BASELINE_SPAN, began_at - timedelta(weeks=1) + BASELINE_SPAN
