"""Requests to be relieved: of anybody in the rotation (cover), or of one person in exchange for a shift of theirs (swap)."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from domain.errors import Refused
from domain.oncall.overrides import Override, OverrideKind
from domain.people import Person
from domain.refusals import NOTHING_CHANGED


class RequestState(StrEnum):
    """Where a request is. All but the first are final."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Period:
    """From ``starts`` until ``ends``."""

    starts: datetime
    ends: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverRequest:
    """``asked_by`` wants to be relieved in a layer for a time. The names of people are those of the catalogue.

    ``wanted`` is the one person who may accept; empty for anybody of the team. ``in_return``, of a swap, is the time in which
    ``asked_by`` relieves them. ``answered_by`` accepted, declined or withdrew it.
    """

    id: str
    team: str
    layer: str
    asked_by: str
    period: Period
    made_by: Person
    made_at: datetime
    wanted: str = ""
    in_return: Period | None = None
    reason: str = ""
    channel: str = ""
    state: RequestState = RequestState.OPEN
    answered_by: str = ""
    answered_at: datetime | None = None

    @property
    def expires_at(self) -> datetime:
        """When nothing can be relieved any more: its time is over, or that of what is given in return has begun."""
        return min(self.period.ends, self.in_return.starts) if self.in_return else self.period.ends

    @property
    def is_swap(self) -> bool:
        """Whether something is given in return."""
        return self.in_return is not None


def answer(request: CoverRequest, name: str, state: RequestState, at: datetime) -> CoverRequest:
    """Accept, decline or withdraw a request. Raises ``Refused`` if it is over, or if that is not for this person to say."""
    _check_open(request, at)
    is_asker = name == request.asked_by
    if (state is RequestState.WITHDRAWN) != is_asker:
        raise Refused(
            f"You asked for it yourself: you can only withdraw it. {NOTHING_CHANGED}" if is_asker else _not_yours(request)
        )
    if request.wanted and not is_asker and name != request.wanted:
        raise Refused(f"{request.id} is a question to {request.wanted}. {NOTHING_CHANGED}")
    if state is RequestState.DECLINED and not request.wanted:
        raise Refused(f"{request.id} asks everybody: leave it to the others. {NOTHING_CHANGED}")
    return replace(request, state=state, answered_by=name, answered_at=at)


def expire(request: CoverRequest, at: datetime) -> CoverRequest | None:
    """The request once its time is over; None if it was answered before, or is not over."""
    if request.state is not RequestState.OPEN or at < request.expires_at:
        return None
    return replace(request, state=RequestState.EXPIRED, answered_at=at)


def overrides_of(request: CoverRequest, made_by: Person, at: datetime) -> tuple[Override, ...]:
    """What an accepted request changes. ``at``: now; what has passed is not rewritten."""
    kind = OverrideKind.SWAP if request.is_swap else OverrideKind.COVER
    parts = [(request.answered_by, request.asked_by, request.period)]
    if request.in_return:
        parts.append((request.asked_by, request.answered_by, request.in_return))
    return tuple(
        Override(
            id=f"{request.id}-{number}",
            team=request.team,
            layer=request.layer,
            person=person,
            replaces=replaces,
            starts=max(period.starts, at),
            ends=period.ends,
            kind=kind,
            made_by=made_by,
            made_at=at,
            reason=request.reason,
        )
        for number, (person, replaces, period) in enumerate(parts, start=1)
    )


def _check_open(request: CoverRequest, at: datetime) -> None:
    if request.state is RequestState.ACCEPTED:
        raise Refused(f"{request.answered_by} accepted {request.id} already. {NOTHING_CHANGED}")
    if request.state is not RequestState.OPEN or at >= request.expires_at:
        state = RequestState.EXPIRED if request.state is RequestState.OPEN else request.state
        raise Refused(f"{request.id} is {state.value}. {NOTHING_CHANGED}")


def _not_yours(request: CoverRequest) -> str:
    return f"{request.id} is {request.asked_by}'s: only they can withdraw it. {NOTHING_CHANGED}"
