"""Tripwires: something new under a silence lifts it, or is said in its thread, as its maker chose. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.alerts.alerts import AlertGroup
from domain.alerts.group_changes import GroupChange, change_with_note
from domain.alerts.silences import OnNew
from domain.clock import has_passed
from domain.matchers import Labels
from domain.notes import Tone
from domain.people import Person
from domain.rich_text import CommandMention, Text, sentence
from domain.severities import Severity
from domain.text import and_more, clip

PAUSE = timedelta(minutes=5)
"""Between two notes about new alerts under one silence; a worse severity is said without it."""
MAX_NAMED = 5
MAX_NAME_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenAlert:
    """An alert that a silence hides now, or would hide, with the severity of its route."""

    fingerprint: str
    labels: Labels
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class TripwireChoice:
    """What the maker of a silence chose. ``max_alerts``: new alerts of no worse severity count once more than so many fire."""

    on_new: OnNew = OnNew.TELL
    max_alerts: int = 0


TELL_ANY = TripwireChoice()
"""Whatever is new is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tripwire:
    """What fired when a silence was made, and what is done about more. ``known`` are fingerprints, in order.

    ``lifting`` is why it is being lifted, empty before: it was said, and the silence may still stand in Alertmanager.
    """

    silence_id: str
    group_id: str
    environment: str
    source: str
    owner: Person
    until: datetime
    choice: TripwireChoice = TELL_ANY
    known: tuple[str, ...] = ()
    worst: Severity | None = None
    told_at: datetime | None = None
    lifting: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tripped:
    """What is new under a silence: why it counts, and which alerts."""

    reason: str
    new: tuple[HiddenAlert, ...]


def with_hidden(tripwire: Tripwire, hidden: Sequence[HiddenAlert]) -> Tripwire:
    """The tripwire that knows these alerts, too."""
    known = {*tripwire.known, *(each.fingerprint for each in hidden)}
    return replace(tripwire, known=tuple(sorted(known)), worst=_worst(tripwire.worst, *(each.severity for each in hidden)))


def trip(tripwire: Tripwire, hidden: Sequence[HiddenAlert], at: datetime) -> Tripped | None:
    """What is new among the alerts that the silence hides now; None if nothing that counts is."""
    known = set(tripwire.known)
    new = tuple(each for each in hidden if each.fingerprint not in known)
    # Only of what is new: another catalogue gives what was known another severity.
    worst = _worst(*(each.severity for each in new))
    if worst is not None and tripwire.worst is not None and worst.rank < tripwire.worst.rank:
        return Tripped(reason=f"{worst} fires under it, and the worst was {tripwire.worst}", new=new)
    if tripwire.told_at is not None and not has_passed(PAUSE, tripwire.told_at, at):
        return None
    if tripwire.choice.max_alerts:
        too_many = new and len(hidden) > tripwire.choice.max_alerts
        reason = f"{_alerts(len(hidden))} fire under it, more than {tripwire.choice.max_alerts}"
        return Tripped(reason=reason, new=new) if too_many else None
    return Tripped(reason=f"{_alerts(len(new))} under it did not fire when it was made", new=new) if new else None


def tripped(tripwire: Tripwire, found: Tripped, hidden: Sequence[HiddenAlert], at: datetime) -> Tripwire:
    """The tripwire after it was said: each new alert counts once."""
    lifting = found.reason if tripwire.choice.on_new is OnNew.LIFT else ""
    return replace(with_hidden(tripwire, hidden), told_at=at, lifting=lifting)


def tell(record: AlertGroup, tripwire: Tripwire, found: Tripped, at: datetime) -> GroupChange:
    """Say in the thread what is new under the silence, and what is done about it."""
    text = sentence("Something new under ", _silence(record, tripwire), f": {found.reason}. ")
    hides = sentence("It still hides all of it. To end it: ", CommandMention(f"unsilence {record.id}"), ".")
    then: Text = "It is lifted now, as was chosen." if tripwire.choice.on_new is OnNew.LIFT else hides
    return change_with_note(record, (), at, sentence(text, then), tone=Tone.WARNING, lines=_names(record, found.new))


def lift(record: AlertGroup, tripwire: Tripwire, at: datetime) -> GroupChange:
    """Record that the silence was lifted."""
    after = replace(record, silence=None)
    text = sentence("Lifted: ", _silence(record, tripwire), f", because {tripwire.lifting}. What fires notifies again.")
    return change_with_note(after, (), at, text, tone=Tone.WARNING)


def keep(record: AlertGroup, tripwire: Tripwire, at: datetime) -> GroupChange:
    """Say that a silence was not lifted, because it is no longer the one that was made."""
    kept = replace(record.silence, on_new=OnNew.TELL) if record.silence else None
    text = sentence("Not lifted: ", _silence(record, tripwire), ", because somebody has changed it in Alertmanager. To end it: ")
    after = replace(record, silence=kept)
    return change_with_note(after, (), at, sentence(text, CommandMention(f"unsilence {record.id}"), "."), tone=Tone.WARNING)


def _silence(record: AlertGroup, tripwire: Tripwire) -> Text:
    """Its owner; in the thread of a storm, too, which group it is of."""
    of_group = f" on {record.id} ({record.title})" if record.storm else ""
    return sentence("the silence of ", tripwire.owner, of_group)


def _names(record: AlertGroup, new: Sequence[HiddenAlert]) -> tuple[Text, ...]:
    """The labels of each that the group does not name, the worst first."""
    worst_first = sorted(new, key=lambda each: (each.severity.rank, each.fingerprint))
    named = [f"{each.severity}: {_name(record, each)}" for each in worst_first[:MAX_NAMED]]
    more = and_more(len(new) - len(named))
    return (*named, *([more] if more else []))


def _name(record: AlertGroup, alert: HiddenAlert) -> str:
    own = {name: value for name, value in alert.labels.items() if record.labels.get(name) != value}
    text = ", ".join(f"{name}={value}" for name, value in sorted(own.items()))
    return clip(text or alert.labels.get("alertname") or alert.fingerprint, MAX_NAME_CHARACTERS)


def _alerts(number: int) -> str:
    return "1 alert" if number == 1 else f"{number:,} alerts"


def _worst(*severities: Severity | None) -> Severity | None:
    return min((each for each in severities if each is not None), key=lambda each: each.rank, default=None)
