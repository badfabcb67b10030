"""Overrides: somebody is on call instead of somebody else, for a time."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.people import Person


class OverrideKind(StrEnum):
    """How an override came about."""

    OVERRIDE = "override"
    TAKE = "take"
    COVER = "cover"
    SWAP = "swap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """From ``starts`` until ``ends`` ``person`` is on call in a layer, in place of ``replaces``; or of anybody, if that is empty.

    Where ``replaces`` would not be on call, it changes nothing. It fills a time in which nobody is on call only if
    ``fills_gaps``. Of two that meet, the one that was made later is applied to what the other one left. ``person`` and
    ``replaces`` are names of the catalogue.
    """

    id: str
    team: str
    layer: str
    person: str
    replaces: str = ""
    starts: datetime
    ends: datetime
    fills_gaps: bool = False
    kind: OverrideKind = OverrideKind.OVERRIDE
    made_by: Person
    made_at: datetime
    reason: str = ""

    def apply(self, on_call: tuple[str, ...], at: datetime) -> tuple[str, ...]:
        """Who is on call with this override, from who is without it."""
        if not self.starts <= at < self.ends:
            return on_call
        if not on_call:
            return (self.person,) if self.fills_gaps else ()
        if not self.replaces:
            return (self.person,)
        return tuple(dict.fromkeys(self.person if name == self.replaces else name for name in on_call))
