"""The verdict on a deploy. No data and few requests never make it worse: then it cannot be told. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.guard.comparison import Comparison
from domain.metrics.chart_text import format_number
from domain.metrics.slo import Reading
from domain.rich_text import Text, join, sentence

WORSE_FACTOR = 1.5
"""How much worse than the worst of before a value has to be. Two hours of the same day differ by less."""


class Verdict(StrEnum):
    """What the guard says of a deploy."""

    WELL = "well"
    WORSE = "worse"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one objective, and the numbers or the reason."""

    verdict: Verdict
    text: Text


def judge(comparisons: Sequence[Comparison], minimum_requests: int) -> tuple[Finding, ...]:
    """What each objective says, worst first. What nothing measures here is left out, unless nothing measures anything."""
    measured = [each for each in comparisons if not each.is_unmeasured] or comparisons
    order = (Verdict.WORSE, Verdict.CANNOT_TELL, Verdict.WELL)
    return tuple(sorted((_finding(each, minimum_requests) for each in measured), key=lambda found: order.index(found.verdict)))


def verdict_on(comparison: Comparison, minimum_requests: int) -> Verdict:
    """What one objective says."""
    return _finding(comparison, minimum_requests).verdict


def blames_service(comparisons: Iterable[Comparison], minimum_requests: int) -> bool:
    """Whether a deployed service itself does worse. What the whole environment does may be the work of another service."""
    return any(each.service and verdict_on(each, minimum_requests) is Verdict.WORSE for each in comparisons)


def may_still_blame_service(comparisons: Iterable[Comparison], minimum_requests: int) -> bool:
    """Whether a deployed service itself does worse, or may yet be found to, because it cannot be told so far."""
    return any(each.service and verdict_on(each, minimum_requests) is not Verdict.WELL for each in comparisons)


def overall(findings: Iterable[Finding]) -> Verdict:
    """Worse if one is; well if all are; else it cannot be told."""
    verdicts = {each.verdict for each in findings}
    if Verdict.WORSE in verdicts:
        return Verdict.WORSE
    return Verdict.WELL if verdicts == {Verdict.WELL} else Verdict.CANNOT_TELL


def reason(findings: Sequence[Finding]) -> Text:
    """What decided the verdict, without its word."""
    verdict = overall(findings)
    return join("; ", [each.text for each in findings if each.verdict is verdict])


def explain(findings: Sequence[Finding]) -> Text:
    """``worse: errors 6.1 % (hour before 0.3 %, yesterday no data, …)``: the verdict with what decided it."""
    return sentence(f"{overall(findings).value}: ", reason(findings) if findings else "nothing is measured")


def needed_for_worse(comparisons: Iterable[Comparison]) -> str:
    """What would have been worse, so that people can judge the judge."""
    limits = [f"{each.name} at {each.number(each.limit)} or {'more' if each.is_upper else 'less'}" for each in comparisons]
    return f"Worse would be {' or '.join(limits)}, and {WORSE_FACTOR:g} times as bad as at every time before." if limits else ""


def _finding(comparison: Comparison, minimum_requests: int) -> Finding:
    now = comparison.now
    if now.problem:
        return Finding(Verdict.CANNOT_TELL, sentence(f"{comparison.name}: ", now.problem))
    if now.series > 1:
        return Finding(Verdict.CANNOT_TELL, f"{comparison.name}: the expression has {now.series:,} values, and one is needed")
    if now.requests is None:
        return Finding(Verdict.CANNOT_TELL, f"{comparison.name}: the number of requests is not known")
    if now.requests < minimum_requests:
        return Finding(Verdict.CANNOT_TELL, f"{comparison.name}: {_requests(now)}, {minimum_requests:,} are needed")
    if now.value is None:
        return Finding(Verdict.CANNOT_TELL, f"{comparison.name}: no data")
    verdict, reason = _compare(comparison, now.value, minimum_requests)
    return Finding(verdict, f"{comparison.name} {comparison.number(now.value)}{reason} ({_evidence(comparison)})")


def _compare(comparison: Comparison, value: float, minimum_requests: int) -> tuple[Verdict, str]:
    if not comparison.is_beyond_limit(value):
        return Verdict.WELL, ""
    known = [each.value for _, each in comparison.before.named() if each.value is not None and _counts(each, minimum_requests)]
    if not known:
        return Verdict.CANNOT_TELL, " is beyond its limit, and nothing before can be compared with it"
    if _is_much_worse(comparison, value, max(known) if comparison.is_upper else min(known)):
        # Only the hour before tells what the deploy changed: a week ago other things were different, too.
        if _counts(comparison.before.hour_before, minimum_requests) and comparison.before.hour_before.value is not None:
            return Verdict.WORSE, ""
        return Verdict.CANNOT_TELL, " is beyond its limit, and the hour before is not known"
    if any(comparison.is_beyond_limit(each) for each in known):
        return Verdict.WELL, " is beyond its limit as it was before"
    return Verdict.CANNOT_TELL, f" is beyond its limit, and not {WORSE_FACTOR:g} times as bad as before"


def _is_much_worse(comparison: Comparison, value: float, worst_before: float) -> bool:
    """Whether it is worse by ``WORSE_FACTOR`` than the worst of before. Shares of 100 % are compared by what is missing."""
    if comparison.is_upper:
        return value > worst_before + (WORSE_FACTOR - 1) * abs(worst_before)
    if comparison.unit == "%":
        return 100 - value > WORSE_FACTOR * max(100 - worst_before, 0.0)
    return value < worst_before - (1 - 1 / WORSE_FACTOR) * abs(worst_before)


def _counts(reading: Reading, minimum_requests: int) -> bool:
    """Whether a time before was read whole, and had enough requests to be compared with."""
    return not reading.problem and reading.requests is not None and reading.requests >= minimum_requests


def _evidence(comparison: Comparison) -> str:
    before = [
        f"{name} {'no data' if each.value is None else format_number(each.value)}" for name, each in comparison.before.named()
    ]
    return f"{', '.join(before)}; {_requests(comparison.now)}"


def _requests(reading: Reading) -> str:
    count = round(reading.requests or 0)
    return "1 request" if count == 1 else f"{count:,} requests"
