"""The report of a window: how long it took, what was hidden, and how the environment is compared with its begin. Pure."""

from domain.health import HealthLevel, HealthLine
from domain.maintenance.job_texts import outcome
from domain.maintenance.jobs import JobPurpose, JobState
from domain.maintenance.silence_texts import describe
from domain.maintenance.window import MaintenanceWindow, WindowNote, WindowState
from domain.rich_text import Code, Part, Sentence, Timestamp, sentence
from domain.text import format_duration

MAX_NAMED = 5
"""How many systems the report names."""
_GOOD_OR_BAD = (HealthLevel.GREEN, HealthLevel.YELLOW, HealthLevel.RED)


def needs_measurement(window: MaintenanceWindow) -> bool:
    """Whether the environment is to be measured now: as it was at the begin, or as the window has left it."""
    if window.state is WindowState.RUNNING:
        return window.health_before is None
    # What the catalogue names is not known yet, or the verification is not over.
    waits = window.planned_jobs is None or any(
        each.purpose is JobPurpose.VERIFICATION and not each.state.is_final for each in window.jobs
    )
    return window.state is WindowState.ENDED and window.health_after is None and not waits


def report(window: MaintenanceWindow) -> WindowNote:
    """What the thread says when the window is over and its environment was measured again."""
    over_at = window.over_at or window.ends_at
    planned, lasted = window.ends_at - window.starts_at, over_at - window.starts_at
    parts: list[Part | Sentence] = [f"Report: {window.work} took {format_duration(lasted)} of {format_duration(planned)}. "]
    hidden = tuple(dict.fromkeys(each.matchers for each in window.silences if each.id))
    for number, each in enumerate(hidden):
        parts += [", " if number else "Hidden: ", Code(describe(each))]
    parts += [". "] if hidden else []
    parts += [sentence(outcome(each), " ") for each in window.jobs]
    before, after = window.health_before, window.health_after or ()
    worse = () if before is None else worsened(before, after)
    if before is None:
        parts.append("It was not measured at its begin, so nothing can be compared. ")
    parts += _compared(after, worse) if before is not None else []
    measured = max((each.measured_at for each in after), default=over_at)
    parts += ["Measured ", Timestamp(measured), "."]
    has_failed = any(each.state is not JobState.DONE for each in window.jobs)
    warning = bool(worse) or before is None or has_failed
    return WindowNote(window_id=window.id, key="report", text=sentence(*parts), warning=warning)


def worsened(before: tuple[HealthLine, ...], after: tuple[HealthLine, ...]) -> tuple[tuple[HealthLine, HealthLine], ...]:
    """Each system that is worse than before, worst first. What is unknown on either side is no worse, and is said apart."""
    known = {each.system: each for each in before}
    pairs = [(known[each.system], each) for each in after if each.system in known]
    return tuple(
        (was, now)
        for was, now in pairs
        if was.level in _GOOD_OR_BAD and now.level in _GOOD_OR_BAD and now.level.rank < was.level.rank
    )


def _compared(after: tuple[HealthLine, ...], worse: tuple[tuple[HealthLine, HealthLine], ...]) -> list[Part | Sentence]:
    parts: list[Part | Sentence] = []
    for was, now in worse[:MAX_NAMED]:
        parts += [f"Worse: {now.system} was {was.level.value} and is {now.level.value}, ", now.text, ". "]
    if len(worse) > MAX_NAMED:
        parts.append(f"{len(worse) - MAX_NAMED} more are worse. ")
    unknown = [each.system for each in after if each.level is HealthLevel.UNKNOWN]
    if unknown:
        parts.append(f"Not known: {', '.join(unknown[:MAX_NAMED])}. ")
    return parts or ["Nothing is worse than at its begin. "]
