"""What people do to the rota: overrides, taking the pager, taking back, asking to be relieved.

Each change is one transaction with its audit entry, and with what it tells people.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from domain.audit import new_entry
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.errors import NotFound, Refused
from domain.oncall.cover_requests import CoverRequest, RequestState, answer, expire, overrides_of
from domain.oncall.effects import effect_of
from domain.oncall.overrides import Override, OverrideKind
from domain.oncall.review import TeamState
from domain.oncall.schedule import Roster
from domain.refusals import NOTHING_CHANGED
from domain.rich_text import Code, sentence
from runbooks.oncall.changes import (
    Changed,
    OncallRequest,
    Wish,
    accepted_text,
    changes_nothing,
    describe,
    new_id,
    new_override,
    override_cause,
    pager_of,
)
from runbooks.oncall.messages import Cause, cover_card, refusal_notice
from runbooks.oncall.reviewer import Reviewer
from runbooks.oncall.timers import expire_timer
from storage.oncall import OncallRepository
from storage.store import Store, Transaction
from storage.timers import Timer


@dataclass(frozen=True, slots=True, kw_only=True)
class OncallService:
    """Does to the rota what people ask for."""

    store: Store
    clock: Clock
    catalogue: Callable[[], Catalogue]
    reviewer: Reviewer
    notify_outbox: Callable[[], None]

    async def roster(self, team: str) -> Roster:
        """Everything that decides who is on call for a team."""
        async with self.store.read() as tx:
            return await tx.of(OncallRepository).roster(self.catalogue(), team, self.clock.now())

    async def override(self, request: OncallRequest, wish: Wish) -> Changed:
        """Put somebody on call instead of somebody else. Raises ``Refused`` if that changes nothing."""
        at = self.clock.now()
        async with self.store.write() as tx:
            state = await self._lock(tx, wish.team)
            override = await new_override(tx, request, wish, OverrideKind.OVERRIDE, at)
            changed = await self._add(tx, override, at)
            answered = frozenset({request.name})
            await self._finish(tx, request, state, override_cause(override, answered), at, "oncall-override", describe(changed))
        self.notify_outbox()
        return changed

    async def take(self, request: OncallRequest, team: str, layer: str) -> Changed:
        """Put the person who asks on call until the next handoff, in place of whoever is; without anybody's consent."""
        at = self.clock.now()
        async with self.store.write() as tx:
            state = await self._lock(tx, team)
            roster = await tx.of(OncallRepository).roster(self.catalogue(), team, at)
            override = await new_override(tx, request, pager_of(roster, request.name, layer, at), OverrideKind.TAKE, at)
            changed = await self._add(tx, override, at)
            await self._finish(tx, request, state, override_cause(override), at, "oncall-take", describe(changed))
        self.notify_outbox()
        return changed

    async def undo(self, request: OncallRequest, override_id: str, may_undo: Callable[[Override], bool]) -> tuple[Changed, ...]:
        """Take back an override, or both of a swap. Raises ``NotFound``, or ``Refused`` for one that is over."""
        at = self.clock.now()
        async with self.store.read() as tx:
            team = next((each.team for each in await tx.of(OncallRepository).overrides_named(override_id)), None)
        if team is None:
            raise NotFound(sentence("There is no override ", Code(override_id), ", or it was taken back. ", NOTHING_CHANGED))
        async with self.store.write() as tx:
            state = await self._lock(tx, team)
            overrides = [each for each in await tx.of(OncallRepository).overrides_named(override_id) if each.ends > at]
            if not overrides:
                raise Refused(sentence(Code(override_id), f" is over. {NOTHING_CHANGED}"))
            if not all(may_undo(each) for each in overrides):
                raise Refused(
                    sentence(Code(override_id), " is for those two to take back, for the lead or for an sre. ", NOTHING_CHANGED)
                )
            roster = await tx.of(OncallRepository).roster(self.catalogue(), team, at)
            undone = tuple(Changed(each, effect_of(roster, each)) for each in overrides)
            for each in overrides:
                await tx.of(OncallRepository).withdraw_override(each, at)
            cause = Cause(text=sentence(request.by, " took back ", Code(override_id)))
            await self._finish(tx, request, state, cause, at, "oncall-undo", f"{override_id}: taken back")
        self.notify_outbox()
        return undone

    async def ask(self, request: OncallRequest, wanted: CoverRequest) -> CoverRequest:
        """Ask to be relieved. ``wanted.id`` is given here. Raises ``Refused`` if the person is not on call then."""
        at = self.clock.now()
        async with self.store.write() as tx:
            await self._lock(tx, wanted.team)
            asked = replace(wanted, id=await new_id(tx, request.source))
            await self._check_possible(tx, asked, at)
            await self._save_request(tx, asked, at)
            await tx.timers.set(expire_timer(asked.id, asked.expires_at))
            what = "oncall-swap" if asked.is_swap else "oncall-cover"
            await self._audit(tx, request, asked.team, at, what, f"{asked.id}: asked")
        self.notify_outbox()
        return asked

    async def respond(
        self, request: OncallRequest, request_id: str, state: RequestState, check: Callable[[CoverRequest], None]
    ) -> tuple[CoverRequest, tuple[Changed, ...]]:
        """Accept, decline or withdraw a request. ``check`` raises where the person may not. Raises ``NotFound``, ``Refused``."""
        at = self.clock.now()
        async with self.store.read() as tx:
            found = await tx.of(OncallRepository).request(request_id)
        if found is None:
            raise NotFound(sentence("There is no request ", Code(request_id), ". ", NOTHING_CHANGED))
        check(found)
        async with self.store.write() as tx:
            team_state = await self._lock(tx, found.team)
            current = await tx.of(OncallRepository).request(request_id) or found
            answered = answer(current, request.name, state, at)
            changed = await self._carry_out(tx, answered, request, at)
            await self._save_request(tx, answered, at)
            await tx.timers.remove(expire_timer(answered.id, at).key)
            cause = Cause(text=accepted_text(answered, request), undo=answered.id, answered=frozenset({request.name}))
            what = f"oncall-{_RESPONSES[state]}"
            await self._finish(tx, request, team_state, cause, at, what, f"{answered.id}: {state.value}")
        self.notify_outbox()
        return answered, changed

    async def expire(self, timer: Timer, at: datetime) -> None:
        """Handle the timer of a request that nobody accepted."""
        async with self.store.write() as tx:
            found = await tx.of(OncallRepository).request(timer.subject)
            expired = expire(found, at) if found else None
            if expired is not None:
                await self._save_request(tx, expired, at)
            await tx.timers.remove(timer.key, timer.due_at)
        self.notify_outbox()

    async def _lock(self, tx: Transaction, team: str) -> TeamState:
        config = self.catalogue().oncall.get(team)
        if config is None:
            raise Refused(f"The catalogue has no team {team} any more. {NOTHING_CHANGED}")
        if config.pagerduty:
            raise Refused(f"The schedules of {team} are kept in PagerDuty. Change them there; it is seen here within minutes.")
        return await tx.of(OncallRepository).lock_team(team)

    async def _add(self, tx: Transaction, override: Override, at: datetime) -> Changed:
        """Insert an override that changes something. Raises ``Refused`` for one that does not."""
        effect = effect_of(await tx.of(OncallRepository).roster(self.catalogue(), override.team, at), override)
        if not effect:
            raise Refused(changes_nothing(override))
        await tx.of(OncallRepository).add_override(override)
        return Changed(override, effect)

    async def _carry_out(
        self, tx: Transaction, answered: CoverRequest, request: OncallRequest, at: datetime
    ) -> tuple[Changed, ...]:
        if answered.state is not RequestState.ACCEPTED:
            return ()
        return tuple([await self._add(tx, each, at) for each in overrides_of(answered, request.by, at)])

    async def _check_possible(self, tx: Transaction, asked: CoverRequest, at: datetime) -> None:
        """Refuse to ask for what could not be done: somebody is not on call in the time that they want to give away."""
        roster = await tx.of(OncallRepository).roster(self.catalogue(), asked.team, at)
        wanted = asked.wanted or _NOBODY
        people = frozenset({*roster.people, _NOBODY})
        example = answer(asked, wanted, RequestState.ACCEPTED, at)
        for override in overrides_of(example, asked.made_by, at):
            if not effect_of(Roster(team=asked.team, config=roster.config, people=people, overrides=roster.overrides), override):
                raise Refused(changes_nothing(override))

    async def _save_request(self, tx: Transaction, request: CoverRequest, at: datetime) -> None:
        catalogue = self.catalogue()
        config = catalogue.oncall.get(request.team)
        await tx.of(OncallRepository).save_request(request)
        await tx.outbox.put(cover_card(request, catalogue, config.zone if config else "UTC"), at=at)
        if (notice := refusal_notice(request, catalogue)) is not None:
            await tx.outbox.put(notice, at=at)

    async def _finish(
        self, tx: Transaction, request: OncallRequest, state: TeamState, cause: Cause, at: datetime, what: str, outcome: str
    ) -> None:
        await self.reviewer.tell(tx, self.catalogue(), state, cause, at)
        await self._audit(tx, request, state.team, at, what, outcome)

    async def _audit(self, tx: Transaction, request: OncallRequest, team: str, at: datetime, what: str, outcome: str) -> None:
        await tx.inbox.mark_answered(request.source, at, what)
        await tx.audit.append(
            new_entry(
                key=f"{request.source}/{what}",
                at=at,
                who=request.by,
                what=what,
                subject=team,
                why=request.reason,
                outcome=outcome,
            )
        )


_NOBODY = "somebody"
_RESPONSES = {RequestState.ACCEPTED: "accept", RequestState.DECLINED: "decline", RequestState.WITHDRAWN: "withdraw"}
