"""What happens to an incident's pages, on the incident: acknowledgements by any door, and each attempt to call somebody."""

from dataclasses import dataclass

from domain.incidents.incident import Incident, Participant
from domain.incidents.paging import apply_page_notes
from domain.incidents.transitions import acknowledge
from domain.paging.pages import Acknowledgement, Page, PageNote
from domain.people import Person
from runbooks.incidents.saving import IncidentSaver
from storage.incidents import IncidentRepository
from storage.store import Transaction

_DOORS = {"pagerduty": "in PagerDuty"}


@dataclass(frozen=True, slots=True)
class PageEvents:
    """The listeners of pages."""

    saver: IncidentSaver

    async def on_acknowledged(self, tx: Transaction, page: Page, by: Acknowledgement) -> None:
        """Acknowledge the incident, unless it was acknowledged or has ended. Its pager is not told again."""
        incident = await self._incident(tx, page)
        if incident is None or incident.acknowledged is not None or not incident.state.is_ongoing:
            return
        change = acknowledge(incident, _participant(by), by.at, self.saver.timings, way=_DOORS.get(by.door, ""))
        await self.saver.save(tx, [change], by.at)

    async def on_note(self, tx: Transaction, page: Page, note: PageNote) -> None:
        """Show an attempt on the card and in the timeline."""
        incident = await self._incident(tx, page)
        if incident is not None:
            await self.saver.save(tx, apply_page_notes(incident, (note,)), note.at)

    async def _incident(self, tx: Transaction, page: Page) -> Incident | None:
        if not page.subject.startswith("inc-"):
            return None
        return await tx.of(IncidentRepository).get_for_update(page.subject)


def _participant(by: Acknowledgement) -> Participant:
    """Who acknowledged: a user of a pager whom the catalogue does not name has only a name."""
    return Participant(by.by or Person(by.name, by.door), by.name)
