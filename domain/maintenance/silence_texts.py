"""What the thread of a window says about its silences."""

from collections.abc import Mapping, Sequence

from domain.alerts.silences import AlertDetails, Silence
from domain.maintenance.scope import ALERT_NAME
from domain.maintenance.window import MaintenanceWindow, WindowNote, WindowSilence
from domain.matchers import Matcher, format_matcher
from domain.rich_text import Code, Part, Sentence, Text, Timestamp, sentence

MAX_NAMED = 3
"""How many alerts a sentence names."""


def silenced(window: MaintenanceWindow, made: Sequence[WindowSilence], alerts: Sequence[AlertDetails]) -> WindowNote:
    """What is hidden, how many alerts that is now, and what matches nothing."""
    parts: list[Part | Sentence] = []
    for each in made:
        hidden = sum(each.id in alert.silenced_by for alert in alerts)
        now = f"{hidden} firing now" if hidden else "nothing that fires now fits it"
        parts += ["; " if parts else "", Code(describe(each.matchers)), f" ({now})"]
    until = sentence(" until ", Timestamp(window.frozen_until), " at the latest: ")
    return _note(window, f"silenced-{int(window.frozen_until.timestamp())}", sentence("Alerts are hidden", until, *parts, "."))


def lifted(window: MaintenanceWindow, ended: Sequence[Silence], kept: Sequence[Silence]) -> WindowNote:
    """What was lifted, and what somebody has changed and so stays."""
    parts: list[Part | Sentence] = [
        f"{_count(len(ended), 'silence')} lifted." if ended else "No silence of this window was left."
    ]
    for each in kept:
        parts += [" ", Code(each.id), " was changed by somebody since, so it stays until ", Timestamp(each.ends_at), "."]
    return _note(window, f"lifted-{len(ended)}-{len(kept)}", sentence(*parts), warning=bool(kept))


def left_by_hand(window: MaintenanceWindow, silences: Mapping[tuple[Matcher, ...], Silence]) -> WindowNote:
    """What somebody has lifted or changed stays so, whatever becomes of the window's end."""
    parts: list[Part | Sentence] = []
    for matchers, each in silences.items():
        parts += [" " if parts else "", Code(describe(matchers))]
        if each.in_force:
            parts += [" was changed by hand, so its end stays ", Timestamp(each.ends_at), "."]
        else:
            parts += [" was lifted by hand, so it is not set again."]
    return _note(window, f"by-hand-{int(window.frozen_until.timestamp())}", sentence(*parts), warning=True)


def unanswered(window: MaintenanceWindow, why: Text) -> WindowNote:
    """Said once for each state of the window."""
    text = sentence("The silences are not as they should be yet, and are tried again each minute. ", why)
    return _note(window, f"silences-wait-{window.state}", text, warning=True)


def not_lifted(window: MaintenanceWindow, why: Text) -> WindowNote:
    """Said once: alerts stay hidden though the window is over."""
    until = Timestamp(max(each.ends_at for each in window.silences))
    text = sentence(
        "Alerts are still hidden, until ",
        until,
        " at the latest: the silences could not be lifted. ",
        why,
        " It is tried again each minute; by hand: look for ",
        Code(window.marker),
        " in Alertmanager.",
    )
    return _note(window, "not-lifted", text, warning=True)


def given_up(window: MaintenanceWindow, why: Text) -> WindowNote:
    """Nothing is hidden; the freeze stands."""
    return _note(window, "not-silenced", sentence("No alert is hidden for this window. ", why), warning=True)


def reaches_beyond(matchers: Sequence[Matcher], strays: Sequence[AlertDetails]) -> Text:
    """A scope that would hide alerts of other environments is not set."""
    return sentence(Code(describe(matchers)), f" would hide {_named(strays)} of another environment too.")


def hides_more(matchers: Sequence[Matcher], beyond: Sequence[AlertDetails]) -> Text:
    """What Alertmanager hid beyond the scope; it was expired at once."""
    return sentence(Code(describe(matchers)), f" hid {_named(beyond)}, which is none of its scope, and was lifted at once.")


def describe(matchers: Sequence[Matcher]) -> str:
    """``{alertname="HighErrorRate", service="web"}``."""
    return f"{{{', '.join(map(format_matcher, matchers))}}}"


def _named(alerts: Sequence[AlertDetails]) -> str:
    names = [each.labels.get(ALERT_NAME, each.fingerprint) for each in alerts[:MAX_NAMED]]
    more = f" and {len(alerts) - MAX_NAMED} more" if len(alerts) > MAX_NAMED else ""
    return f"{', '.join(names)}{more}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _note(window: MaintenanceWindow, key: str, text: Text, *, warning: bool = False) -> WindowNote:
    return WindowNote(window_id=window.id, key=key, text=text, warning=warning)
