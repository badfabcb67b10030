"""Pages of a window: what it covers calls nobody while it runs, and nothing else is held."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from domain.alerts.alerts import AlertGroup
from domain.catalogue.catalogue import Catalogue
from domain.incidents.incident import Incident
from domain.maintenance.scope import covers
from domain.maintenance.window import MaintenanceWindow, WindowState
from domain.paging.pages import Page, PageHold
from domain.rich_text import Code, sentence
from storage.incidents import IncidentRepository
from storage.maintenance import MaintenanceRepository
from storage.store import Transaction


@dataclass(frozen=True, slots=True)
class WindowPages:
    """Holds the pages of incidents whose alerts are all in the scope of a window that runs."""

    catalogue: Callable[[], Catalogue]

    async def hold(self, tx: Transaction, page: Page, at: datetime) -> PageHold | None:
        """None for what a person has asked for, a test, and an incident with any other alert or with none."""
        request = page.request
        if request.asked_by is not None or request.is_test or request.is_private or not request.environment:
            return None
        window = await tx.of(MaintenanceRepository).freeze(request.environment, at)
        if window is None or not window.scopes or window.state is not WindowState.RUNNING:
            return None
        incident = await tx.of(IncidentRepository).get(page.subject)
        groups = await _firing_groups(tx, incident) if incident is not None else ()
        if not groups or not all(_is_covered(window, each, self.catalogue()) for each in groups):
            return None
        reason = sentence("maintenance ", Code(window.id), f" covers all its alerts: {window.work}")
        return PageHold(by=window.id, until=window.frozen_until, reason=reason)


async def _firing_groups(tx: Transaction, incident: Incident) -> tuple[AlertGroup, ...]:
    """The groups of an incident that fire. Empty where one of them is not stored any more: nobody knows its labels."""
    linked = [each.group_id for each in incident.alerts if each.firing]
    found = [await tx.alerts.get(each) for each in linked]
    return tuple(each for each in found if each is not None) if None not in found else ()


def _is_covered(window: MaintenanceWindow, group: AlertGroup, catalogue: Catalogue) -> bool:
    """Whether every alert of the group that fires is in one scope. Those that are not stored count by what all share."""
    firing = [each.labels for each in group.examples if each.firing]
    labels = firing if len(firing) == group.firing else [{**group.labels, **group.common_labels}]
    return bool(group.firing) and all(
        any(covers(scope, each, window.environment, catalogue) for scope in window.scopes) for each in labels
    )
