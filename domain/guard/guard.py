"""The guard of one deploy, from its verified end until its verdict and what followed. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from domain.catalogue.guard import GuardConfig, OnWorse
from domain.guard.comparison import Comparison
from domain.guard.verdict import Finding, Verdict, blames_service, judge, may_still_blame_service, overall
from domain.operations.operation import OperationRecord, State
from domain.operations.plans import Verb
from domain.rich_text import Code, Text, sentence

WORSE_CHECKS = 2
"""Checks in a row that have to find it worse before the bake time is over: one may have met a hiccup of a minute."""
SOURCE_PREFIX = "guard/"
"""Of the sources of operations that the guard starts: it does not guard them."""


_ENVIRONMENT_ONLY = "What is worse is measured for the whole environment, and may be the work of another service. "


class GuardState(StrEnum):
    """``PUTTING_BACK``: worse, and the old version is about to be put back. The last four are final."""

    BAKING = "baking"
    PUTTING_BACK = "putting back"
    ENDED = "ended"
    OFFERED = "offered"
    PUT_BACK = "put back"
    TAKEN_OVER = "taken over"

    @property
    def final(self) -> bool:
        """Whether the guard does nothing more."""
        return self not in (GuardState.BAKING, GuardState.PUTTING_BACK)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedService:
    """One deployed service: the templates that an exact way back begins and ends with, and the versions for people."""

    service: str
    deployed: str
    deployed_template: str
    previous: str
    previous_template: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """The record. Times are those of the clock; ``until`` is the end of the bake time."""

    operation: str
    environment: str
    channel: str
    services: tuple[GuardedService, ...]
    began_at: datetime
    until: datetime
    changed_at: datetime
    """When the deploy changed the first service: until then the earlier versions ran."""
    check_every: timedelta
    minimum_requests: int
    puts_back: bool
    state: GuardState = GuardState.BAKING
    comparisons: tuple[Comparison, ...] = ()
    checked_at: datetime | None = None
    worse_checks: int = 0
    """How many in a row found it worse."""
    blaming_checks: int = 0
    """How many in a row found a deployed service itself worse, and not the environment alone."""
    outcome: Text = ""
    """What followed, in words."""
    traces: tuple[Text, ...] = ()
    """Slow or failing traces of a deploy that is worse, a line each."""
    rollback: str = ""
    """The id of the operation that put the old version back."""

    @property
    def service_names(self) -> tuple[str, ...]:
        """The deployed services."""
        return tuple(each.service for each in self.services)

    @property
    def deployed(self) -> str:
        """The deployed versions."""
        return " and ".join(dict.fromkeys(each.deployed for each in self.services))

    @property
    def previous(self) -> str:
        """The versions that ran before."""
        return " and ".join(dict.fromkeys(each.previous for each in self.services))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What each objective says, by the last measurement."""
        return judge(self.comparisons, self.minimum_requests)

    @property
    def verdict(self) -> Verdict:
        """By the last measurement; before the end of the bake time it may change."""
        return overall(self.findings)

    @property
    def blames_service(self) -> bool:
        """Whether a deployed service itself is worse, by the last measurement."""
        return blames_service(self.comparisons, self.minimum_requests)

    def next_check(self, at: datetime) -> datetime:
        """When it is measured again; the last time at the end of the bake time."""
        return max(at, min(at + self.check_every, self.until))


def begin(record: OperationRecord, config: GuardConfig, at: datetime) -> Guard | None:
    """The guard of a deploy that was verified just now; None for anything else, and for what the guard itself started."""
    if record.verb is not Verb.DEPLOY or record.state is not State.SUCCEEDED or is_by_guard(record):
        return None
    services = tuple(
        GuardedService(
            service=change.target.service,
            deployed=change.after.label,
            deployed_template=record.progress_of(change.target.service).altered_template or change.after.template_hash,
            previous=change.before.label,
            previous_template=change.before.template_hash,
        )
        for change in record.plan.changes
        if change.before.template_hash != change.after.template_hash
    )
    if not services:
        return None
    return Guard(
        operation=record.id,
        environment=record.environment,
        channel=record.channel,
        services=services,
        began_at=record.ended_at or at,
        changed_at=min((each.started_at for each in record.progress if each.started_at), default=record.ended_at or at),
        until=(record.ended_at or at) + config.bake_time,
        check_every=config.check_every,
        minimum_requests=config.minimum_requests,
        puts_back=config.on_worse is OnWorse.PUT_BACK,
    )


def measure(guard: Guard, comparisons: tuple[Comparison, ...], at: datetime) -> Guard:
    """Apply a measurement. Worse twice in a row, or at the end of the bake time, is a verdict; the others come at its end."""
    measured = replace(guard, comparisons=comparisons, checked_at=at)
    is_same = {each.key: each.definition for each in guard.comparisons} == {each.key: each.definition for each in comparisons}
    measured = replace(
        measured,
        worse_checks=(guard.worse_checks * is_same + 1) * (measured.verdict is Verdict.WORSE),
        blaming_checks=(guard.blaming_checks * is_same + 1) * measured.blames_service,
    )
    is_over = at >= guard.until
    if measured.verdict is Verdict.WORSE and (is_over or measured.worse_checks >= WORSE_CHECKS):
        return _on_worse(measured, is_over=is_over)
    return replace(measured, state=GuardState.ENDED) if is_over else measured


def take_over(guard: Guard, record: OperationRecord) -> Guard | None:
    """End the guard because a person deploys or rolls back what it guards; None if this operation is no such thing.

    An offer ends, too: somebody has taken it, or something newer has come.
    """
    is_ours = record.id == guard.operation or is_by_guard(record)
    decides = record.verb in (Verb.DEPLOY, Verb.ROLLBACK) and not record.state.final
    concerns = record.environment == guard.environment and not set(record.plan.services).isdisjoint(guard.service_names)
    if (guard.state.final and guard.state is not GuardState.OFFERED) or is_ours or not decides or not concerns:
        return None
    who = sentence(record.requested_by, f" asked for a {record.verb.value} meanwhile (", Code(record.id), ")")
    return replace(guard, state=GuardState.TAKEN_OVER, outcome=sentence(who, ", so the guard has ended."))


def stop(guard: Guard, why: Text) -> Guard:
    """End it as a person said, or because nothing can be measured any more."""
    return replace(guard, state=GuardState.TAKEN_OVER, outcome=why)


def offer(guard: Guard, why: Text) -> Guard:
    """It is worse, and a person has to decide; ``why`` says why it was not put back."""
    return replace(guard, state=GuardState.OFFERED, outcome=why)


def put_back(guard: Guard, rollback: str) -> Guard:
    """The operation that puts the old version back was started."""
    return replace(
        guard,
        state=GuardState.PUT_BACK,
        rollback=rollback,
        outcome=sentence(f"{guard.previous} is being put back: ", Code(rollback), "."),
    )


def end_put_back(guard: Guard, record: OperationRecord) -> Guard | None:
    """Tell how the operation that puts back has ended; None for a guard that leaves it to people by now."""
    if guard.state not in (GuardState.PUTTING_BACK, GuardState.PUT_BACK):
        return None
    if record.state is State.SUCCEEDED:
        outcome = sentence("The guard put it back: ", Code(record.id), ". ", record.outcome)
        return replace(guard, state=GuardState.PUT_BACK, rollback=record.id, outcome=outcome)
    why = sentence("Putting back did not succeed (", Code(record.id), "): ", record.outcome)
    return replace(offer(guard, why), rollback="")


def is_by_guard(record: OperationRecord) -> bool:
    """Whether the guard itself started this operation."""
    return record.source.startswith(SOURCE_PREFIX)


def _on_worse(guard: Guard, *, is_over: bool) -> Guard:
    """Put it back where policy and evidence say so; wait where the evidence may still come; else leave it to people."""
    if not guard.puts_back:
        doubt = "" if guard.blames_service else _ENVIRONMENT_ONLY
        return offer(guard, f"{doubt}{guard.environment} leaves it to people. One tap puts {guard.previous} back.")
    if guard.blames_service and (is_over or guard.blaming_checks >= WORSE_CHECKS):
        return replace(guard, state=GuardState.PUTTING_BACK, outcome=f"{guard.previous} is about to be put back.")
    if not is_over and may_still_blame_service(guard.comparisons, guard.minimum_requests):
        return guard
    return offer(guard, f"{_ENVIRONMENT_ONLY}So it is offered to people. One tap puts {guard.previous} back.")
