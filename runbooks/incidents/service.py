"""What people do with incidents: declare, find, and every transition. Each change is one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.catalogue.catalogue import Catalogue
from domain.catalogue.incidents import IncidentTimings
from domain.clock import Clock
from domain.errors import NotFound, Refused
from domain.incidents.changes import IncidentChange
from domain.incidents.incident import Incident, Mark, Participant
from domain.incidents.linking import apply_alert, apply_operation, unlink_alert
from domain.incidents.merging import absorb, merge
from domain.incidents.timeline import TimelineEntry
from domain.incidents.transitions import declare
from domain.incidents.visibility import possibly_the_same
from domain.people import Member
from domain.refusals import NOTHING_CHANGED
from domain.rich_text import CommandMention, Text, sentence
from domain.severities import Severity
from runbooks.incidents.listeners import show_incident
from runbooks.incidents.saving import IncidentSaver
from storage.incidents import IncidentRepository
from storage.store import Store, Transaction

IncidentTransition = Callable[[Incident, Participant, datetime, IncidentTimings], IncidentChange]
"""A transition of ``domain.incidents`` with its own arguments bound."""


class PossiblyTheSame(Refused):
    """Somebody has declared something just now that may be the same matter. Nothing was declared."""

    def __init__(self, incidents: tuple[Incident, ...]) -> None:
        super().__init__(sentence("This may be ", incidents[0].id, ", which was declared just now. Nothing was declared."))
        self.incidents = incidents


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What a person declares. ``source`` is the inbox key: the same one twice is one incident.

    ``is_new``: the person knows of similar ones and means another. ``alerts`` are groups to link.
    """

    title: str
    severity: Severity
    by: Member
    source: str
    channel: str
    environment: str = ""
    services: tuple[str, ...] = ()
    security: bool = False
    is_new: bool = False
    alerts: tuple[str, ...] = ()
    origin: str = ""
    """The link of a message that it is about, which begins the timeline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRequest:
    """A person's request for an incident. ``source`` is the inbox key, which is marked answered together with the change."""

    incident_id: str
    by: Member
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentService:
    """Declares incidents and applies people's requests to them."""

    store: Store
    clock: Clock
    catalogue: Callable[[], Catalogue]
    saver: IncidentSaver
    notify_outbox: Callable[[], None]

    async def declare(self, declaration: Declaration) -> Incident:
        """Open an incident. Raises ``PossiblyTheSame``, or ``Refused`` where the catalogue has no incidents."""
        if self.catalogue().incidents is None:
            raise Refused("The catalogue has no section incidents, so none can be declared.")
        at = self.clock.now()
        async with self.store.write() as tx:
            incidents = tx.of(IncidentRepository)
            # The groups' rows before all others, as everybody who locks them.
            await tx.alerts.get_many_for_update(declaration.alerts)
            # Two declarations at once: the second one sees the first.
            await incidents.lock_declarations()
            if (existing := await incidents.by_source(declaration.source)) is not None:
                return existing
            similar = possibly_the_same(declaration.title, declaration.environment, at, await incidents.open_ones())
            for group in declaration.alerts:
                await self._require_free(tx, group)
            visible = tuple(each for each in similar if not each.security and not declaration.security)
            if visible and not declaration.is_new:
                raise PossiblyTheSame(visible)
            incident = await self._add(tx, declaration, at)
            await tx.inbox.mark_answered(declaration.source, at, incident.id)
        self.notify_outbox()
        return incident

    async def find(self, incident_id: str) -> Incident:
        """Read an incident. Raises ``NotFound``."""
        async with self.store.read() as tx:
            incident = await tx.of(IncidentRepository).get(incident_id)
        return incident or _raise_not_found(incident_id)

    async def in_channel(self, channel: str) -> Incident | None:
        """The incident whose channel this is, or None."""
        async with self.store.read() as tx:
            return await tx.of(IncidentRepository).by_channel(channel)

    async def latest(self, limit: int) -> tuple[Incident, ...]:
        """The newest incidents, open ones first."""
        async with self.store.read() as tx:
            return await tx.of(IncidentRepository).latest(limit)

    async def entries(self, incident_id: str) -> tuple[TimelineEntry, ...]:
        """The timeline, by time, also what was dropped."""
        async with self.store.read() as tx:
            return await tx.of(IncidentRepository).entries(incident_id)

    async def apply(self, request: IncidentRequest, transition: IncidentTransition) -> Incident:
        """Apply a transition under the incident's row lock: the same one for every door. Raises what the transition raises."""
        at = self.clock.now()
        async with self.store.write() as tx:
            incident = await self._locked(tx, request.incident_id)
            change = transition(incident, participant(request.by), at, self.saver.timings)
            await self._require_cause(tx, change.record)
            await self.saver.save(tx, [change], at)
            await tx.inbox.mark_answered(request.source, at, request.incident_id)
        self.notify_outbox()
        return change.record

    async def link(self, request: IncidentRequest, subject: str) -> Incident:
        """Link an alert group (``al-…``) or an operation (``op-…``). Raises ``NotFound`` or ``Refused``."""
        at, by = self.clock.now(), participant(request.by)
        async with self.store.write() as tx:
            # The group's row before the incident's, as everybody who locks both.
            changes_of = await self._linker(tx, subject, by, at)
            incident = await self._locked(tx, request.incident_id)
            await self._require_free(tx, subject, incident.id)
            if not incident.is_open:
                raise Refused(f"{incident.id} is closed, so nothing can be linked to it. Nothing was changed.")
            changes = changes_of(incident)
            if not changes:
                raise Refused(f"{subject} is part of {incident.id} already.")
            await self._require_cause(tx, changes[-1].record)
            await tx.of(IncidentRepository).link({subject: incident.id})
            await self._show_on_alerts(tx, [subject], incident.id, at)
            saved = await self.saver.save(tx, changes, at)
            await tx.inbox.mark_answered(request.source, at, request.incident_id)
        self.notify_outbox()
        return saved or incident

    async def unlink(self, request: IncidentRequest, subject: str) -> Incident:
        """Take an alert group from the incident. Raises ``NotFound``."""
        at = self.clock.now()
        async with self.store.write() as tx:
            await tx.alerts.get_many_for_update([subject])
            incident = await self._locked(tx, request.incident_id)
            change = unlink_alert(incident, subject, participant(request.by), at)
            if change is None:
                raise NotFound(f"{subject} is not part of {incident.id}. Nothing was changed.")
            await tx.of(IncidentRepository).unlink(subject)
            await self._show_on_alerts(tx, [subject], "", at)
            await self.saver.save(tx, [change], at)
            await tx.inbox.mark_answered(request.source, at, request.incident_id)
        self.notify_outbox()
        return change.record

    async def merge(self, request: IncidentRequest, into_id: str) -> Incident:
        """Merge an incident into another one, and return the other. Raises ``NotFound`` or ``Refused``."""
        at, by = self.clock.now(), participant(request.by)
        async with self.store.write() as tx:
            groups = [each.group_id for each in (await self._read(tx, request.incident_id)).alerts]
            await tx.alerts.get_many_for_update(groups)
            # By id, so that two merges in opposite directions do not deadlock.
            locked = {each: await self._locked(tx, each) for each in sorted({request.incident_id, into_id})}
            merged, into = locked[request.incident_id], locked[into_id]
            await self.saver.save(tx, [merge(merged, into, by, at)], at)
            saved = await self.saver.save(tx, [absorb(into, merged, by, at, self.saver.timings)], at)
            await tx.of(IncidentRepository).move_subjects(merged.id, into.id)
            await self._show_on_alerts(tx, groups, into.id, at)
            await tx.inbox.mark_answered(request.source, at, request.incident_id)
        self.notify_outbox()
        return saved or into

    async def _add(self, tx: Transaction, declaration: Declaration, at: datetime) -> Incident:
        incidents, by = tx.of(IncidentRepository), participant(declaration.by)
        config = self.saver.config
        shown_in = declaration.by.person.user_id if declaration.security else (config.channel or declaration.channel)
        record = Incident(
            id=await incidents.new_id(declaration.source),
            title=declaration.title,
            severity=declaration.severity,
            environment=declaration.environment,
            services=declaration.services,
            security=declaration.security,
            declared=Mark(by, at),
            announcement_channel=shown_in,
        )
        change = declare(record, self.saver.timings, origin=declaration.origin)
        await self.saver.add(tx, change, at, source=declaration.source)
        for group in declaration.alerts:
            changes = (await self._linker(tx, group, by, at))(change.record)
            await incidents.link({group: record.id})
            await self._show_on_alerts(tx, [group], record.id, at)
            await self.saver.save(tx, changes, at)
        return change.record

    async def _linker(
        self, tx: Transaction, subject: str, by: Participant, at: datetime
    ) -> Callable[[Incident], Sequence[IncidentChange]]:
        if subject.startswith("al-"):
            group = (await tx.alerts.get_many_for_update([subject])).get(subject)
            if group is None:
                raise NotFound(sentence(f"There is no alert group {subject}. ", CommandMention("alerts"), " lists them."))
            return lambda incident: apply_alert(incident, group, at, self.saver.timings, by=by)
        operation = await tx.operations.get(subject)
        if operation is None:
            raise NotFound(sentence(f"There is no operation {subject}. ", CommandMention("operations"), " lists them."))

        def changes(incident: Incident) -> Sequence[IncidentChange]:
            change = apply_operation(incident, operation, at, by=by)
            return [] if change is None else [change]

        return changes

    async def _show_on_alerts(self, tx: Transaction, ids: Sequence[str], incident_id: str, at: datetime) -> None:
        """Let the cards of these alert groups name their incident. What is no alert group is left out."""
        groups = await tx.alerts.get_many_for_update(ids)
        await show_incident(tx, [replace(group, incident=incident_id) for group in groups.values()], at)

    async def _require_free(self, tx: Transaction, subject: str, incident_id: str = "") -> None:
        """Raise ``Refused`` if an alert group is part of another incident that goes on."""
        incidents = tx.of(IncidentRepository)
        other_id = (await incidents.of_subjects([subject])).get(subject, "") if subject.startswith("al-") else ""
        other = await incidents.get(other_id) if other_id != incident_id else None
        if other is not None and other.state.is_ongoing:
            show = CommandMention(f"incident show {other.id}")
            raise Refused(sentence(f"{subject} is part of {other.id} already: ", show, f". {NOTHING_CHANGED}"))

    async def _require_cause(self, tx: Transaction, record: Incident) -> None:
        """Raise ``Refused`` if another incident has the cause of one that goes on again."""
        other = await tx.of(IncidentRepository).other_of_cause(record) if record.state.is_ongoing else ""
        if other:
            show = CommandMention(f"incident show {other}")
            raise Refused(sentence(f"The same cause goes on as {other}: ", show, f". {NOTHING_CHANGED}"))

    async def _read(self, tx: Transaction, incident_id: str) -> Incident:
        return await tx.of(IncidentRepository).get(incident_id) or _raise_not_found(incident_id)

    async def _locked(self, tx: Transaction, incident_id: str) -> Incident:
        return await tx.of(IncidentRepository).get_for_update(incident_id) or _raise_not_found(incident_id)


def participant(member: Member) -> Participant:
    """The person with the name that others know."""
    return Participant(member.person, member.name)


def _raise_not_found(incident_id: str) -> Incident:
    hint: Text = sentence(CommandMention("incident list"), " lists them.")
    raise NotFound(sentence(f"There is no incident {incident_id}. ", hint))
