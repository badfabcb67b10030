"""What alert groups and operations do to incidents, in the transaction that writes them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.alerts.alerts import AlertGroup, GroupState
from domain.alerts.rehearsals import rehearsed_team
from domain.catalogue.catalogue import Catalogue
from domain.incidents.changes import IncidentChange
from domain.incidents.incident import ClockKind, Incident
from domain.incidents.linking import apply_alert, apply_operation, cause_of, incident_from, is_part_of, was_unlinked
from domain.incidents.transitions import declare
from domain.operations.operation import OperationRecord
from domain.rich_text import Code, Text, sentence
from runbooks.incidents.saving import IncidentSaver
from storage.incidents import IncidentRepository
from storage.outbox_messages import alert_card
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
        batch = _Batch(tx, self.saver, catalogue, at)
        incident_ids = await tx.of(IncidentRepository).of_subjects(group.id for group in groups)
        # In the order of the incidents' ids: otherwise two transactions could deadlock.
        for group in sorted(groups, key=lambda each: incident_ids.get(each.id, "~")):
            await batch.apply(group, incident_ids.get(group.id, ""))
        await batch.write()

    async def on_operation_saved(self, tx: Transaction, operation: OperationRecord, at: datetime) -> None:
        """Show an operation on the incidents that it belongs to by its environment and services, or by a person's link."""
        if self.saver.catalogue().incidents is None:
            return
        incidents = tx.of(IncidentRepository)
        linked = (await incidents.of_subjects([operation.id])).get(operation.id, "")
        for each in await incidents.of_environment(operation.environment, linked):
            if linked != each.id and not is_part_of(each, operation):
                continue
            incident = await incidents.get_for_update(each.id)
            change = apply_operation(incident, operation, at) if incident is not None and incident.is_open else None
            if change is not None:
                await incidents.link({operation.id: each.id})
                await self.saver.save(tx, [change], at)


@dataclass(slots=True)
class _Batch:
    """The incidents that a batch of alert groups changes. Each is read and written once, however many groups it has."""

    tx: Transaction
    saver: IncidentSaver
    catalogue: Catalogue
    at: datetime
    _incidents: dict[str, Incident] = field(default_factory=dict)
    _changes: dict[str, list[IncidentChange]] = field(default_factory=dict)
    _joined: dict[str, AlertGroup] = field(default_factory=dict)
    """By id, the groups that belong to an incident from now on, which their ``incident`` names."""
    _ids_by_cause: dict[str, str] = field(default_factory=dict)

    async def apply(self, group: AlertGroup, incident_id: str) -> None:
        """Apply a group to its incident, if it has one; else open or join one, if it is severe."""
        incident = await self._loaded(incident_id) if incident_id else None
        if incident is not None and _goes_on(incident, self.at):
            self._apply_to(incident, group)
        elif _opens_incident(group, self.catalogue) and not _has_fired_since_the_end(incident, group):
            await self._open_or_join(group)

    async def write(self) -> None:
        """Write what has changed."""
        await self.tx.of(IncidentRepository).link({group.id: group.incident for group in self._joined.values()})
        await show_incident(self.tx, tuple(self._joined.values()), self.at)
        for _, changes in sorted(self._changes.items()):
            await self.saver.save(self.tx, changes, self.at)

    async def _loaded(self, incident_id: str) -> Incident | None:
        if incident_id not in self._incidents:
            incident = await self.tx.of(IncidentRepository).get_for_update(incident_id)
            if incident is None:
                return None
            self._incidents[incident_id] = incident
        return self._incidents[incident_id]

    def _apply_to(self, incident: Incident, group: AlertGroup) -> None:
        changes = apply_alert(incident, group, self.at, self.saver.timings)
        if changes:
            self._changes.setdefault(incident.id, []).extend(changes)
            self._incidents[incident.id] = changes[-1].record

    async def _open_or_join(self, group: AlertGroup) -> None:
        # A storm has one incident, but for what has one of its own already.
        known = await self._of_cause(cause_of(group)) if group.storm and not rehearsed_team(group) else None
        incident = known or await self._opened(group)
        if incident is not None and not was_unlinked(incident, group):
            self._apply_to(incident, group)
            self._joined[group.id] = replace(group, incident=incident.id)

    async def _opened(self, group: AlertGroup) -> Incident | None:
        """The incident that the group opens, or the one that its cause has already."""
        team = rehearsed_team(group)
        record = incident_from(
            group,
            await self.tx.of(IncidentRepository).new_id(f"{group.id}/{group.episode}"),
            self.at,
            team=team or self.catalogue.team_of(group.service),
            announcement_channel=group.channel if team else self.saver.config.channel or group.channel,
        )
        if (known := await self._of_cause(record.cause)) is not None:
            return known
        change = declare(record, self.saver.timings, reason=_opened_by(group))
        if await self.saver.reserve(self.tx, change.record):
            self._incidents[record.id] = change.record
            self._changes[record.id] = [change]
            self._ids_by_cause[record.cause] = record.id
            return change.record
        # Somebody else was faster: the insert has waited for their commit, so that the row can be read now.
        return await self._of_cause(record.cause)

    async def _of_cause(self, cause: str) -> Incident | None:
        if (known := self._ids_by_cause.get(cause)) is not None:
            return self._incidents[known]
        incident = await self.tx.of(IncidentRepository).by_cause(cause) or await self._merged_of_cause(cause)
        if incident is None:
            return None
        self._ids_by_cause[cause] = incident.id
        return self._incidents.setdefault(incident.id, incident)

    async def _merged_of_cause(self, cause: str) -> Incident | None:
        """Where a cause goes on whose incident a person has merged into another one."""
        incident = await self.tx.of(IncidentRepository).merged_of_cause(cause)
        while incident is not None and incident.merged_into:
            incident = await self._loaded(incident.merged_into)
        return incident if incident is not None and _goes_on(incident, self.at) else None


async def show_incident(tx: Transaction, groups: Sequence[AlertGroup], at: datetime) -> None:
    """Write groups that have joined an incident, and their cards, which name it."""
    await tx.alerts.save(groups)
    for group in groups:
        if not group.storm:
            await tx.put_message(alert_card(group, low_priority=False), at)


def _opens_incident(group: AlertGroup, catalogue: Catalogue) -> bool:
    config = catalogue.incidents
    if rehearsed_team(group):
        return group.state is GroupState.FIRING
    is_calling = group.state is GroupState.FIRING and not group.flapping and group.silence is None
    return config is not None and is_calling and group.severity in config.open_for


def _goes_on(incident: Incident, at: datetime) -> bool:
    """Whether what happens to its alerts still matters to it: until the watch is over."""
    watch = incident.clock(ClockKind.WATCH)
    return incident.state.is_ongoing or (watch is not None and watch.due_at > at)


def _has_fired_since_the_end(incident: Incident | None, group: AlertGroup) -> bool:
    """Whether the group was firing when its incident ended: a person has ended it nevertheless."""
    return incident is not None and any(
        each.group_id == group.id and each.firing and each.episode == group.episode for each in incident.alerts
    )


def _opened_by(group: AlertGroup) -> Text:
    what = f": {group.summary}" if group.summary else "."
    return sentence(f"{group.severity} {group.title} (", Code(group.id), f") fires{what}")
