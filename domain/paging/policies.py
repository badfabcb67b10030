"""Paging policies: who is called in which order, by which ways, and how long until the next call."""

from dataclasses import dataclass
from datetime import timedelta

from domain.catalogue.paging import PagePolicyConfig


@dataclass(frozen=True, slots=True)
class WayName:
    """A way as a policy names it. ``service``: the PagerDuty service or webhook after the colon of ``pagerduty:payments``."""

    way: str
    service: str = ""

    def __str__(self) -> str:
        return f"{self.way}:{self.service}" if self.service else self.way


def parse_way(text: str) -> WayName:
    """Parse ``sms`` or ``pagerduty:payments``."""
    way, _, service = text.partition(":")
    return WayName(way, service)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageStep:
    """One step: ``whom`` is called ``tries`` times, ``wait`` apart, then the next step begins.

    ``whom`` has words such as ``oncall``, ``layer:backup``, ``lead``, ``person:lee``, ``everybody``. Each person is called by the
    first ``at_once`` of ``ways``; each way that fails is replaced by the next one at once.
    """

    whom: tuple[str, ...]
    ways: tuple[WayName, ...]
    at_once: int = 1
    wait: timedelta = timedelta(minutes=5)
    tries: int = 1
    everybody_confirms: bool = False


@dataclass(frozen=True, slots=True)
class PagePolicy:
    """The steps of one severity, gone through ``rounds`` times."""

    steps: tuple[PageStep, ...]
    rounds: int = 1

    @property
    def calls(self) -> int:
        """The number of calls until nobody is left to call."""
        return sum(step.tries for step in self.steps) * self.rounds

    def step_of(self, call: int) -> PageStep:
        """The step to which a call belongs; calls are counted from 0."""
        return self.steps[self._step_number(call)]

    def first_call_of_next_step(self, call: int) -> int | None:
        """The first call of the step after this call's; None if it is the last one of its round."""
        number, per_round = self._step_number(call), self.calls // self.rounds
        if number + 1 == len(self.steps):
            return None
        return call - call % per_round + sum(step.tries for step in self.steps[: number + 1])

    def _step_number(self, call: int) -> int:
        rest = call % (self.calls // self.rounds)
        for number, step in enumerate(self.steps):
            if rest < step.tries:
                return number
            rest -= step.tries
        raise IndexError(call)


def policy_from(config: PagePolicyConfig) -> PagePolicy:
    """The policy that the catalogue describes."""
    steps = tuple(
        PageStep(
            whom=step.whom,
            ways=tuple(map(parse_way, step.ways)),
            at_once=step.at_once,
            wait=step.wait,
            tries=step.tries,
            everybody_confirms=step.everybody_confirms,
        )
        for step in config.steps
    )
    return PagePolicy(steps, config.rounds)
