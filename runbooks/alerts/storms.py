"""Folds new groups of a batch into storms, and updates the storms' cards."""

from dataclasses import replace
from datetime import datetime, timedelta

from domain.alerts.storms import Storm
from domain.catalogue.alerts import AlertsConfig
from domain.clock import has_passed
from domain.ids import id_candidates
from domain.severities import Severity
from runbooks.alerts.timers import storm_timer
from storage.group_saves import StormSave
from storage.store import Transaction

MINUTE = timedelta(minutes=1)


class StormBatch:
    """The storms that one batch of notifications touches. ``fold`` and ``touch``; ``saves`` is what to write of them."""

    def __init__(self, tx: Transaction, entry: AlertsConfig) -> None:
        self._tx, self._entry = tx, entry
        self._opened_at: dict[str, list[datetime]] = {}
        self._storms: dict[str, Storm] = {}
        self._newest_ids: dict[str, str] = {}
        """Id of the open storm by channel; empty if there is none."""
        self._new: set[str] = set()
        self._grown: set[str] = set()
        self._touched: set[str] = set()

    async def fold(self, channel: str, severity: Severity, at: datetime, source: str) -> str:
        """Fold a group that opens now into a storm and return its id; empty if the group gets its own card (P0 always does)."""
        recent = await self._recently_opened(channel, at)
        # Counted before the severity is looked at: a P0 has its own card, but contributes to the rate that opens a storm.
        recent.append(at)
        if severity is Severity.P0:
            return ""
        storm = await self._channel_storm(channel)
        if storm is None or self._is_over(storm, at):
            if len(recent) <= self._entry.storm_threshold_per_minute:
                return ""
            storm = Storm(id=await self._new_id(source), channel=channel, began_at=at, last_at=at)
            self._newest_ids[channel] = storm.id
            self._new.add(storm.id)
        self._storms[storm.id] = replace(storm, last_at=max(at, storm.last_at))
        self._grown.add(storm.id)
        self._touched.add(storm.id)
        return storm.id

    def touch(self, storm_id: str) -> None:
        """Note that a folded group changed, so that its storm's card is updated."""
        self._touched.add(storm_id)

    async def is_over(self, storm_id: str, at: datetime) -> bool:
        """Whether the storm is over or unknown, so that its card no longer gets attention."""
        if storm_id not in self._storms and (found := await self._tx.storms.get(storm_id)) is not None:
            self._storms[storm_id] = found
        storm = self._storms.get(storm_id)
        return storm is None or self._is_over(storm, at)

    def saves(self) -> tuple[StormSave, ...]:
        """Every storm that this batch touched; the card of a new one is seen at once."""
        return tuple(self._save(storm_id) for storm_id in sorted(self._touched))

    def _save(self, storm_id: str) -> StormSave:
        storm, grown = self._storms.get(storm_id), storm_id in self._grown
        timer = storm_timer(storm, self._entry) if storm is not None and grown else None
        return StormSave(id=storm_id, storm=storm, changed=grown, timer=timer, low_priority=storm_id not in self._new)

    def _is_over(self, storm: Storm, at: datetime) -> bool:
        return storm.ended_at is not None or has_passed(self._entry.storm_quiet, storm.last_at, at)

    async def _recently_opened(self, channel: str, at: datetime) -> list[datetime]:
        if channel not in self._opened_at:
            self._opened_at[channel] = list(await self._tx.alerts.opened_since(channel, at - MINUTE))
        self._opened_at[channel] = [opened_at for opened_at in self._opened_at[channel] if not has_passed(MINUTE, opened_at, at)]
        return self._opened_at[channel]

    async def _channel_storm(self, channel: str) -> Storm | None:
        if channel not in self._newest_ids:
            found = await self._tx.storms.latest_open(channel)
            self._newest_ids[channel] = found.id if found else ""
            if found is not None:
                self._storms.setdefault(found.id, found)
        return self._storms.get(self._newest_ids[channel])

    async def _new_id(self, source: str) -> str:
        ids = id_candidates("st", source)
        used = await self._tx.storms.known_ids(ids) | self._storms.keys()
        return next(candidate for candidate in ids if candidate not in used)
