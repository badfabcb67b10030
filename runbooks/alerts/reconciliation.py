"""Compares the stored alerts with Alertmanager's own list: now and then, when a silence ends, and where notifications disagree.

One request for all alerts, compared by fingerprint; where nothing differs, nothing but the timer is written.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import NoReturn

import structlog

from domain.alerts.links import links_of
from domain.alerts.reconciliation import (
    Corrections,
    KnownAlert,
    can_believe_absence,
    correction,
    corrections,
    differing_groups,
    ended_explanation,
    firing_fingerprints,
    is_fed,
    matches,
    returned_explanation,
)
from domain.catalogue.alerts import AlertsConfig
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.errors import UNEXPECTED_ERRORS, TemporaryError
from runbooks.alerts.alertmanager_list import AlertList, AlertListReader
from runbooks.alerts.batch import GroupBatch
from runbooks.alerts.contradictions import Contradictions
from runbooks.alerts.firing_rules import FiringRules
from runbooks.alerts.senders import FIRST_MATCH_INTERVAL, is_matched, match_key
from runbooks.alerts.timers import DOUBT, alertmanagers_key, reconcile_timer
from runbooks.periodic import run_periodically
from storage.alertmanagers import AlertmanagerRepository, AlertScope
from storage.store import Store
from storage.timers import TIMER_CLAIM_TIMEOUT, Timer

log = structlog.get_logger()

RECONCILE_INTERVAL = timedelta(minutes=1)
MAX_FIRST_LOOKS = 12
"""Lists without any alert of a sender, after which that Alertmanager is asked at the usual interval."""
BACKLOG_DELAY = timedelta(seconds=5)
"""Wait for stored notifications to be applied: they may say the same."""
MAX_CLAIM_AGE = TIMER_CLAIM_TIMEOUT / 2
"""A timer that has waited longer is left alone: its claim may expire, and two replicas would work at it."""
MAX_RULES_ASKED = 20
"""Groups about which Prometheus is asked for one comparison, all at once, so that its cost does not grow with their number."""
MAX_MATCH_GROUPS = 50
"""Groups whose alerts are read to find one that is listed with the same beginning."""


@dataclass(frozen=True, slots=True)
class _Comparison:
    """What is stored of the alerts that these Alertmanagers have, by scope, and their list."""

    addresses: tuple[str, ...]
    known: Mapping[AlertScope, Sequence[KnownAlert]]
    found: AlertList
    at: datetime


class Reconciler:
    """Works on timers that were claimed, on one replica at a time. ``notify_outbox`` wakes the outbox worker."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        catalogue: Callable[[], Catalogue],
        reader: AlertListReader,
        rules: FiringRules,
        notify_outbox: Callable[[], None],
    ) -> None:
        self._store, self._clock, self._catalogue, self._reader = store, clock, catalogue, reader
        self._rules, self._notify_outbox = rules, notify_outbox
        self._contradictions = Contradictions(store, clock, catalogue, reader)
        # Not ``runbooks.queued_timers``: many timers of doubt, each with a subject of its own, ask one Alertmanager. Those of one
        # that hangs would take all workers from the others.
        self._queue: list[tuple[Timer, datetime]] = []
        self._woken = asyncio.Event()
        self._scheduled: Catalogue | None = None
        self._first_looks: dict[str, int] = {}
        self.corrected = 0

    async def submit(self, timer: Timer, at: datetime) -> None:
        """Queue a timer that was claimed ``at``. It is moved or removed after the work: a crash loses nothing."""
        self._queue.append((timer, at))
        self._woken.set()

    async def run(self) -> NoReturn:
        """Work on queued timers, until the process ends."""
        await run_periodically("comparing alerts", RECONCILE_INTERVAL, self.run_once, wake=self._woken)

    async def run_once(self) -> None:
        """Work on all queued timers at once, so that one Alertmanager that hangs delays no other."""
        await self.schedule()
        queue, self._queue = self._queue, []
        at = self._clock.now()
        await asyncio.gather(*(self._process(timer) for timer, claimed_at in queue if at - claimed_at < MAX_CLAIM_AGE))

    async def schedule(self) -> None:
        """Start the timers of Alertmanagers that have none: each is asked at once after a start, as much may have been missed."""
        catalogue, at = self._catalogue(), self._clock.now()
        if catalogue is self._scheduled:
            return
        async with self._store.write() as tx:
            for addresses in _alertmanagers(catalogue).values():
                await tx.timers.set_unless_running(reconcile_timer(addresses, at), at)
        self._scheduled = catalogue

    async def _process(self, timer: Timer) -> None:
        try:
            if timer.kind == DOUBT:
                await self._contradictions.decide(timer)
            else:
                await self._reconcile(timer)
        except TemporaryError as error:
            # The timer is still there. Its claim expires in a minute, and a replica claims it again.
            log.warning("alerts not compared, retrying in a minute", timer=timer.key, error=str(error))
        except UNEXPECTED_ERRORS:
            log.exception("alerts not compared, retrying in a minute", timer=timer.key)
        self._notify_outbox()

    async def _reconcile(self, timer: Timer) -> None:
        catalogue = self._catalogue()
        addresses = _alertmanagers(catalogue).get(timer.subject, ())
        pause = await self._compare(addresses, catalogue.alerts) if addresses and catalogue.alerts else None
        async with self._store.write() as tx:
            # A timer that was set anew meanwhile is left as it is.
            if await tx.timers.remove(timer.key, timer.due_at) and pause is not None:
                now = self._clock.now()
                await tx.timers.set(reconcile_timer(addresses, now + pause), now)

    async def _compare(self, addresses: tuple[str, ...], entry: AlertsConfig) -> timedelta:
        """Compare, correct what differs, and return the time until the next comparison."""
        at = self._clock.now()
        known = await self._read_known(addresses, at - entry.reopen_within)
        if not any(known.values()):
            return RECONCILE_INTERVAL
        comparison = _Comparison(addresses, known, await self._reader.read(addresses), at)
        matched = [scope for scope in known if await self._match(scope, comparison)]
        alerts = [each for scope in matched for each in known[scope]]
        differing = differing_groups(alerts, comparison.found.listed, at)
        if differing and not await self._correct(differing, comparison, entry):
            return BACKLOG_DELAY
        return self._pause(addresses, matched=len(matched) == len(known))

    def _pause(self, addresses: tuple[str, ...], *, matched: bool) -> timedelta:
        key = alertmanagers_key(addresses)
        self._first_looks[key] = 0 if matched else self._first_looks.get(key, 0) + 1
        return RECONCILE_INTERVAL if matched or self._first_looks[key] > MAX_FIRST_LOOKS else FIRST_MATCH_INTERVAL

    async def _read_known(self, addresses: tuple[str, ...], since: datetime) -> Mapping[AlertScope, Sequence[KnownAlert]]:
        catalogue = self._catalogue()
        async with self._store.read() as tx:
            repository = tx.of(AlertmanagerRepository)
            return {
                scope: await repository.known_alerts(scope, since)
                for scope in await repository.scopes(since)
                if catalogue.alertmanagers_of(scope.environment, scope.source) == addresses
            }

    async def _match(self, scope: AlertScope, comparison: _Comparison) -> bool:
        """Whether the Alertmanagers have listed an alert of this sender, now or earlier. Another one's list says nothing."""
        listed = comparison.found.listed
        candidates = {each.group_id for each in comparison.known[scope] if each.fingerprint in listed}
        async with self._store.read() as tx:
            if await is_matched(tx, scope, comparison.addresses):
                return True
            groups = await tx.alerts.alerts_by_group(sorted(candidates)[:MAX_MATCH_GROUPS])
        if not any(matches(alert, listed) for alerts in groups.values() for alert in alerts.values()):
            return False
        async with self._store.write() as tx:
            await tx.of(AlertmanagerRepository).mark_matched(match_key(scope, comparison.addresses), comparison.at)
        return True

    async def _correct(self, differing: frozenset[str], comparison: _Comparison, entry: AlertsConfig) -> bool:
        """Correct groups in one transaction. False where stored notifications have to be applied first."""
        found, at = comparison.found, comparison.at
        uptimes = await self._reader.uptimes(comparison.addresses) if found.complete else None
        in_doubt = frozenset() if is_fed(found.listed, at) else await self._may_fire(differing)
        firing = firing_fingerprints(each for alerts in comparison.known.values() for each in alerts)
        async with self._store.write() as tx:
            # What arrives meanwhile is applied before or after, never between the reading here and the writing.
            await tx.alerts.lock_exclusively()
            if await tx.inbox.backlog():
                return False
            repository = tx.of(AlertmanagerRepository)
            catalogue = self._catalogue()
            links = partial(links_of, catalogue=catalogue)
            batch = GroupBatch(tx, entry, links, has_incidents=catalogue.incidents is not None)
            for group_id, stored in sorted((await batch.load_groups(differing)).items()):
                believes = uptimes is not None and group_id not in in_doubt and can_believe_absence(stored.record, uptimes, at)
                needed = corrections(
                    stored,
                    await repository.absent_since(group_id),
                    found.listed,
                    at,
                    believes_absence=believes,
                    firing_elsewhere=firing,
                )
                await self._apply(batch, group_id, needed, comparison)
                await repository.mark_absent(group_id, needed.newly_absent if found.complete else (), at)
                await repository.mark_absent(group_id, needed.listed_again, None)
            await batch.write(at)
        return True

    async def _may_fire(self, group_ids: Iterable[str]) -> frozenset[str]:
        """The groups of which Prometheus says that they fire, or of which it was not asked yet or does not answer."""
        async with self._store.read() as tx:
            groups = [group for group_id in sorted(group_ids) if (group := await tx.alerts.get(group_id)) is not None]
        groups = [group for group in groups if self._rules.can_ask(group)]
        # In turns, so that groups that go on firing do not keep the others from being asked about.
        turn = int(self._clock.now().timestamp() // 60) * MAX_RULES_ASKED % max(len(groups), 1)
        asked = [*groups[turn:], *groups[:turn]][:MAX_RULES_ASKED]
        answers = await asyncio.gather(*(self._rules.may_fire(group) for group in asked))
        ended = {group.id for group, may_fire in zip(asked, answers, strict=True) if not may_fire}
        return frozenset(group.id for group in groups) - ended

    async def _apply(self, batch: GroupBatch, group_id: str, needed: Corrections, comparison: _Comparison) -> None:
        record = batch.group(group_id).record
        explanations = [ended_explanation(needed.ended, record)] if needed.ended else []
        if needed.returned:
            explanations.append(returned_explanation(needed.returned, comparison.found.listed))
        if alerts := (*needed.ended, *needed.returned):
            await batch.correct(correction(record, alerts, comparison.at, " ".join(explanations)), group_id)
            self.corrected += len(alerts)


def _alertmanagers(catalogue: Catalogue) -> Mapping[str, tuple[str, ...]]:
    """The addresses that are asked together, by their key."""
    sources = catalogue.alerts.sources if catalogue.alerts else {}
    groups = {catalogue.alertmanagers_of("", name) for name in sources}
    groups |= {catalogue.alertmanagers_of(name) for name in catalogue.environments}
    return {alertmanagers_key(addresses): addresses for addresses in groups if addresses}
