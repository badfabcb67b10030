"""Rehearsals: once a week by themselves, or on demand. From a made-up alert over the real ways, with a report in the end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from domain.audit import new_entry
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.paging import PageTestConfig
from domain.clock import Clock
from domain.errors import Refused
from domain.paging import transitions
from domain.paging.pages import Acknowledgement, Page, PageState
from domain.paging.rehearsals import REHEARSAL, RehearsalReport, next_rehearsal, rehearsal_request
from domain.people import Member, Person
from runbooks.paging.service import PagingService
from runbooks.timers import TimerHandler
from storage.page_cards import rehearsal_report
from storage.page_messages import PageMessageRepository
from storage.pages import PageRepository
from storage.store import Store, Transaction
from storage.timers import Timer

WEEKLY = "page-rehearsal"
REPORT = "page-rehearsal-report"
END = "page-rehearsal-end"
"""Kinds of timers. The ``subject`` is the local date of the rehearsal, the page's id, or the incident's."""
GRACE_PERIOD = timedelta(seconds=5)
"""From the acknowledgement to the report: the slower ways may still deliver."""
SCHEDULE_INTERVAL = timedelta(hours=1)
"""How often it is looked whether a weekly rehearsal is to be set: the catalogue may have changed."""


class RehearsalChain(Protocol):
    """What comes before the page."""

    async def begin(self, tx: Transaction, team: str, key: str, config: PageTestConfig, at: datetime) -> str:
        """Raise a made-up alert. Returns the id of the incident that pages for it; empty where alerts open none."""
        ...

    async def end(self, tx: Transaction, incident_id: str, at: datetime) -> None:
        """End the alert and the incident."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalService:
    """Starts rehearsals and reports on them. Without a ``chain``, or where that opens no incident, they begin with the page."""

    store: Store
    clock: Clock
    catalogue: Callable[[], Catalogue]
    paging: PagingService
    notify_outbox: Callable[[], None]
    chain: RehearsalChain | None = None

    @property
    def handlers(self) -> Mapping[str, TimerHandler]:
        """Timer handlers by kind."""
        return {WEEKLY: self._run_weekly, REPORT: self._report_late, END: self._end}

    async def start(self, team: str, key: str, by: Member) -> Page:
        """Rehearse now, because somebody asked for it. Raises ``Refused`` where nothing says how."""
        config = self._config()
        if config is None:
            raise Refused("The catalogue has no paging.test. Nobody was called.")
        self.paging.require_policy(team, config.severity)
        at = self.clock.now()
        async with self.store.write() as tx:
            page = await self._begin(tx, team, key, config, by.person, at)
            await tx.inbox.mark_answered(key, at, "page test")
            entry = new_entry(
                key=f"{key}/page test", at=at, who=by.person, what="page test", subject=team, outcome=f"{page.id}: called"
            )
            await tx.audit.append(entry)
        self.paging.wake()
        self.notify_outbox()
        return page

    async def schedule(self) -> None:
        """Set the timer of the next weekly rehearsal, if the catalogue has one and it is not set."""
        if self._config() is not None:
            async with self.store.write() as tx:
                await self._set_next(tx, self.clock.now())

    async def on_acknowledged(self, tx: Transaction, page: Page, _by: Acknowledgement) -> None:
        """Report right after the acknowledgement."""
        if page.request.kind == REHEARSAL:
            soon = self.clock.now() + GRACE_PERIOD
            await tx.timers.bring_forward(Timer(f"{REPORT}/{page.id}", REPORT, page.id, soon))

    async def _run_weekly(self, timer: Timer, at: datetime) -> None:
        """Page every team, and set the next one: in one transaction, so that it happens once."""
        config = self._config()
        async with self.store.write() as tx:
            if not await tx.timers.remove(timer.key, timer.due_at):
                return
            # The timer of a day that the catalogue does not name any more does nothing.
            if config is not None and _is_on_day(config, timer.subject):
                for team in self.catalogue().oncall:
                    await self._begin(tx, team, timer.subject, config, None, at)
            await self._set_next(tx, at)
        self.paging.wake()
        self.notify_outbox()

    async def _begin(self, tx: Transaction, team: str, key: str, config: PageTestConfig, by: Person | None, at: datetime) -> Page:
        incident = await self.chain.begin(tx, team, key, config, at) if self.chain is not None else ""
        pages = await tx.of(PageRepository).of_subject(incident) if incident else ()
        page = next((each for each in pages if each.request.kind == REHEARSAL), None)
        page = page or await tx.of(PageRepository).request(rehearsal_request(team, key, config, by), at)
        await tx.of(PageMessageRepository).put_card(page, at)
        await tx.timers.set(_report_timer(page, config), at)
        return page

    async def _report_late(self, timer: Timer, at: datetime) -> None:
        """Report how it went, after the acknowledgement or when the time for it is over; end what is still open."""
        async with self.store.write() as tx:
            if not await tx.timers.remove(timer.key, timer.due_at):
                return
            page = await tx.of(PageRepository).lock_free(timer.subject)
            if page is None:
                await tx.timers.set(timer, at)
                return
            report = RehearsalReport(page=page, messages=await tx.of(PageMessageRepository).triggers(page.id), at=at)
            await tx.outbox.put(rehearsal_report(report, page.request.channel), at=at)
            if page.state is not PageState.ENDED:
                await tx.of(PageRepository).apply(transitions.end(page, "the rehearsal is over", at), page, at)
            await tx.timers.set(Timer(f"{END}/{page.id}", END, page.subject, at), at)
        self.paging.wake()
        self.notify_outbox()

    async def _end(self, timer: Timer, at: datetime) -> None:
        """End what came before the page: in a transaction of its own, since its rows are locked before the page's."""
        async with self.store.write() as tx:
            if self.chain is not None:
                await self.chain.end(tx, timer.subject, at)
            await tx.timers.remove(timer.key, timer.due_at)
        self.notify_outbox()

    async def _set_next(self, tx: Transaction, at: datetime) -> None:
        config = self._config()
        due = next_rehearsal(config, at) if config else None
        if due is not None:
            due_at, local_date = due
            day = local_date.isoformat()
            await tx.timers.bring_forward(Timer(f"{WEEKLY}/{day}", WEEKLY, day, due_at))

    def _config(self) -> PageTestConfig | None:
        paging = self.catalogue().paging
        return paging.test if paging else None


def _report_timer(page: Page, config: PageTestConfig) -> Timer:
    return Timer(f"{REPORT}/{page.id}", REPORT, page.id, page.requested_at + config.answer_within)


def _is_on_day(config: PageTestConfig, local_date: str) -> bool:
    return config.weekday is not None and config.weekday.number == date.fromisoformat(local_date).weekday()
