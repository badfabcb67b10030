"""What people and pagers do with pages: ask for one, acknowledge it by any door, rehearse."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from domain.audit import AuditEntry, new_entry
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.errors import Denied, NotFound, Refused
from domain.paging import transitions
from domain.paging.messages import StoredMessage
from domain.paging.pages import Acknowledgement, Page, PageRequest, PageState
from domain.paging.remote import RemoteEventKind, RemoteIncident, RemotePerson, RemoteStatus
from domain.paging.transitions import PageChange
from domain.people import Member, Person, Role
from domain.refusals import NOTHING_CHANGED
from domain.rich_text import Code, Text, sentence
from domain.severities import Severity
from runbooks.paging.processing import PageProcessor
from storage.page_messages import PageMessageRepository
from storage.pager_events import PagerEventRepository
from storage.pages import PageRepository
from storage.store import Store, Transaction

log = structlog.get_logger()

_STATUS_OF_EVENT = {RemoteEventKind.ACKNOWLEDGED: RemoteStatus.ACKNOWLEDGED, RemoteEventKind.RESOLVED: RemoteStatus.RESOLVED}


@dataclass(frozen=True, slots=True, kw_only=True)
class PagingService:
    """One way for each act, whatever door it comes by. ``wake`` lets the worker look at once."""

    store: Store
    clock: Clock
    catalogue: Callable[[], Catalogue]
    processor: PageProcessor
    wake: Callable[[], None]
    notify_outbox: Callable[[], None]

    async def page(self, request: PageRequest, by: Member, key: str) -> Page:
        """Page somebody. ``key`` is the inbox key of the command. Raises ``Refused`` where nobody would be called."""
        self.require_policy(request.team, request.severity)
        at = self.clock.now()
        async with self.store.write() as tx:
            page = await tx.of(PageRepository).request(request, at)
            await tx.of(PageMessageRepository).put_card(page, at)
            await tx.inbox.mark_answered(key, at, "page")
            await tx.audit.append(_audit(key, at, by.person, "page", page, f"{page.id}: called"))
        self._go_on()
        return page

    def require_policy(self, team: str, severity: Severity) -> None:
        """Raise ``Refused`` where the catalogue has no policy that says whom to call."""
        paging = self.catalogue().paging
        if paging is None:
            raise Refused(f"The catalogue says nothing of paging. {NOTHING_CHANGED}")
        if paging.policy_of(team, severity) is None:
            known = ", ".join(sorted({*paging.policies, *paging.teams.get(team, {})}))
            raise Refused(f"The catalogue has no paging policy for {severity}; it has {known}. Nobody was called.")

    async def acknowledge(self, key: str, by: Member, source: str) -> tuple[Page, ...]:
        """Acknowledge a page, or all that one message announced. Raises ``NotFound``, ``Denied`` or ``Refused``.

        ``source`` is the inbox key of the command or click.
        """
        at = self.clock.now()
        async with self.store.write() as tx:
            pages = await self._lock(tx, key)
            if not pages:
                raise NotFound(sentence("There is no page ", Code(key), ". The message that called you names it."))
            self._check_may_acknowledge(pages, by)
            acknowledgement = self._acknowledgement(by, at)
            changed = await self._apply(tx, pages, lambda page: transitions.acknowledge(page, acknowledgement), at)
            if not changed:
                raise Refused(_already(pages[0]))
            await tx.inbox.mark_answered(source, at, "acknowledge")
            await tx.audit.append(_audit(source, at, by.person, "acknowledge", changed[0], f"{key}: acknowledged"))
        self._go_on()
        return changed

    async def find(self, page_id: str, by: Member) -> tuple[Page, tuple[StoredMessage, ...]]:
        """A page and what was sent for it. Raises ``NotFound``, also for the page of a security incident that is not theirs."""
        async with self.store.read() as tx:
            page = await tx.of(PageRepository).get(page_id)
            messages = await tx.of(PageMessageRepository).triggers(page_id)
        if page is None or not self._may_see(page, by):
            raise NotFound(sentence("There is no page ", Code(page_id), "."))
        return page, messages

    async def apply_remote(
        self, tx: Transaction, incident: RemoteIncident, status: RemoteStatus, by: RemotePerson | None, at: datetime
    ) -> int:
        """Apply what a pager says about an incident of ours. Returns how many pages it changed; repeated, it changes none.

        What nobody did, an integration or the pager itself, tells nothing about people: our own acts come back like that.
        """
        pages = await self._lock(tx, incident.dedup_key)
        if status is RemoteStatus.TRIGGERED or (status is RemoteStatus.ACKNOWLEDGED and by is None):
            return 0
        acknowledgement = self._remote_acknowledgement(by, incident.dedup_key, at)

        def transition(page: Page) -> PageChange:
            if status is RemoteStatus.ACKNOWLEDGED:
                return transitions.acknowledge(page, acknowledgement)
            return transitions.resolved_elsewhere(page, acknowledgement, is_person=by is not None)

        changed = await self._apply(tx, pages, transition, at, remote_key=incident.dedup_key)
        log.info("pager reported", key=incident.dedup_key, status=status, pages=len(changed))
        return len(changed)

    async def apply_event(self, event_id: str, kind: RemoteEventKind, incident: RemoteIncident, by: RemotePerson | None) -> bool:
        """Apply an event of a pager once. False if it was known already."""
        at = self.clock.now()
        async with self.store.write() as tx:
            if not await tx.of(PagerEventRepository).remember(event_id, at):
                return False
            if (status := _STATUS_OF_EVENT.get(kind)) is not None:
                await self.apply_remote(tx, incident, status, by, at)
        self._go_on()
        return True

    async def _lock(self, tx: Transaction, key: str) -> tuple[Page, ...]:
        """Lock the subjects before their pages, in the order in which the subjects' own transactions do."""
        found = await tx.of(PageRepository).find_by_key(key)
        for subject in sorted({page.subject for page in found}):
            await self.processor.listeners.lock(tx, subject)
        return await tx.of(PageRepository).lock_ids(page.id for page in found)

    async def _apply(
        self,
        tx: Transaction,
        pages: Sequence[Page],
        transition: Callable[[Page], PageChange],
        at: datetime,
        *,
        remote_key: str = "",
    ) -> tuple[Page, ...]:
        changed = []
        for page in pages:
            change = transition(page)
            if change.record != page or change.notes:
                changed.append(await self.processor.apply(tx, change, page, at, remote_key=remote_key))
        return tuple(changed)

    def _may_see(self, page: Page, by: Member) -> bool:
        """Whether they may know of the page: a private one is shown to whoever was called, and to the role security."""
        if not page.request.is_private or by.user_ids & {recipient.slack for recipient in page.called}:
            return True
        catalogue, environment = self.catalogue(), page.request.environment
        scopes = (environment,) if environment in catalogue.environments else tuple(catalogue.environments)
        return any(catalogue.has_role(by, Role.SECURITY, scope) for scope in scopes)

    def _check_may_acknowledge(self, pages: Sequence[Page], by: Member) -> None:
        """Whoever was called may acknowledge, and everybody with the role where no page is private."""
        called = {recipient.slack for page in pages for recipient in page.called}
        private = [page for page in pages if page.request.is_private]
        if not all(by.user_ids & {recipient.slack for recipient in page.called} for page in private):
            raise Denied(f"Only who was called may acknowledge the page of a security incident. {NOTHING_CHANGED}")
        environment = pages[0].request.environment or None
        catalogue = self.catalogue()
        scopes = [environment] if environment in catalogue.environments else [None, *catalogue.environments]
        if not called & by.user_ids and not any(catalogue.has_role(by, Role.RESPONDER, scope) for scope in scopes):
            raise Denied(
                sentence("Acknowledging needs the role responder, or to be one of those who were called. ", NOTHING_CHANGED)
            )

    def _acknowledgement(self, by: Member, at: datetime) -> Acknowledgement:
        known = (name for name, person in self.catalogue().people.items() if person.slack in by.user_ids)
        return Acknowledgement(by=by.person, name=next(known, by.name), at=at, door="command")

    def _remote_acknowledgement(self, by: RemotePerson | None, key: str, at: datetime) -> Acknowledgement:
        catalogue = self.catalogue()
        for name, person in catalogue.people.items():
            if by is not None and person.pagerduty == by.id:
                own = Person(person.slack, catalogue.workspaces[0])
                return Acknowledgement(by=own, name=name, at=at, door="pagerduty", remote_key=key)
        unknown = by.name or by.id if by else "PagerDuty"
        return Acknowledgement(by=None, name=unknown, at=at, door="pagerduty", remote_key=key)

    def _go_on(self) -> None:
        self.wake()
        self.notify_outbox()


def _already(page: Page) -> Text:
    if page.state is PageState.ENDED:
        return sentence(Code(page.id), " has ended already: ", page.final_reason, ". ", NOTHING_CHANGED)
    taken = page.acknowledgement
    who = (taken.by or taken.name) if taken else "somebody"
    return sentence(Code(page.id), " was acknowledged already by ", who, ". ", NOTHING_CHANGED)


def _audit(key: str, at: datetime, who: Person, what: str, page: Page, outcome: str) -> AuditEntry:
    environment = page.request.environment
    return new_entry(
        key=f"{key}/{what}", at=at, who=who, what=what, environment=environment, subject=page.subject, outcome=outcome
    )
