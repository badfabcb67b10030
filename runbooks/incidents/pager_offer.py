"""Offers the pager when a severe incident comes up while whoever is on call for it has another one already."""

from datetime import datetime

from domain.catalogue.catalogue import Catalogue
from domain.incidents.changes import IncidentNote, Offer
from domain.incidents.clocks import SEVERE
from domain.incidents.incident import Incident, IncidentState
from domain.notes import Tone
from domain.oncall.schedule import on_call
from domain.rich_text import Code, sentence
from storage.incidents import IncidentRepository
from storage.oncall import OncallRepository
from storage.store import Transaction


async def pager_offer(tx: Transaction, record: Incident, catalogue: Catalogue, at: datetime) -> IncidentNote | None:
    """The message that offers the pager of the incident's team; None where nobody has to be relieved.

    It belongs to the declaration: an incident that was declared earlier, or that is not severe, offers nothing.
    """
    team = record.team or catalogue.team_of("")
    is_new = record.state is IncidentState.DECLARED and record.declared.at == at
    if not is_new or record.severity not in SEVERE or record.is_test or team not in catalogue.oncall:
        return None
    names = on_call(await tx.of(OncallRepository).roster(catalogue, team, at), at)
    person = catalogue.people.get(names[0]) if names else None
    if person is None:
        return None
    held = [each for each in await tx.of(IncidentRepository).severe_and_taken() if person.slack in _holders(each)]
    if not held:
        return None
    which = "an incident" if held[0].security else sentence(Code(held[0].id), f" ({held[0].severity})")
    return IncidentNote(
        incident_id=record.id,
        key="pager-offer",
        at=at,
        text=sentence(
            f"{names[0]} is on call for {team} and has ", which, " already. Anybody of the rotation can take the pager."
        ),
        tone=Tone.WARNING,
        offers=(Offer.TAKE_PAGER,),
        team=team,
    )


def _holders(incident: Incident) -> set[str]:
    """The Slack users who have the incident: its commander, or without one whoever acknowledged it."""
    acknowledged = incident.acknowledged.by if incident.acknowledged else None
    holder = incident.commander or acknowledged
    return {holder.person.user_id} if holder is not None else set()
