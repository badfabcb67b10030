"""Tells people what changed about who is on call: at a handoff, after an edit of the catalogue, with an override."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from domain.canonical_json import canonical
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.oncall.groups import teams_by_group
from domain.oncall.review import Review, TeamState, review
from runbooks.oncall.messages import Cause, notices
from runbooks.oncall.timers import group_timer, review_timer, schedule_timer
from storage.oncall import OncallRepository
from storage.store import Store, Transaction
from storage.timers import Timer

REVIEW_INTERVAL = timedelta(hours=1)
"""How long gaps that come nearer wait to be told; handoffs are told when they happen."""
STALE_DELAY = timedelta(minutes=1)
"""How long a replica that has not read the newest catalogue leaves a review to the others."""


@dataclass(slots=True)
class _CatalogueSeen:
    """The catalogue that this process had last, and since when."""

    catalogue: Catalogue | None = None
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewer:
    """Compares what people were told with who is on call. The team's row is locked meanwhile, so that nothing is told twice."""

    store: Store
    clock: Clock
    catalogue: Callable[[], Catalogue]
    notify_outbox: Callable[[], None]
    _seen: _CatalogueSeen = field(default_factory=_CatalogueSeen)

    async def watch_catalogue(self) -> None:
        """After a start and after each reload have every team looked at again."""
        catalogue = self.catalogue()
        if catalogue is self._seen.catalogue:
            return
        at = self._read_at(catalogue)
        if catalogue.oncall:
            async with self.store.write() as tx:
                for timer in _timers(catalogue, at):
                    await tx.timers.bring_forward(timer)
        self._seen.catalogue = catalogue

    async def run_due(self, timer: Timer, at: datetime) -> None:
        """Handle a due review. A team that is no longer in the catalogue is forgotten."""
        catalogue = self.catalogue()
        async with self.store.write() as tx:
            if timer.subject not in catalogue.oncall:
                await tx.timers.remove(timer.key, timer.due_at)
                return
            state = await tx.of(OncallRepository).lock_team(timer.subject)
            await self.tell(tx, catalogue, state, self.cause_of(catalogue, state), at)
        self.notify_outbox()

    async def tell(self, tx: Transaction, catalogue: Catalogue, state: TeamState, cause: Cause, at: datetime) -> None:
        """Tell everybody whom it concerns, and set the next review. ``state`` is the team's, whose row the caller has locked."""
        if self._is_stale(catalogue, state):
            await tx.timers.set(review_timer(state.team, at + STALE_DELAY))
            return
        roster = await tx.of(OncallRepository).roster(catalogue, state.team, at)
        told = self._dated(catalogue, review(state, roster, at))
        for message in notices(catalogue, state.team, told, cause, at):
            await tx.outbox.put(message, at=at)
        await tx.of(OncallRepository).save_team(told.state)
        next_change = min(filter(None, told.until.values()), default=None)
        await tx.timers.set(review_timer(state.team, min(next_change or at + REVIEW_INTERVAL, at + REVIEW_INTERVAL)))
        if state.on_call != told.state.on_call:
            for group in catalogue.oncall[state.team].groups:
                await tx.timers.bring_forward(group_timer(group.id, at))

    def cause_of(self, catalogue: Catalogue, state: TeamState) -> Cause:
        """Why shifts are not as they were promised, where no person is known to have moved them."""
        if state.catalogue_digest not in ("", digest_of(catalogue, state.team)):
            return Cause(text="the catalogue was edited")
        return Cause(text="the schedule in PagerDuty was edited" if catalogue.oncall[state.team].pagerduty else "")

    def _is_stale(self, catalogue: Catalogue, state: TeamState) -> bool:
        """Whether another replica read a newer catalogue: two that differ would tell everybody of moves there and back."""
        is_same = state.catalogue_digest in ("", digest_of(catalogue, state.team))
        return not is_same and state.catalogue_read_at is not None and self._read_at(catalogue) < state.catalogue_read_at

    def _dated(self, catalogue: Catalogue, told: Review) -> Review:
        digest = digest_of(catalogue, told.state.team)
        is_same = told.state.catalogue_digest == digest and told.state.catalogue_read_at is not None
        read_at = told.state.catalogue_read_at if is_same else self._read_at(catalogue)
        return replace(told, state=replace(told.state, catalogue_digest=digest, catalogue_read_at=read_at))

    def _read_at(self, catalogue: Catalogue) -> datetime:
        """When this process first had this catalogue, or now."""
        if catalogue is not self._seen.catalogue or self._seen.read_at is None:
            self._seen.read_at = self.clock.now()
        return self._seen.read_at


def digest_of(catalogue: Catalogue, team: str) -> str:
    """Changes when the catalogue says something else of a team's rotations, or has other people."""
    config = catalogue.oncall[team].model_dump(mode="json", exclude={"channel", "groups", "lead"})
    return hashlib.sha256(canonical([config, sorted(catalogue.people)]).encode()).hexdigest()[:32]


def _timers(catalogue: Catalogue, at: datetime) -> list[Timer]:
    reading = [schedule_timer(name, at) for name, team in catalogue.oncall.items() if team.pagerduty]
    groups = [group_timer(group_id, at) for group_id in teams_by_group(catalogue.oncall)]
    return [*(review_timer(name, at) for name in catalogue.oncall), *reading, *groups]
