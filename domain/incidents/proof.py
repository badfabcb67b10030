"""The proof at the end of the watch: what is shown to be over, what is not, and what nobody could tell. Pure.

Missing data, a question without an answer and a rule that nobody can measure are never counted as recovery.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.incidents.incident import ClockKind, Incident
from domain.rich_text import Text, Timestamp, join, sentence
from domain.text import format_duration

MAX_LINES_PER_PART = 5
"""Alerts, silences or services that are named one by one. The rest is counted."""
MAX_BRIEFS = 4
"""How many of each finding the headline names."""

_EXPECTED_CLOCKS = frozenset({ClockKind.WATCH, ClockKind.POSTMORTEM, ClockKind.ARCHIVE})
"""Clocks that run after the resolution. All others wait for people who work on it."""


class Finding(StrEnum):
    """What a look at one thing has shown."""

    REFUTED = "refuted"
    """It is not over, or not as it should be."""
    UNKNOWN = "unknown"
    SHOWN = "shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One finding. ``brief`` is for the headline: a clause, or only the subject where nothing could be shown; may be empty.

    ``may_pass``: another look soon may find otherwise, because something did not answer or is settling.
    """

    finding: Finding
    brief: Text
    detail: Text
    may_pass: bool = False


@dataclass(frozen=True, slots=True)
class ProofPart:
    """The evidence about things of one kind; ``noun`` counts them: ``alert``."""

    noun: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """The time that was watched."""

    since: datetime
    until: datetime

    @property
    def span(self) -> str:
        """``30 min``."""
        return format_duration(self.until - self.since)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The headline and its details. ``try_again``: nothing speaks against the end, and what is missing may still be shown."""

    lines: tuple[Text, ...]
    complete: bool
    try_again: bool = False


def compose_proof(window: Window, parts: Sequence[ProofPart]) -> Proof:
    """Put the evidence together: what is wrong first, then what could not be shown, then what is shown."""
    evidence = [each for part in parts for each in part.evidence]
    wrong = any(each.finding is Finding.REFUTED and not each.may_pass for each in evidence)
    return Proof(
        lines=(_headline(window, evidence), *(line for part in parts for line in _details(part))),
        complete=all(each.finding is Finding.SHOWN for each in evidence),
        try_again=not wrong and any(each.may_pass for each in evidence),
    )


def own_part(incident: Incident) -> ProofPart:
    """Clocks and tasks of the incident itself."""
    running = [clock.kind.value for clock in incident.clocks if clock.kind not in _EXPECTED_CLOCKS]
    if running:
        names = f"the clock {running[0]} runs" if len(running) == 1 else f"the clocks {', '.join(running)} run"
        evidence = [Evidence(finding=Finding.REFUTED, brief=names, detail=f"{names[0].upper()}{names[1:]}.")]
    else:
        evidence = [Evidence(finding=Finding.SHOWN, brief="no clock runs", detail=_postmortem_text(incident))]
    if count := len(incident.open_tasks):
        tasks = f"{count} open task{'' if count == 1 else 's'}"
        evidence.append(Evidence(finding=Finding.SHOWN, brief=tasks, detail=f"{tasks[0].upper()}{tasks[1:]} of the incident."))
    return ProofPart("thing", tuple(evidence))


def _postmortem_text(incident: Incident) -> Text:
    clock = incident.clock(ClockKind.POSTMORTEM)
    return sentence("No clock runs but the post-mortem's, due ", Timestamp(clock.deadline), ".") if clock else "No clock runs."


def _headline(window: Window, evidence: Sequence[Evidence]) -> Text:
    wrong, unknown, shown = (_briefs(evidence, finding) for finding in Finding)
    return join(
        " · ",
        filter(
            None,
            [
                sentence("Resolved ", Timestamp(window.since, time_only=True)),
                wrong,
                sentence("could not be shown: ", unknown) if unknown else "",
                sentence(f"for {window.span}: ", shown) if shown else "",
            ],
        ),
    )


def _briefs(evidence: Iterable[Evidence], finding: Finding) -> Text:
    briefs = list(dict.fromkeys(each.brief for each in evidence if each.finding is finding and each.brief))
    left_out = len(briefs) - MAX_BRIEFS
    return join(", ", [*briefs[:MAX_BRIEFS], *([f"{left_out} more"] if left_out > 0 else [])])


def _details(part: ProofPart) -> list[Text]:
    order = list(Finding)
    ordered = sorted(part.evidence, key=lambda each: order.index(each.finding))
    lines: list[Text] = [each.detail for each in ordered[:MAX_LINES_PER_PART]]
    rest = [each.finding for each in ordered[MAX_LINES_PER_PART:]]
    if rest:
        words = {Finding.REFUTED: "not over", Finding.UNKNOWN: "could not be shown", Finding.SHOWN: "in order"}
        counted = ", ".join(f"{rest.count(finding)} {words[finding]}" for finding in order if finding in rest)
        lines.append(f"{len(rest)} more {part.noun}{'' if len(rest) == 1 else 's'}: {counted}.")
    return lines
