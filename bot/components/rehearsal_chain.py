"""Connects a rehearsal of paging with what comes before a page: an alert, and the incident that it opens."""

from dataclasses import dataclass
from datetime import datetime

from domain.alerts.rehearsals import begin_alert, end_alert
from domain.catalogue.paging import PageTestConfig
from domain.incidents.rehearsals import end_rehearsal
from runbooks.alerts.batch import key_of
from runbooks.alerts.intake import NotificationProcessor
from runbooks.incidents.saving import IncidentSaver
from storage.incidents import IncidentRepository
from storage.store import Transaction


@dataclass(frozen=True, slots=True)
class AlertChain:
    """``runbooks.paging.rehearsal.RehearsalChain`` over the intake of alerts and the incidents."""

    intake: NotificationProcessor
    saver: IncidentSaver

    async def begin(self, tx: Transaction, team: str, key: str, config: PageTestConfig, at: datetime) -> str:
        """Apply a made-up alert. Returns the id of the incident that it opens; empty where the catalogue has none."""
        catalogue = self.saver.catalogue()
        if catalogue.alerts is None or catalogue.incidents is None:
            return ""
        routed = begin_alert(team, key, channel=config.channel, severity=config.severity, at=at)
        await self.intake.apply_own(tx, routed, routed.notification.group_key)
        group_ids = await tx.alerts.group_ids_by_key([key_of(routed.notification)])
        return next(iter((await tx.of(IncidentRepository).of_subjects(group_ids.values())).values()), "")

    async def end(self, tx: Transaction, incident_id: str, at: datetime) -> None:
        """End the alert and the incident. Nothing happens where they have ended already."""
        incident = await tx.of(IncidentRepository).get(incident_id)
        if incident is None or not incident.is_test:
            return
        # Groups before the incident, as everybody who locks them.
        groups = await tx.alerts.get_many_for_update(each.group_id for each in incident.alerts)
        for group in groups.values():
            await self.intake.apply_own(tx, end_alert(group, at), f"{group.group_key}/end")
        locked = await tx.of(IncidentRepository).get_for_update(incident_id)
        change = end_rehearsal(locked, at) if locked is not None else None
        if change is not None:
            await self.saver.save(tx, [change], at)
