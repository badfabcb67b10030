"""The silences of a window: what is to be set or lifted at a time, and which of those in Alertmanager are still ours. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from domain.alerts.silences import AlertDetails, Silence
from domain.catalogue.catalogue import Catalogue
from domain.maintenance.scope import covers, fits
from domain.maintenance.window import MaintenanceWindow, SilenceState, WindowSilence, WindowState
from domain.matchers import Matcher

CREATOR = "deepecho"
"""The creator of our silences in Alertmanager."""
SECOND_LOOK = timedelta(minutes=1)
"""A request of a process that died may arrive this long after it: what is lifted is looked for once more."""


def wants_silences(window: MaintenanceWindow, at: datetime) -> bool:
    """Whether alerts of this window are to be hidden now."""
    return bool(window.scopes) and window.state is WindowState.RUNNING and window.starts_at <= at < window.frozen_until


def has_work(window: MaintenanceWindow, at: datetime) -> bool:
    """Whether Alertmanager differs from what this window wants, as far as its record tells."""
    if not wants_silences(window, at):
        return any(each.state is not SilenceState.OVER for each in window.silences)
    wanted = [each for each in window.silences if each.state.is_wanted]
    if not window.silences:
        return True
    return any(each.state is SilenceState.PLANNED or each.ends_at != window.frozen_until for each in wanted)


def planned_silences(window: MaintenanceWindow, matchers: Sequence[tuple[Matcher, ...]]) -> tuple[WindowSilence, ...]:
    """The record with the silences for the window's present end added, before they are asked for."""
    known = {(each.matchers, each.ends_at) for each in window.silences}
    wanted = ((each, window.frozen_until) for each in dict.fromkeys(matchers))
    added = (WindowSilence(matchers=each, ends_at=until) for each, until in wanted if (each, until) not in known)
    return (*window.silences, *added)


def matchers_to_extend(window: MaintenanceWindow) -> tuple[tuple[Matcher, ...], ...]:
    """The matchers of its silences that are wanted. What somebody has lifted, or what was refused, is not set again."""
    return tuple(dict.fromkeys(each.matchers for each in window.silences if each.state.is_wanted))


def changed_by_hand(window: MaintenanceWindow, silences: Iterable[Silence]) -> Mapping[tuple[Matcher, ...], Silence]:
    """Those that somebody has lifted or changed in Alertmanager, by the matchers that they were set with.

    Matchers of which another silence stands as it was set are not among them, nor those of one that has reached its own end or
    that Alertmanager has lost: nobody has lifted these.
    """
    ids = {each.id: frozenset(each.matchers) for each in window.silences if each.id and each.state.is_wanted}
    settled = {each.id for each in window.silences if each.id} - ids.keys()
    # An edit keeps the id, and may take our mark; the answer with the id may have been lost, and the mark is there.
    known = [
        (ids.get(each.id, frozenset(each.matchers)), each)
        for each in silences
        if each.id not in settled and (each.id in ids or _is_marked(window, each))
    ]
    standing = {matchers for matchers, each in known if each.in_force and is_unchanged(window, each)}
    changed = [(matchers, each) for matchers, each in known if not is_unchanged(window, each)]
    last = dict(sorted(changed, key=lambda pair: pair[1].in_force))
    wanted = [(each, frozenset(each)) for each in matchers_to_extend(window)]
    return {each: last[matchers] for each, matchers in wanted if matchers in last and matchers not in standing}


def left_by_hand(window: MaintenanceWindow, matchers: Collection[tuple[Matcher, ...]]) -> MaintenanceWindow:
    """The window with its silences with these matchers left as somebody wants them."""
    return replace(
        window,
        silences=tuple(
            replace(each, state=SilenceState.BY_HAND) if each.state.is_wanted and each.matchers in matchers else each
            for each in window.silences
        ),
    )


def ours(window: MaintenanceWindow, silences: Iterable[Silence]) -> tuple[Silence, ...]:
    """The silences in force that carry the window's id."""
    return tuple(each for each in silences if each.in_force and _is_marked(window, each))


def _is_marked(window: MaintenanceWindow, silence: Silence) -> bool:
    return silence.by == CREATOR and silence.comment.endswith(window.marker)


def is_unchanged(window: MaintenanceWindow, silence: Silence) -> bool:
    """Whether a silence of this window is as it was set. What a person has changed since is theirs."""
    recorded = {(frozenset(each.matchers), truncated(each.ends_at)) for each in window.silences}
    return (frozenset(silence.matchers), silence.ends_at) in recorded


def truncated(at: datetime) -> datetime:
    """A time as Alertmanager returns it: with milliseconds."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def misplaced(
    matchers: Sequence[Matcher], alerts: Iterable[AlertDetails], window: MaintenanceWindow, catalogue: Catalogue
) -> tuple[AlertDetails, ...]:
    """Alerts that the matchers fit outside the window's environment."""
    return tuple(
        each
        for each in alerts
        if fits(matchers, each.labels) and not covers(matchers, each.labels, window.environment, catalogue)
    )


def hidden_beyond(
    silence: WindowSilence, alerts: Iterable[AlertDetails], window: MaintenanceWindow, catalogue: Catalogue
) -> tuple[AlertDetails, ...]:
    """Alerts that Alertmanager hides by this silence and that are none of its scope, whatever it took the matchers for."""
    return tuple(
        each
        for each in alerts
        if silence.id in each.silenced_by and not covers(silence.matchers, each.labels, window.environment, catalogue)
    )


def with_silence(window: MaintenanceWindow, silence: WindowSilence) -> MaintenanceWindow:
    """The window with the record of this silence, known by its matchers and end, replaced."""
    key = (silence.matchers, silence.ends_at)
    return replace(window, silences=tuple(silence if (each.matchers, each.ends_at) == key else each for each in window.silences))
