"""Requests about the rota, the overrides that they become, and how both are told."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.errors import Refused
from domain.ids import id_candidates
from domain.oncall.cover_requests import CoverRequest, Period
from domain.oncall.effects import Replacement
from domain.oncall.overrides import Override, OverrideKind
from domain.oncall.schedule import Roster, assignments, next_changes
from domain.people import Person
from domain.refusals import NOTHING_CHANGED
from domain.rich_text import Code, CommandMention, Text, sentence
from domain.text import join_and
from domain.wall_clock import next_time
from runbooks.oncall.messages import Cause
from storage.oncall import OncallRepository
from storage.store import Transaction

MORNING_MINUTES = 9 * 60
"""A pager that was taken from somebody who has it for ever goes back at nine in the morning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OncallRequest:
    """A person's request. ``name`` is theirs in the catalogue; empty for somebody who is not in it.

    ``source`` is the inbox key, which is marked answered together with the change; ids derive from it.
    """

    by: Person
    name: str
    source: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An override that somebody wants. ``replaces`` is empty for whoever is on call."""

    team: str
    layer: str
    person: str
    replaces: str = ""
    period: Period
    fills_gaps: bool = False


@dataclass(frozen=True, slots=True)
class Changed:
    """An override as it was made or taken back, and what that changes."""

    override: Override
    effect: tuple[Replacement, ...]


async def new_id(tx: Transaction, source: str) -> str:
    """The first free id that derives from the inbox key."""
    candidates = id_candidates("oc", source)
    known = await tx.of(OncallRepository).known_ids(candidates)
    return next(candidate for candidate in candidates if candidate not in known)


async def new_override(tx: Transaction, request: OncallRequest, wish: Wish, kind: OverrideKind, at: datetime) -> Override:
    """The override that a wish becomes. What has passed is not rewritten."""
    return Override(
        id=await new_id(tx, request.source),
        team=wish.team,
        layer=wish.layer,
        person=wish.person,
        replaces=wish.replaces,
        starts=max(wish.period.starts, at),
        ends=wish.period.ends,
        fills_gaps=wish.fills_gaps,
        kind=kind,
        made_by=request.by,
        made_at=at,
        reason=request.reason,
    )


def pager_of(roster: Roster, name: str, layer: str, at: datetime) -> Wish:
    """What it takes to have the pager until the next handoff: of the layer, or of the first in which somebody is on call.

    Raises ``Refused`` for somebody who has it already. Where nobody is on call, it is the first layer's, and fills the gap.
    """
    current = {each.layer: each.people for each in assignments(roster, at)}
    chosen = layer or next((each for each, people in current.items() if people), roster.config.layer_names[0])
    ends = next_changes(roster, at)[chosen] or next_time(MORNING_MINUTES, ZoneInfo(roster.config.zone), at)
    if name in current[chosen]:
        raise Refused(f"You have the pager of {roster.team} ({chosen}) already. {NOTHING_CHANGED}")
    replaces = next(iter(current[chosen]), "")
    return Wish(team=roster.team, layer=chosen, person=name, replaces=replaces, period=Period(at, ends), fills_gaps=not replaces)


def changes_nothing(override: Override) -> Text:
    """The refusal of an override that would seem to be one and change nothing."""
    whose = f"{override.replaces} is never on call" if override.replaces else f"nobody but {override.person} is on call"
    fill = "" if override.replaces or override.fills_gaps else " To put somebody where nobody is, add --fill."
    return sentence(
        f"In that time {whose} for {override.team} ({override.layer}), so that would change nothing. {NOTHING_CHANGED}{fill} ",
        CommandMention(f"oncall week {override.team}"),
        " shows who is when.",
    )


def describe(changed: Changed) -> str:
    """A line for the audit log: each change with its times in UTC."""
    parts = (
        f"{each.starts:%Y-%m-%d %H:%M} to {each.ends:%Y-%m-%d %H:%M} UTC {join_and(each.after)}"
        f" instead of {join_and(each.before) or 'nobody'}"
        for each in changed.effect
    )
    return f"{changed.override.id}: {changed.override.layer}, {'; '.join(parts)}"


def override_cause(override: Override, answered: frozenset[str] = frozenset()) -> Cause:
    """Why shifts are moved by an override."""
    verb = "took the pager" if override.kind is OverrideKind.TAKE else "made an override"
    reason = f": {override.reason}" if override.reason else ""
    return Cause(text=sentence(override.made_by, f" {verb}{reason}"), undo=override.id, answered=answered)


def accepted_text(request: CoverRequest, by: OncallRequest) -> Text:
    """Why shifts are moved by an accepted request."""
    what = "the swap" if request.is_swap else "the request for cover"
    return sentence(by.by, f" accepted {what} ", Code(request.id))
