"""Keeps Slack user groups to the people who are on call, and says where Slack does not let it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from domain.catalogue.catalogue import Catalogue
from domain.errors import PermanentError, TemporaryError
from domain.leases.lease import LeaseKind
from domain.oncall.groups import GroupMembers, GroupState, teams_by_group, wanted_names
from domain.oncall.leases import LEFT_CATALOGUE, group_lease, renewed
from domain.oncall.schedule import HORIZON, assignments, next_change
from domain.rich_text import Code, sentence
from runbooks.oncall.messages import account, problem_notice, receivers
from runbooks.oncall.timers import group_timer
from storage.leases import LeaseRepository
from storage.oncall import OncallRepository
from storage.store import Store, Transaction
from storage.timers import Timer

CHECK_INTERVAL = timedelta(hours=1)
"""How long a group that somebody else changed stays so, and how long a refusal lasts before it is tried again."""
RETRY_DELAY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Who belongs into a group: user ids in order, names in the catalogue, and until when."""

    members: tuple[str, ...]
    names: tuple[str, ...]
    teams: tuple[str, ...]
    until: datetime


class UserGroups(Protocol):
    """What is called on Slack. Every method raises ``TemporaryError`` or ``PermanentError``."""

    async def read_group(self, group_id: str) -> GroupMembers:
        """The group's members; also of a disabled one."""
        ...

    async def set_group_members(self, group_id: str, users: Sequence[str]) -> None:
        """Replace all members by these, of whom there is one at least."""
        ...

    async def set_group_enabled(self, group_id: str, *, enabled: bool) -> None:
        """Enable or disable the group; what it is already stays so."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupKeeper:
    """Compares a group with who is on call, at each change and once an hour."""

    store: Store
    catalogue: Callable[[], Catalogue]
    slack: UserGroups
    notify_outbox: Callable[[], None]

    async def run_due(self, timer: Timer, at: datetime) -> None:
        """Handle the timer of a group. One that left the catalogue is let alone from now on."""
        catalogue = self.catalogue()
        async with self.store.read() as tx:
            wanted = await self._wanted(tx, catalogue, timer.subject, at)
        problem, next_at = "", at + CHECK_INTERVAL
        if wanted is not None:
            try:
                await self._write(timer.subject, wanted.members)
            except TemporaryError as error:
                delay = RETRY_DELAY if error.retry_after is None else timedelta(seconds=error.retry_after)
                await self._again(timer, at + delay)
                return
            except PermanentError as error:
                problem = str(error)
        async with self.store.write() as tx:
            now_wanted = await self._wanted(tx, catalogue, timer.subject, at)
            await tx.timers.remove(timer.key)
            if wanted is None or now_wanted is None:
                await self._abandon(tx, timer.subject)
                return
            await self._record(tx, catalogue, GroupState(id=timer.subject, members=now_wanted.members, problem=problem), at)
            if not problem:
                await self._record_lease(tx, timer.subject, wanted, at)
            # Who is on call may have changed while Slack was called.
            await tx.timers.set(group_timer(timer.subject, next_at if now_wanted.members == wanted.members else at))
        self.notify_outbox()

    async def _wanted(self, tx: Transaction, catalogue: Catalogue, group_id: str, at: datetime) -> _Wanted | None:
        """Who belongs into the group; None if the catalogue does not name it any more."""
        teams = teams_by_group(catalogue.oncall).get(group_id)
        if teams is None:
            return None
        names: list[str] = []
        until = at + HORIZON
        for team in teams:
            roster = await tx.of(OncallRepository).roster(catalogue, team, at)
            names += wanted_names(group_id, roster.config, assignments(roster, at))
            until = min(until, next_change(roster, at) or until)
        people = {name: account(catalogue, name) for name in dict.fromkeys(names)}
        known = {name: person.user_id for name, person in people.items() if person is not None}
        return _Wanted(tuple(sorted(set(known.values()))), tuple(known), teams, until)

    async def _write(self, group_id: str, wanted: tuple[str, ...]) -> None:
        current = await self.slack.read_group(group_id)
        if current.is_enabled != bool(wanted):
            await self.slack.set_group_enabled(group_id, enabled=bool(wanted))
        if wanted and current.users != set(wanted):
            await self.slack.set_group_members(group_id, wanted)

    async def _again(self, timer: Timer, due_at: datetime) -> None:
        async with self.store.write() as tx:
            await tx.timers.set(group_timer(timer.subject, due_at))

    async def _record_lease(self, tx: Transaction, group_id: str, wanted: _Wanted, at: datetime) -> None:
        leases = tx.of(LeaseRepository)
        lease = group_lease(group_id, wanted.teams, wanted.names, wanted.members, at, wanted.until)
        await leases.put(renewed(lease, await leases.get(LeaseKind.USER_GROUP, "", group_id)))

    async def _abandon(self, tx: Transaction, group_id: str) -> None:
        """It keeps whoever is in it: that is shown until somebody changes it in Slack."""
        leases = tx.of(LeaseRepository)
        if (lease := await leases.get(LeaseKind.USER_GROUP, "", group_id)) is not None:
            await leases.put(replace(lease, abandoned=LEFT_CATALOGUE))

    async def _record(self, tx: Transaction, catalogue: Catalogue, state: GroupState, at: datetime) -> None:
        """A problem is told once, and again when it is another one."""
        before = await tx.of(OncallRepository).group(state.id)
        await tx.of(OncallRepository).save_group(state)
        if not state.problem or state.problem == before.problem:
            return
        title = sentence("The user group ", Code(state.id), f" does not follow the rota: {state.problem} It is tried each hour.")
        for team in teams_by_group(catalogue.oncall)[state.id]:
            for receiver in receivers(catalogue, team):
                await tx.outbox.put(problem_notice(team, f"{state.id}/{at:%Y%m%dT%H%M%S}", receiver, title), at=at)
