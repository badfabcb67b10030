"""Works on one page: folds it, makes the call that is due, replaces what failed, tells its subject. One transaction each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.paging import transitions
from domain.paging.messages import missing_messages, reaches_nobody, repeated_messages
from domain.paging.outcomes import outcome_note
from domain.paging.pages import Page, PageState
from domain.paging.policies import PagePolicy, policy_from
from domain.paging.rehearsals import REHEARSAL, rehearsal_policy
from domain.paging.transitions import PageChange
from domain.paging.ways import PageWay
from runbooks.paging.listeners import PageListeners
from runbooks.paging.recipients import OnCallLookup, recipients
from storage.page_messages import PageMessageRepository
from storage.pages import PageRepository
from storage.store import Store, Transaction

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class PageProcessor:
    """Moves pages on. ``ways`` are those that are set up, by name."""

    store: Store
    clock: Clock
    catalogue: Callable[[], Catalogue]
    ways: Mapping[str, PageWay]
    on_call: OnCallLookup
    listeners: PageListeners

    @property
    def deduplicating(self) -> frozenset[str]:
        """Ways that ring once for a page, however often it is sent to them."""
        return frozenset(name for name, way in self.ways.items() if way.repeats_safely)

    @property
    def mirroring(self) -> frozenset[str]:
        """Ways that are told of an acknowledgement and of the end."""
        return frozenset(name for name, way in self.ways.items() if way.mirrors)

    async def process(self, page_id: str) -> bool:
        """Do what is due for a page. False if another transaction has locked it: it is left for the next time."""
        at = self.clock.now()
        async with self.store.write() as tx:
            known = await tx.of(PageRepository).get(page_id)
            if known is None:
                return False
            await self.listeners.lock(tx, known.subject)
            page = await tx.of(PageRepository).lock_free(page_id)
            if page is None:
                return False
            if page.state is PageState.FOLDED:
                page = await self._follow_leader(tx, page, at)
            if page.state is PageState.OPEN:
                page = await self._move_on(tx, page, at)
            await self._note_outcomes(tx, page, at)
            await tx.of(PageRepository).checked(page_id)
        return True

    async def apply(self, tx: Transaction, change: PageChange, before: Page, at: datetime, *, remote_key: str = "") -> Page:
        """Write a transition of a locked page, and tell the listeners."""
        notes = await tx.of(PageRepository).apply(change, before, at, remote_key=remote_key)
        page = change.record
        if change.is_acknowledged and page.acknowledgement is not None:
            await self.listeners.acknowledged(tx, page, page.acknowledgement)
        await self.listeners.noted(tx, page, notes)
        return page

    async def _follow_leader(self, tx: Transaction, page: Page, at: datetime) -> Page:
        """What happens to the page that stands for the cause happens to those that are folded into it."""
        leader = await tx.of(PageRepository).get(page.folded_into)
        if leader is not None and leader.state in (PageState.OPEN, PageState.UNANSWERED):
            return page
        if leader is not None and leader.acknowledgement is not None:
            return await self.apply(tx, transitions.acknowledge(page, leader.acknowledgement), page, at)
        return await self.apply(tx, transitions.promote(page, at), page, at)

    async def _move_on(self, tx: Transaction, page: Page, at: datetime) -> Page:
        page = await self.apply(tx, transitions.follow_clock(page, at), page, at)
        if page.policy is None:
            leader = await tx.of(PageRepository).leader(page)
            change = transitions.start(page, self._policy(page), at) if leader is None else transitions.fold(page, leader, at)
            page = await self.apply(tx, change, page, at)
        while page.state is PageState.OPEN:
            if page.due_at is not None and page.due_at <= at:
                if (hold := await self.listeners.held(tx, page, at)) is not None:
                    return await self.apply(tx, transitions.hold(page, hold, at), page, at)
                page = await self._call(tx, page, at)
            if page.state is not PageState.OPEN or await self._reaches_somebody(tx, page, at):
                break
            hurried = await self.apply(tx, transitions.hurry(page, self._numbers(), at), page, at)
            if hurried.due_at == page.due_at:
                return hurried
            page = hurried
        return page

    async def _call(self, tx: Transaction, page: Page, at: datetime) -> Page:
        assert page.policy is not None  # noqa: S101 -- ``start`` has fixed it
        if page.call >= page.policy.calls:
            return await self.apply(tx, transitions.call(page, (), at), page, at)
        assigned = await self.on_call(tx, page.request.team)
        called = recipients(page, page.policy.step_of(page.call).whom, assigned, self.catalogue())
        log.info("page call", page=page.id, call=page.call + 1, people=[each.name for each in called])
        return await self.apply(tx, transitions.call(page, called, at), page, at)

    async def _reaches_somebody(self, tx: Transaction, page: Page, at: datetime) -> bool:
        """Add the messages that the last call still needs. Return whether one has arrived, or may be expected to."""
        messages = tx.of(PageMessageRepository)
        stored = await messages.triggers(page.id)
        missing = missing_messages(page, stored, self.deduplicating)
        repeated = repeated_messages(page, (*stored, *missing))
        await messages.add(page, (*missing, *repeated), at, mirroring=self.mirroring)
        return not reaches_nobody(page, (*stored, *missing, *repeated), self.deduplicating)

    async def _note_outcomes(self, tx: Transaction, page: Page, at: datetime) -> None:
        outcomes = await tx.of(PageMessageRepository).unnoted(page.id)
        await tx.of(PageMessageRepository).put_card(page, at)
        await self.listeners.noted(tx, page, (outcome_note(page, message, at) for message in outcomes))

    def _policy(self, page: Page) -> PagePolicy | None:
        paging = self.catalogue().paging
        config = paging.policy_of(page.request.team, page.request.severity) if paging else None
        if paging is None or config is None:
            return None
        policy = policy_from(config)
        return rehearsal_policy(policy, paging.test) if page.request.kind == REHEARSAL and paging.test else policy

    def _numbers(self) -> Mapping[str, str]:
        paging = self.catalogue().paging
        return paging.numbers if paging else {}
