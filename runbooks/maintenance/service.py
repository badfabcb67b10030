"""Maintenance windows, as commands and their timer use them. What changes is written with its messages in one transaction."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from domain.audit import AuditEntry, new_entry
from domain.clock import Clock
from domain.errors import NotFound, Refused
from domain.ids import id_candidates
from domain.maintenance.annotation import annotation_of_window
from domain.maintenance.job_transitions import due_job, is_unplanned
from domain.maintenance.report import needs_measurement
from domain.maintenance.schedule import advance, next_due
from domain.maintenance.silencing import has_work
from domain.maintenance.window import MaintenanceWindow, WindowChange, WindowNote
from domain.people import BOT, Person
from domain.refusals import NOTHING_CHANGED
from domain.rich_text import CommandMention, plain_text, sentence
from storage.annotations import request_annotation
from storage.maintenance import MaintenanceRepository, health_timer, job_timer, silence_timer, window_card, window_note
from storage.store import Store, Transaction
from storage.timers import Timer

MAINTENANCE = "maintenance"
"""The kind of the timer of what is due of a window. Its ``subject`` is the window's id."""

Change = Callable[[MaintenanceWindow, datetime], WindowChange]
MakeWindow = Callable[[str], MaintenanceWindow]
"""From the id that the window gets."""


Responders = Callable[[Transaction], Awaitable[tuple[Person, ...]]]
"""Who is on call now, to be told of an overrun."""


async def _nobody(_tx: Transaction) -> tuple[Person, ...]:
    return ()


def _never(_environment: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class MaintenanceService:
    """Plans windows, changes them, and does what is due of them."""

    store: Store
    clock: Clock
    notify_outbox: Callable[[], None]
    responders: Responders = _nobody
    annotates: Callable[[str], bool] = _never
    """Whether windows of an environment are written to its Grafana."""

    async def plan(self, make: MakeWindow, *, source: str, by: Person) -> MaintenanceWindow:
        """Store a new window with its announcement. Idempotent by ``source``. Raises ``Refused`` if it overlaps another one."""
        at = self.clock.now()
        async with self.store.write() as tx:
            windows = tx.of(MaintenanceRepository)
            if (existing := await windows.of_source(source)) is not None:
                return existing
            window = make(await _new_id(windows, source))
            _require_free(window, await windows.open())
            await self._save(tx, WindowChange(window), at)
            await tx.audit.append(_entry(window, f"{source}/maintenance", "plan", by, at))
            await tx.inbox.mark_answered(source, at, window.id)
        self.notify_outbox()
        return window

    async def change(self, window_id: str, what: str, change: Change, *, source: str, by: Person) -> MaintenanceWindow:
        """Apply what a person asked for, after what was due before. Raises ``NotFound``, and whatever ``change`` raises."""
        at = self.clock.now()
        async with self.store.write() as tx:
            before = advance(await self._load(tx, window_id), at)
            after = change(before.window, at)
            saved = WindowChange(after.window, (*before.notes, *after.notes))
            await self._save(tx, saved, at)
            await tx.audit.append(_entry(after.window, f"{source}/maintenance", what, by, at))
            await tx.inbox.mark_answered(source, at, window_id)
        self.notify_outbox()
        return after.window

    async def find(self, window_id: str) -> MaintenanceWindow:
        """A window as it is stored. Raises ``NotFound``."""
        async with self.store.read() as tx:
            return await self._load(tx, window_id)

    async def run_due(self, timer: Timer, at: datetime) -> None:
        """Do what is due of a window. A replay after a crash finds nothing more to do, or the whole of it."""
        async with self.store.write() as tx:
            await tx.timers.remove(timer.key, timer.due_at)
            window = await tx.of(MaintenanceRepository).get(timer.subject)
            if window is None:
                return
            change = advance(window, at)
            await self._save(tx, change, at)
            if change.window.over_at is not None and window.over_at is None:
                await tx.audit.append(_entry(change.window, f"{window.id}/over", "end", BOT, at))
        self.notify_outbox()

    async def _save(self, tx: Transaction, change: WindowChange, at: datetime) -> None:
        window = change.window
        await tx.of(MaintenanceRepository).save(window)
        await _set_timers(tx, window, at)
        if annotation_of_window(window) is not None and self.annotates(window.environment):
            await request_annotation(tx, window.id, at)
        await tx.put_message(window_card(window), at)
        for note in change.notes:
            named = await self._with_responders(tx, window, note) if note.escalates else note
            await tx.put_message(window_note(window, named), at)

    async def _with_responders(self, tx: Transaction, window: MaintenanceWindow, note: WindowNote) -> WindowNote:
        people = [each for each in await self.responders(tx) if each != window.owner]
        named = [part for person in people for part in (" ", person)]
        return replace(note, text=sentence(note.text, " On call:", *named, ".")) if people else note

    async def _load(self, tx: Transaction, window_id: str) -> MaintenanceWindow:
        window = await tx.of(MaintenanceRepository).get(window_id)
        if window is None:
            known = sentence(CommandMention("maintenance list"), " shows those that are planned or run.")
            raise NotFound(sentence(f"There is no maintenance window {window_id}. ", known))
        return window


async def _set_timers(tx: Transaction, window: MaintenanceWindow, at: datetime) -> None:
    due = next_due(window)
    key = f"{MAINTENANCE}/{window.id}"
    if due is None:
        await tx.timers.remove(key)
    else:
        await tx.timers.set(Timer(key, MAINTENANCE, window.id, due))
    if has_work(window, at):
        await tx.timers.set(silence_timer(window.id, at))
    if is_unplanned(window) or due_job(window) is not None:
        await tx.timers.set(job_timer(window.id, at))
    if needs_measurement(window):
        await tx.timers.set(health_timer(window.id, at))


async def _new_id(windows: MaintenanceRepository, source: str) -> str:
    candidates = id_candidates("mw", source)
    taken = await windows.known_ids(candidates)
    return next(candidate for candidate in candidates if candidate not in taken)


def _require_free(window: MaintenanceWindow, others: tuple[MaintenanceWindow, ...]) -> None:
    for other in others:
        overlaps = other.starts_at < window.ends_at and window.starts_at < other.ends_at
        if other.environment == window.environment and overlaps:
            show = CommandMention(f"maintenance show {other.id}")
            raise Refused(
                sentence(f"{other.id} is planned for that time in {other.environment}. {NOTHING_CHANGED} See: ", show, ".")
            )


def _entry(window: MaintenanceWindow, key: str, what: str, by: Person, at: datetime) -> AuditEntry:
    outcome = (
        plain_text(window.outcome)
        if window.over_at
        else f"{window.state.value}, {window.starts_at:%d %b %H:%M} to {window.ends_at:%d %b %H:%M} UTC"
    )
    return new_entry(
        key=key,
        at=at,
        who=by,
        what=f"maintenance-{what}",
        environment=window.environment,
        subject=window.id,
        why=window.work,
        outcome=outcome,
        approval=str(window.approved_by or ""),
    )
