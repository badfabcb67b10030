"""Compares what is recorded as set with what other systems have."""

import asyncio
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from domain.alerts.silences import Silence
from domain.answers.leases import LeasesAnswer
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.errors import PermanentError, Refused, TemporaryError
from domain.leases.lease import Lease, LeaseKind, LeaseReading, Orphan, Reality, compare
from domain.leases.scales import revert_timer_key
from domain.maintenance.leases import leases_of_window
from domain.rich_text import Text, sentence
from runbooks.leases.scales import COMPARISON_TIMEOUT, WorkloadReader, read_scales
from runbooks.leases.user_groups import UserGroupList, read_user_groups
from storage.leases import LeaseRepository
from storage.maintenance import MaintenanceRepository
from storage.store import Store, Transaction

RECORDING_TIME = timedelta(minutes=1)
"""A silence that is younger may be about to be recorded."""
_MARK = re.compile(r"\[((?:al|mw)-[a-z0-9]{1,40})\]$")
"""The end of the comment of every silence that the bot makes: the alert group or the window that it is for."""


class SilenceList(Protocol):
    """What is asked of an Alertmanager."""

    async def silences(self) -> tuple[Silence, ...]:
        """Every silence that it has. Raises ``TemporaryError``, ``PermanentError``."""
        ...


class SilenceListLookup(Protocol):
    """Returns the Alertmanager of an environment and a source. Raises ``Refused`` or ``TemporaryError``."""

    def __call__(self, environment: str, source: str = "", /) -> SilenceList: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """An Alertmanager and what is known of it. ``silences`` by their ids; None where it did not answer."""

    environment: str
    source: str
    silences: Mapping[str, Silence] | None
    problem: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseService:
    """Reads leases and compares them."""

    store: Store
    clock: Clock
    catalogue: Callable[[], Catalogue]
    alertmanager: SilenceListLookup
    clusters: Mapping[str, WorkloadReader]
    user_groups: UserGroupList

    async def recorded(self, environments: Collection[str]) -> tuple[Lease, ...]:
        """What is set in these environments according to our records, the first to end first."""
        at = self.clock.now()
        async with self.store.read() as tx:
            found = [await _with_timer(tx, each) for each in await tx.of(LeaseRepository).standing(environments, at)]
            windows = await tx.of(MaintenanceRepository).open()
        own = [each for window in windows if window.environment in environments for each in leases_of_window(window, at)]
        return tuple(sorted((*found, *own), key=lambda each: (each.until, each.kind, each.key)))

    async def compare(self, environments: Collection[str], *, shared: bool = False) -> LeasesAnswer:
        """What is set, what other systems say of it, and what carries our mark without a record.

        ``shared``: also what belongs to no environment, such as user groups.
        """
        names = (*environments, "") if shared else tuple(environments)
        catalogue, at = self.catalogue(), self.clock.now()
        # Only what is recorded before and after the question can be missing there: the rest was set or ended meanwhile.
        before = await self.recorded(names)
        scaled = [each for each in before if each.kind is LeaseKind.SCALE]
        filled = [each for each in before if each.kind is LeaseKind.USER_GROUP]
        asked = _alertmanagers(catalogue, names, before)
        listed, scales, groups = await asyncio.gather(
            asyncio.gather(*(self._place(*each) for each in asked.values())),
            read_scales(self.clusters, scaled, at),
            read_user_groups(self.user_groups, filled, at),
        )
        after = await self.recorded(names)
        places = dict(zip(asked, listed, strict=True))
        others = (each for each in before if each.kind not in (LeaseKind.SCALE, LeaseKind.USER_GROUP))
        compared = (_compare(each, places.get(catalogue.alertmanagers_of(each.environment, each.source))) for each in others)
        found = {each.lease: each for each in (*compared, *scales.readings, *groups.readings)}
        keys = {lease.key for lease in after}
        return LeasesAnswer(
            environments=tuple(environments),
            readings=tuple(found[each] for each in after if each in found),
            orphans=(
                *(each for each in (*scales.orphans, *groups.orphans) if each.key in keys),
                *await self._orphans(listed, {lease.key for lease in (*before, *after)}, names),
            ),
            problems=(*dict.fromkeys(each.problem for each in listed if each.problem), *scales.problems, *groups.problems),
        )

    async def _place(self, environment: str, source: str) -> _Place:
        problem: Text
        try:
            async with asyncio.timeout(COMPARISON_TIMEOUT.total_seconds()):
                listed = await self.alertmanager(environment, source).silences()
            return _Place(environment=environment, source=source, silences={each.id: each for each in listed})
        except TimeoutError:
            problem = "it did not answer in time."
        except (TemporaryError, PermanentError, Refused) as error:
            problem = error.sentence
        why = sentence(f"Alertmanager of {source or environment}: ", problem)
        return _Place(environment=environment, source=source, silences=None, problem=why)

    async def _orphans(
        self, places: Collection[_Place], recorded: Collection[str], environments: Collection[str]
    ) -> tuple[Orphan, ...]:
        found: dict[str, Orphan] = {}
        at = self.clock.now()
        for place in places:
            for silence in (place.silences or {}).values():
                mark = _MARK.search(silence.comment)
                is_new = at - silence.starts_at < RECORDING_TIME
                if mark and silence.in_force and not is_new and silence.id not in recorded and silence.id not in found:
                    orphan = await self._orphan(place, silence, mark[1])
                    if orphan is not None and orphan.environment in environments:
                        found[silence.id] = orphan
        return tuple(sorted(found.values(), key=lambda each: (each.until, each.key)))

    async def _orphan(self, place: _Place, silence: Silence, subject: str) -> Orphan | None:
        """None where a record knows the silence: a group's that is older than leases, or a window's that is not settled."""
        environment, undo = place.environment, ""
        async with self.store.read() as tx:
            if subject.startswith("mw-"):
                window = await tx.of(MaintenanceRepository).get(subject)
                if window is not None and (window.state.is_open or window.silences):
                    return None
            elif (group := await tx.alerts.get(subject)) is not None:
                if group.silence is not None and group.silence.id == silence.id:
                    return None
                environment, undo = group.environment, f"unsilence {group.id}"
        return Orphan(
            environment=environment,
            key=silence.id,
            made_by=silence.by,
            purpose=silence.comment,
            until=silence.ends_at,
            undo=undo,
        )


def _alertmanagers(
    catalogue: Catalogue, environments: Collection[str], recorded: Collection[Lease]
) -> dict[tuple[str, ...], tuple[str, str]]:
    """By their addresses, an environment and a source whose silences are there: each Alertmanager is asked once.

    A source has alerts of other environments, too, where their labels name one.
    """
    sources = catalogue.alerts.sources if catalogue.alerts else {}
    named = [(name, "") for name in environments]
    own = [(each.environment, name) for name, each in sources.items() if each.environment in environments]
    needed = [(each.environment, each.source) for each in recorded if each.kind is LeaseKind.SILENCE]
    found: dict[tuple[str, ...], tuple[str, str]] = {}
    for place in (*named, *own, *needed):
        if addresses := catalogue.alertmanagers_of(*place):
            found.setdefault(addresses, place)
    return found


async def _with_timer(tx: Transaction, lease: Lease) -> Lease:
    """A scale ends when its timer is due, which moves where the clock was set back."""
    due_at = await tx.timers.due_at(revert_timer_key(lease.key)) if lease.kind is LeaseKind.SCALE else None
    return replace(lease, until=due_at) if due_at is not None else lease


def _compare(lease: Lease, place: _Place | None) -> LeaseReading:
    if lease.kind is LeaseKind.FREEZE:
        # A freeze follows from its record alone.
        return LeaseReading(lease=lease, reality=Reality.HELD, found_until=lease.until)
    if place is None or place.silences is None:
        return LeaseReading(lease=lease, reality=Reality.UNKNOWN)
    return compare(lease, place.silences.get(lease.key))
