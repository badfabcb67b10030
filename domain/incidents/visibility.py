"""Who may see an incident, and which open ones may be the same matter. Pure."""

import difflib
from collections.abc import Iterable
from datetime import datetime, timedelta

from domain.catalogue.catalogue import Catalogue
from domain.incidents.incident import Incident, Participant
from domain.people import Member, Role

SAME_MINUTE = timedelta(minutes=1)
"""Whatever is declared for one environment within this time may be one matter, however it is called."""
SAME_MATTER = timedelta(minutes=30)
"""Incidents with similar titles within this time may be one matter."""
_SIMILAR = 0.6


def may_see(member: Member, incident: Incident, catalogue: Catalogue) -> bool:
    """Whether the person may know of the incident.

    A security incident is seen by its participants and by the role security; any other by the viewers of its environment.
    """
    if member.guest or member.stranger:
        return False
    if incident.security:
        environments = (incident.environment,) if incident.environment else tuple(catalogue.environments)
        is_security = any(
            catalogue.has_role(member, Role.SECURITY, each) for each in environments if each in catalogue.environments
        )
        return is_security or _takes_part(member, incident)
    if incident.environment in catalogue.environments:
        return catalogue.has_role(member, Role.VIEWER, incident.environment)
    return any(catalogue.has_role(member, Role.VIEWER, each) for each in catalogue.environments)


def possibly_the_same(title: str, environment: str, at: datetime, open_ones: Iterable[Incident]) -> tuple[Incident, ...]:
    """The ongoing incidents that somebody who declares another one may mean, the newest first."""
    return tuple(each for each in open_ones if each.state.is_ongoing and _is_similar(title, environment, at, each))


def _is_similar(title: str, environment: str, at: datetime, incident: Incident) -> bool:
    if environment and incident.environment and environment != incident.environment:
        return False
    age = at - incident.declared.at
    if age <= SAME_MINUTE:
        return True
    ratio = difflib.SequenceMatcher(None, title.lower(), incident.title.lower()).ratio()
    return age <= SAME_MATTER and ratio >= _SIMILAR


def _takes_part(member: Member, incident: Incident) -> bool:
    people: tuple[Participant | None, ...] = (incident.declared.by, incident.commander, incident.comms, incident.scribe)
    return any(each is not None and each.person.user_id in member.user_ids for each in people)
