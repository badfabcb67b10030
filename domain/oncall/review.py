"""What people have to be told about a roster: compared with what they were told before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from domain.oncall.personal import PersonalShift, cut, personal_shifts, subtract
from domain.oncall.schedule import Gap, Roster, assignments, gaps, known_until, next_changes

GAPS_TOLD_AHEAD = timedelta(days=30)
"""Gaps that begin within this time are told."""

FAR = datetime(9999, 1, 1, tzinfo=UTC)
"""The end of a gap whose end is beyond what is known: the same at each look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamState:
    """What was told of a team so far. ``on_call`` by layer; ``promised`` are everybody's shifts before ``promised_until``.

    ``catalogue_digest`` and ``catalogue_read_at`` are of the catalogue by which it was told.
    """

    team: str
    on_call: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    promised: tuple[PersonalShift, ...] = ()
    promised_until: datetime | None = None
    gaps: tuple[Gap, ...] = ()
    catalogue_digest: str = ""
    catalogue_read_at: datetime | None = None
    version: int = 0
    """Counts what was told: a part of the keys of messages."""


@dataclass(frozen=True, slots=True)
class Handoff:
    """Other people are on call in a layer than were told."""

    layer: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """An edit or an override took shifts from a person, or gave them some."""

    person: str
    lost: tuple[PersonalShift, ...]
    gained: tuple[PersonalShift, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What is to be told now, and the state once it is. ``until``, by layer, is the next instant at which it has other people."""

    state: TeamState
    handoffs: tuple[Handoff, ...]
    moved: tuple[Moved, ...]
    new_gaps: tuple[Gap, ...]
    until: Mapping[str, datetime | None]


def review(state: TeamState, roster: Roster, at: datetime) -> Review:
    """Compare. A team that is seen for the first time has no handoffs and no moves; its gaps are told."""
    horizon = known_until(roster, at)
    if horizon <= at:
        # PagerDuty was never heard, or not for so long that its answer has run out: nobody was relieved by that.
        return Review(state=state, handoffs=(), moved=(), new_gaps=(), until={})
    current = {each.layer: each.people for each in assignments(roster, at)}
    promised = personal_shifts(roster, at, horizon)
    open_gaps = _gaps_to_tell(state, roster, at, horizon)
    is_first = state.promised_until is None
    new = TeamState(
        team=state.team,
        on_call=current,
        promised=promised,
        promised_until=horizon,
        gaps=open_gaps,
        catalogue_digest=state.catalogue_digest,
        catalogue_read_at=state.catalogue_read_at,
        version=state.version + 1,
    )
    return Review(
        state=new,
        handoffs=() if is_first else _handoffs(state.on_call, current),
        moved=() if is_first else _moved(state, promised, at, horizon),
        new_gaps=tuple(gap for gap in open_gaps if gap not in state.gaps),
        until=next_changes(roster, at),
    )


def _handoffs(before: Mapping[str, tuple[str, ...]], after: Mapping[str, tuple[str, ...]]) -> tuple[Handoff, ...]:
    layers = dict.fromkeys([*after, *before])
    return tuple(
        Handoff(layer, before.get(layer, ()), after.get(layer, ()))
        for layer in layers
        if before.get(layer, ()) != after.get(layer, ())
    )


def _moved(state: TeamState, promised: tuple[PersonalShift, ...], at: datetime, horizon: datetime) -> tuple[Moved, ...]:
    until = min(horizon, state.promised_until or at)
    before, after = cut(state.promised, at, until), cut(promised, at, until)
    lost, gained = subtract(before, after), subtract(after, before)
    people = sorted({each.person for each in (*lost, *gained)})
    return tuple(
        Moved(
            person,
            tuple(each for each in lost if each.person == person),
            tuple(each for each in gained if each.person == person),
        )
        for person in people
    )


def _gaps_to_tell(state: TeamState, roster: Roster, at: datetime, horizon: datetime) -> tuple[Gap, ...]:
    """Gaps that begin soon, or have begun. The end of one that has none in sight is ``FAR``."""
    found = (Gap(gap.starts, gap.ends if gap.ends < horizon else FAR) for gap in gaps(roster, at, horizon))
    return tuple(_as_told(gap, state, at) for gap in found if gap.starts < at + GAPS_TOLD_AHEAD)


def _as_told(gap: Gap, state: TeamState, at: datetime) -> Gap:
    """A gap that has begun seems to begin now. It is the same one as long as its end is the same."""
    if gap.starts > at:
        return gap
    return next((told for told in state.gaps if told.starts <= at and told.ends == gap.ends), gap)
