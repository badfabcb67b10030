"""Whether a silence hides the alerts of an incident. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.alerts.alerts import Alert, AlertGroup
from domain.alerts.silences import Silence, SilenceState
from domain.incidents.proof import Evidence, Finding, Window
from domain.matchers import Labels, matches
from domain.rich_text import Code, Text, Timestamp, sentence
from domain.text import clip, first_names

MAX_COMMENT_LENGTH = 80
MAX_NAMES = 3


@dataclass(frozen=True, slots=True)
class HiddenGroup:
    """A group and the labels of its alerts, of which a silence may fit some only."""

    group: AlertGroup
    labels: tuple[Labels, ...]


@dataclass(frozen=True, slots=True)
class AskedAlertmanager:
    """What the Alertmanagers of some groups answered. ``failures``: why some of them did not, and whether they may still."""

    silences: tuple[Silence, ...]
    failures: tuple[tuple[Text, bool], ...] = ()


def hidden_group(group: AlertGroup, alerts: Mapping[str, Alert]) -> HiddenGroup:
    """The group with the labels of its alerts; with its own where none are stored."""
    labels = tuple(each.labels for each in alerts.values() or group.examples)
    return HiddenGroup(group, labels or ({**group.labels, **group.common_labels},))


def judge_silences(groups: Sequence[HiddenGroup], asked: AskedAlertmanager, window: Window) -> tuple[Evidence, ...]:
    """What hides these groups now, and what could not be asked."""
    evidence = [found for silence in asked.silences for found in _judge(silence, groups, window)]
    evidence += [_unanswered(why, may_pass=may_pass) for why, may_pass in asked.failures]
    if asked.failures:
        known = {silence.id for silence in asked.silences}
        evidence += [found for each in groups for found in _recorded(each.group, known, window)]
    if not any(each.finding is not Finding.SHOWN for each in evidence):
        them = "it" if len(groups) == 1 else "them"
        brief = f"no silence hides {them}"
        evidence.insert(0, Evidence(finding=Finding.SHOWN, brief=brief, detail=f"N{brief[1:]}, says Alertmanager."))
    return tuple(evidence)


def nobody_to_ask(groups: Sequence[HiddenGroup], why: Text, window: Window) -> tuple[Evidence, ...]:
    """The evidence about groups for which no Alertmanager is known."""
    return judge_silences(groups, AskedAlertmanager((), ((why, False),)), window)


def _judge(silence: Silence, groups: Sequence[HiddenGroup], window: Window) -> list[Evidence]:
    if silence.ends_at <= window.since:
        return []
    try:
        hidden = [_hidden_text(each, count) for each in groups if (count := _fitting(silence, each))]
    except ValueError as error:
        text = sentence("Whether the silence ", Code(silence.id), f" hides an alert cannot be told: {error}.")
        # One that has ended, or is yet to begin, cannot hide anything now.
        return [Evidence(finding=Finding.UNKNOWN, brief="the silences", detail=text)] if _is_active(silence, window) else []
    return [_evidence(silence, hidden, window)] if hidden else []


def _evidence(silence: Silence, hidden: Sequence[str], window: Window) -> Evidence:
    names, comment = first_names(hidden, MAX_NAMES), clip(silence.comment.strip(), MAX_COMMENT_LENGTH)
    by = f" by {silence.by.strip()}" if silence.by.strip() else ""
    why = sentence(f": {comment}" if comment else "", " (", Code(silence.id), ").")
    if _is_active(silence, window):
        hides = sentence(f" silence{by} hides {names} until ", Timestamp(silence.ends_at))
        return Evidence(finding=Finding.REFUTED, brief=sentence("a", hides), detail=sentence("A", hides, why))
    if silence.ends_at <= window.until:
        text = sentence(f"A silence{by} hid {names} until ", Timestamp(silence.ends_at), why)
    else:
        text = sentence(f"A silence{by} will hide {names} from ", Timestamp(silence.starts_at), why)
    return Evidence(finding=Finding.SHOWN, brief="", detail=text)


def _is_active(silence: Silence, window: Window) -> bool:
    return silence.state is SilenceState.ACTIVE and silence.ends_at > window.until


def _fitting(silence: Silence, hidden: HiddenGroup) -> int:
    return sum(all(matches(matcher, labels) for matcher in silence.matchers) for labels in hidden.labels)


def _hidden_text(hidden: HiddenGroup, count: int) -> str:
    total = len(hidden.labels)
    return hidden.group.title if count == total else f"{count} of {total} alerts of {hidden.group.title}"


def _unanswered(why: Text, *, may_pass: bool) -> Evidence:
    text = sentence("Whether a silence hides an alert is not known: ", why)
    return Evidence(finding=Finding.UNKNOWN, brief="the silences", detail=text, may_pass=may_pass)


def _recorded(group: AlertGroup, known: set[str], window: Window) -> list[Evidence]:
    """The silence that was made here, where Alertmanager cannot say whether it still holds."""
    silence = group.silence
    if silence is None or silence.until <= window.until or silence.id in known:
        return []
    brief = sentence(f"a silence hides {group.title} until ", Timestamp(silence.until))
    text = sentence("A silence by ", silence.by, f" hides {group.title} until ", Timestamp(silence.until), ".")
    return [Evidence(finding=Finding.REFUTED, brief=brief, detail=text)]
