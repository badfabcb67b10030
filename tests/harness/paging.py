"""Paging on a real database, with ways that remember what they were given."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from domain.catalogue.catalogue import Catalogue
from domain.errors import DeepechoError
from domain.oncall.schedule import Assignment
from domain.paging.pages import Acknowledgement, Page, PageNote, PageRequest
from domain.paging.ways import Handover, PageAction, PageMessage, Receipt, RetryRule
from domain.people import Person
from domain.severities import Severity
from runbooks.paging.listeners import PageListeners
from runbooks.paging.processing import PageProcessor
from runbooks.paging.sending import PageSender
from runbooks.paging.service import PagingService
from runbooks.paging.worker import PageWorker, WorkerOptions
from storage.engines import open_engines
from storage.pages import PageRepository
from storage.store import Store, Transaction
from tests.harness.fakes.clock import StoppedClock
from tests.harness.samples.team import team_catalogue

PEOPLE = {
    "ana": {"slack": "U0ANA", "phone": "+491700000001", "email": "ana@example.com", "pagerduty": "PANA"},
    "lee": {"slack": "U0LEE", "phone": "+491700000002", "email": "lee@example.com", "pagerduty": "PLEE"},
    "mia": {"slack": "U0MIA", "phone": "+491700000003", "email": "mia@example.com"},
}
LAYER = {"name": "primary", "people": ["ana", "lee"], "starts": "2026-01-05", "handoff": {"at": "09:00", "days": ["mon"]}}
BACKUP = {**LAYER, "name": "backup", "people": ["lee", "ana"]}
TEAM = {"zone": "Europe/Berlin", "layers": [LAYER, BACKUP], "lead": "mia"}
STEPS = (
    {"whom": ["oncall"], "ways": ["pagerduty:platform", "sms"], "wait_minutes": 5, "tries": 2},
    {"whom": ["lead"], "ways": ["sms", "email"], "wait_minutes": 10},
)


def paging_catalogue(
    *steps: dict[str, object], rounds: int = 1, severities: Sequence[str] = ("P0", "P1"), **paging: object
) -> Catalogue:
    """The team's catalogue with people, rotations and one policy."""
    policy = {"steps": list(steps or STEPS), "rounds": rounds}
    section = {"policies": dict.fromkeys(severities, policy), "numbers": {"NOC": "+49301234567"}, **paging}
    return team_catalogue(people=PEOPLE, oncall={"platform": TEAM}, paging=section)


def ten_people() -> Catalogue:
    """Ten people who are all called by SMS at once."""
    people = {f"p{number}": {"slack": f"U0P{number}00", "phone": f"+4917000001{number:02}"} for number in range(10)}
    step = {"whom": [f"person:{name}" for name in people], "ways": ["sms"], "wait_minutes": 600}
    return team_catalogue(people=people, paging={"policies": {"P0": {"steps": [step]}, "P1": {"steps": [step]}}})


@dataclass
class MemoryWay:
    """A way that keeps what it was given. ``errors`` are raised first, one for each attempt; ``error`` is raised always."""

    name: str
    mirrors: bool = False
    repeats_safely: bool = False
    handover: Handover = Handover.ACCEPTED
    retries: RetryRule = field(default_factory=lambda: RetryRule(3, 30.0, 60.0))
    sent: list[tuple[PageMessage, str]] = field(default_factory=list)
    errors: list[DeepechoError] = field(default_factory=list)
    error: DeepechoError | None = None
    accepts_before_error: bool = False
    """Whether it takes what it then says to have failed."""
    before_send: Callable[[], object] | None = None

    async def send(self, message: PageMessage, destination: str) -> Receipt:
        await asyncio.sleep(0)
        if self.before_send is not None and asyncio.iscoroutine(pending := self.before_send()):
            await pending
        error = self.errors.pop(0) if self.errors else self.error
        if error is None or self.accepts_before_error:
            self.sent.append((message, destination))
        if error is not None:
            raise error
        return Receipt(self.handover, f"ref-{len(self.sent)}")

    def triggers(self) -> list[str]:
        """Where something was triggered, in order."""
        return [destination for message, destination in self.sent if message.action is PageAction.TRIGGER]

    def actions(self) -> list[PageAction]:
        return [message.action for message, _ in self.sent]


@dataclass
class PagingHarness:
    """One replica that pages, and what everybody was told."""

    store: Store
    catalogue: Catalogue
    clock: StoppedClock = field(default_factory=StoppedClock)
    replica: str = "replica-1"
    pagerduty: MemoryWay = field(default_factory=lambda: MemoryWay("pagerduty", mirrors=True, repeats_safely=True))
    sms: MemoryWay = field(default_factory=lambda: MemoryWay("sms"))
    email: MemoryWay = field(default_factory=lambda: MemoryWay("email"))
    notes: list[PageNote] = field(default_factory=list)
    acknowledged: list[tuple[str, str]] = field(default_factory=list)
    on_call: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"primary": ("ana",), "backup": ("lee",)})

    def __post_init__(self) -> None:
        ways = {way.name: way for way in (self.pagerduty, self.sms, self.email)}
        self.listeners = PageListeners([self._acknowledged], [self._noted])
        self.processor = PageProcessor(
            store=self.store,
            clock=self.clock,
            catalogue=lambda: self.catalogue,
            ways=ways,
            on_call=self._on_call,
            listeners=self.listeners,
        )
        self.sender = PageSender(
            self.store,
            self.clock,
            ways,
            rng=random.Random(1),  # noqa: S311 -- no secret
            observe=lambda *_: None,
            send_timeout=5,
        )
        self.worker = PageWorker(
            self.store,
            self.clock,
            lambda: self.catalogue,
            self.processor,
            self.sender,
            replica=self.replica,
            check_lease=lambda: None,
            notify_outbox=lambda: None,
            options=WorkerOptions(),
        )

    async def request(self, subject: str = "inc-x4k2", severity: Severity = Severity.P1, **more: object) -> Page:
        """Ask for a page of the team."""
        values = {"cause": subject, "team": "platform", "title": f"{subject} is failing", **more}
        async with self.store.write() as tx:
            request = PageRequest(subject=subject, severity=severity, **values)  # type: ignore[arg-type]
            return await tx.of(PageRepository).request(request, self.clock.now())

    async def work(self, rounds: int = 6) -> None:
        """Let the worker do what is due now, and everything that follows from it at once."""
        for _ in range(rounds):
            async with asyncio.TaskGroup() as sends:
                while await self.worker.run_once(sends) == 0.0:
                    pass

    async def pass_time(self, minutes: float) -> None:
        self.clock.advance(timedelta(minutes=minutes))
        await self.work()

    async def acknowledge(
        self, subject: str = "inc-x4k2", name: str = "lee", door: str = "command", remote_key: str = ""
    ) -> None:
        by = Acknowledgement(
            by=Person(f"U0{name.upper()}", "T0MAIN"), name=name, at=self.clock.now(), door=door, remote_key=remote_key
        )
        async with self.store.write() as tx:
            await tx.of(PageRepository).acknowledge(subject, by)

    async def stop(self, subject: str = "inc-x4k2") -> None:
        async with self.store.write() as tx:
            await tx.of(PageRepository).stop(subject, self.clock.now(), "resolved")

    async def page(self, subject: str = "inc-x4k2") -> Page:
        async with self.store.read() as tx:
            return (await tx.of(PageRepository).of_subject(subject))[-1]

    def said(self) -> list[str]:
        """What the subject's card was told."""
        return [str(note.text) for note in self.notes]

    async def _on_call(self, _tx: Transaction, _team: str) -> tuple[Assignment, ...]:
        return tuple(Assignment(layer, people) for layer, people in self.on_call.items())

    async def _acknowledged(self, _tx: Transaction, page: Page, by: Acknowledgement) -> None:
        self.acknowledged.append((page.subject, by.name))

    async def _noted(self, _tx: Transaction, _page: Page, note: PageNote) -> None:
        self.notes.append(note)


def paging_service(harness: PagingHarness) -> PagingService:
    """What commands and webhooks use, in front of the harness's worker."""
    return PagingService(
        store=harness.store,
        clock=harness.clock,
        catalogue=lambda: harness.catalogue,
        processor=harness.processor,
        wake=harness.worker.wake,
        notify_outbox=lambda: None,
    )


@asynccontextmanager
async def open_sqlite_paging(url: str) -> AsyncIterator[PagingHarness]:
    """Paging on a database that is closed in the end."""
    store = Store(open_engines(url))
    try:
        yield PagingHarness(store, paging_catalogue())
    finally:
        await store.close()
