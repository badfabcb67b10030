"""What the cards of an incident show."""

from dataclasses import dataclass
from datetime import datetime

from domain.incidents.clocks import UpcomingStep
from domain.incidents.incident import Incident


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentCard:
    """The card in the incident's channel or, with ``is_announcement``, the one in the channel of all incidents.

    ``upcoming`` is what happens if nobody does anything, the earliest first.
    """

    incident: Incident
    at: datetime
    upcoming: tuple[UpcomingStep, ...] = ()
    is_announcement: bool = False
