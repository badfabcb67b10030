"""What alert groups and operations do to incidents, in the transaction that writes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.alerts.alerts import AlertGroup, GroupState
from domain.catalogue.catalogue import Catalogue
from domain.incidents.incident import Incident
from domain.incidents.linking import apply_alert, apply_operation, cause_of, incident_from, is_part_of
from domain.incidents.transitions import declare
from domain.operations.operation import OperationRecord
from domain.rich_text import Code, Text, sentence
from runbooks.incidents.saving import IncidentSaver
from storage.incidents import IncidentRepository
from storage.store import Transaction


@dataclass(frozen=True, slots=True)
class IncidentListeners:
    """Opens, links, raises and reopens incidents. Nothing happens while the catalogue has no section ``incidents``."""

    saver: IncidentSaver

    async def on_groups_saved(self, tx: Transaction, groups: Sequence[AlertGroup], at: datetime) -> None:
        """Apply alert groups to the incidents that they belong to; open or join one where a severe group fires in none.

        The caller has locked the groups' rows; incidents are locked after them, by everybody.
        """
        catalogue = self.saver.catalogue()
        if catalogue.incidents is None:
            return
        incident_ids = await tx.of(IncidentRepository).of_subjects(group.id for group in groups)
        for group in groups:
            if (incident_id := incident_ids.get(group.id)) is not None:
                await self._apply(tx, incident_id, group, catalogue, at)
            elif _opens_incident(group, catalogue):
                await self._open_or_join(tx, group, catalogue, at)

    async def on_operation_saved(self, tx: Transaction, operation: OperationRecord, at: datetime) -> None:
        """Show an operation on the incidents that it belongs to by its environment and services, or by a person's link."""
        if self.saver.catalogue().incidents is None:
            return
        incidents = tx.of(IncidentRepository)
        linked = await incidents.of_subjects([operation.id])
        for each in await incidents.open_ones():
            if linked.get(operation.id) != each.id and not is_part_of(each, operation):
                continue
            incident = await incidents.get_for_update(each.id)
            change = apply_operation(incident, operation, at) if incident is not None and incident.is_open else None
            if change is not None:
                await incidents.link(operation.id, each.id)
                await self.saver.save(tx, [change], at)

    async def _apply(self, tx: Transaction, incident_id: str, group: AlertGroup, catalogue: Catalogue, at: datetime) -> None:
        incident = await tx.of(IncidentRepository).get_for_update(incident_id)
        if incident is not None and _goes_on(incident, at):
            await self.saver.save(tx, apply_alert(incident, group, at, self.saver.timings), at)
        elif _opens_incident(group, catalogue) and not _has_alert_firing(incident, group):
            await self._open_or_join(tx, group, catalogue, at)

    async def _open_or_join(self, tx: Transaction, group: AlertGroup, catalogue: Catalogue, at: datetime) -> None:
        incidents = tx.of(IncidentRepository)
        record = incident_from(
            group,
            await incidents.new_id(f"{group.id}/{group.episode}"),
            at,
            team=catalogue.team_of(group.service),
            announcement_channel=self.saver.config.channel or group.channel,
        )
        change = declare(record, self.saver.timings, reason=_opened_by(group))
        if not await self.saver.add(tx, change, at):
            # Somebody else was faster, or the cause is ongoing: the group belongs to that incident.
            existing = await incidents.by_cause(cause_of(group))
            if existing is None:
                return
            await self.saver.save(tx, apply_alert(existing, group, at, self.saver.timings), at)
            await incidents.link(group.id, existing.id)
            return
        await incidents.link(group.id, record.id)


def _opens_incident(group: AlertGroup, catalogue: Catalogue) -> bool:
    config = catalogue.incidents
    is_calling = group.state is GroupState.FIRING and not group.flapping and group.silence is None
    return config is not None and is_calling and group.severity in config.open_for


def _goes_on(incident: Incident, at: datetime) -> bool:
    """Whether what happens to its alerts still matters to it: until the watch is over."""
    return incident.state.is_ongoing or any(clock.kind.value == "watch" and clock.due_at > at for clock in incident.clocks)


def _has_alert_firing(incident: Incident | None, group: AlertGroup) -> bool:
    """Whether the group has been firing since before the incident ended: a person has closed it nevertheless."""
    if incident is None:
        return False
    return any(each.group_id == group.id and each.firing for each in incident.alerts)


def _opened_by(group: AlertGroup) -> Text:
    return sentence(
        f"{group.severity} {group.title} (", Code(group.id), f") fires{f': {group.summary}' if group.summary else ''}."
    )
