"""Maintenance windows: what is planned, what freezes an environment now, and what their announcements say."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.maintenance.window import MaintenanceWindow, WindowNote
from storage.outbox_messages import FactKind, OutboxMessage, card_of, dump, reply_to, type_adapter
from storage.pruning import delete_batch, is_unneeded
from storage.tables.maintenance import maintenance_windows
from storage.timers import Timer
from storage.upsert import insert

WINDOW_CARD = FactKind("maintenance-card", 1, MaintenanceWindow)
WINDOW_NOTE = FactKind("maintenance-note", 1, WindowNote)
SILENCES = "maintenance-silences"
"""The kind of the timers that set and lift a window's silences. Their ``subject`` is its id."""
WINDOW_HEALTH = "maintenance-health"
"""The kind of the timers that measure an environment at the begin and after the end of a window."""
JOBS = "maintenance-jobs"
"""The kind of the timers that run the backup and the verification of a window."""
_columns = maintenance_windows.c


class MaintenanceRepository:
    """The rows of maintenance windows on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def save(self, window: MaintenanceWindow) -> None:
        """Insert or update a window."""
        values = {
            "id": window.id,
            "source": window.source,
            "environment": window.environment,
            "is_open": window.state.is_open,
            "starts_at": window.starts_at,
            "frozen_until": window.frozen_until,
            "over_at": window.over_at,
            "record": dump(window),
        }
        statement = insert(self._connection, maintenance_windows).values(**values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))

    async def get(self, window_id: str) -> MaintenanceWindow | None:
        """A window, locked until the transaction ends; None without it."""
        found = await self._connection.execute(_select().where(_columns.id == window_id).with_for_update())
        return _read(found.scalar_one_or_none())

    async def of_source(self, source: str) -> MaintenanceWindow | None:
        """The window that this command has planned before; None if it has not."""
        found = await self._connection.execute(_select().where(_columns.source == source))
        return _read(found.scalar_one_or_none())

    async def open(self) -> tuple[MaintenanceWindow, ...]:
        """Every window of which something is yet to come, by its begin."""
        rows = await self._connection.execute(_select().where(_columns.is_open).order_by(_columns.starts_at, _columns.id))
        return tuple(window for text in rows.scalars() if (window := _read(text)))

    async def over_since(self, environment: str, since: datetime) -> tuple[MaintenanceWindow, ...]:
        """The windows of an environment that were over after a time, the first one first."""
        statement = _select().where((_columns.environment == environment) & (_columns.over_at > since))
        rows = await self._connection.execute(statement.order_by(_columns.over_at, _columns.id))
        return tuple(window for text in rows.scalars() if (window := _read(text)))

    async def freeze(self, environment: str, at: datetime) -> MaintenanceWindow | None:
        """The window that freezes an environment at a time; None if nothing does. Of several, the one that lasts longest."""
        within = (_columns.starts_at <= at) & (_columns.frozen_until > at)
        statement = _select().where((_columns.environment == environment) & _columns.is_open & within)
        rows = await self._connection.execute(statement.order_by(_columns.frozen_until.desc()))
        windows = (_read(text) for text in rows.scalars())
        return next((window for window in windows if window and window.freezes(at)), None)

    async def known_ids(self, ids: Iterable[str]) -> frozenset[str]:
        """Those of the ids that a window has."""
        found = await self._connection.execute(select(_columns.id).where(_columns.id.in_(tuple(ids))))
        return frozenset(found.scalars())

    async def prune(self, before: datetime) -> int:
        """Delete a batch of windows that were over before a time; returns how many."""
        is_over = (_columns.over_at < before) & is_unneeded(_columns.id)
        return await delete_batch(self._connection, maintenance_windows, _columns.id, is_over)


def silence_timer(window_id: str, at: datetime) -> Timer:
    """Due when the silences of a window are to be set, lifted or looked for."""
    return Timer(f"{SILENCES}/{window_id}", SILENCES, window_id, at)


def job_timer(window_id: str, at: datetime) -> Timer:
    """Due when the backup or the verification of a window is to be started or looked at."""
    return Timer(f"{JOBS}/{window_id}", JOBS, window_id, at)


def health_timer(window_id: str, at: datetime) -> Timer:
    """Due when the environment of a window is to be measured."""
    return Timer(f"{WINDOW_HEALTH}/{window_id}", WINDOW_HEALTH, window_id, at)


def window_card(window: MaintenanceWindow) -> OutboxMessage:
    """The announcement of a window in its present state."""
    return card_of(window.id, WINDOW_CARD, window, channel=window.channel)


def window_note(window: MaintenanceWindow, note: WindowNote) -> OutboxMessage:
    """A reply in the thread of a window's announcement."""
    return reply_to(window.id, note.key, WINDOW_NOTE, note, channel=window.channel)


def _select() -> Select[Any]:
    return select(_columns.record)


def _read(text: str | None) -> MaintenanceWindow | None:
    if text is None:
        return None
    window: MaintenanceWindow = type_adapter(MaintenanceWindow).validate_json(text)
    return window
