"""Cached directory of people: user groups, guests and time zones, from Slack. Entries expire after five minutes.

Where Slack does not answer, ``TemporaryError`` is raised, so nobody gains a role through an outage.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from bot.slack.api import Account, Identity, SlackApi
from bot.slack.errors import SlackRefused
from domain.clock import Clock
from domain.errors import TemporaryError
from domain.people import Member, Person

CACHE_TTL = timedelta(minutes=5)
UNKNOWN_USER_CODES = frozenset({"user_not_found", "user_not_visible"})
_ONLY_KEY = ""
"""Cache key of what exists once."""

Value = TypeVar("Value")


class SlackDirectory:
    """``domain.people.Directory`` over the workspace of the bot's token."""

    def __init__(self, slack: SlackApi, clock: Clock) -> None:
        self._slack = slack
        self._workspace = _TtlCache(lambda _: slack.identity(), clock)
        self._accounts = _TtlCache(self._account, clock)
        self._groups = _TtlCache(lambda _: slack.groups(), clock)

    async def member(self, person: Person) -> Member:
        """The person as a member of the workspace. Raises ``TemporaryError`` where Slack does not answer.

        Bots, deactivated accounts, people of other workspaces and people unknown to Slack are strangers.
        """
        try:
            workspace, account = await asyncio.gather(self._workspace.get(_ONLY_KEY), self._accounts.get(person.user_id))
            if account is None or _is_stranger(person, account, workspace):
                return Member(person=person, name=account.name if account else person.user_id, stranger=True)
            groups = await self._groups.get(_ONLY_KEY)
        except SlackRefused as refused:
            raise TemporaryError(f"Slack could not be asked who you are. Nothing was changed. {refused}") from refused
        return Member(
            person=person,
            name=account.name,
            guest=account.guest,
            time_zone=account.zone,
            groups=frozenset(group for group, members in groups.items() if person.user_id in members),
        )

    async def _account(self, user: str) -> Account | None:
        try:
            return await self._slack.member(user)
        except SlackRefused as refused:
            if refused.code in UNKNOWN_USER_CODES:
                return None
            raise


def _is_stranger(person: Person, account: Account, workspace: Identity) -> bool:
    """Whether the account is of another workspace, a bot or deactivated.

    In an Enterprise organisation an account's own workspace may differ from the bot's though it is a member of both. A payload
    names either the workspace or the organisation.
    """
    here = account.team_id == workspace.team_id or workspace.team_id in account.teams
    known_as = {workspace.team_id, account.team_id, *account.teams, *({workspace.enterprise_id} - {""})}
    return not here or person.team_id not in known_as or account.stranger or account.bot or account.deleted


class _TtlCache(Generic[Value]):
    """Values by key, each at most ``CACHE_TTL`` old. At most one load for each key runs at a time."""

    def __init__(self, load: Callable[[str], Awaitable[Value]], clock: Clock) -> None:
        self._load, self._clock = load, clock
        self._entries: dict[str, tuple[datetime, Value]] = {}
        self._pending: dict[str, asyncio.Task[Value]] = {}

    async def get(self, key: str) -> Value:
        """The value. Cancelling one caller does not cancel the load, because others may wait for it."""
        fetched_at, value = self._entries.get(key, (None, None))
        if fetched_at is not None and self._clock.now() - fetched_at < CACHE_TTL:
            return value  # type: ignore[return-value]  # there is a value where there is a time
        if key not in self._pending:
            task = asyncio.create_task(self._fetch(key), name=f"directory-{key}")
            self._pending[key] = task
            task.add_done_callback(lambda done: self._on_fetched(key, done))
        return await asyncio.shield(self._pending[key])

    async def _fetch(self, key: str) -> Value:
        # The age counts from before the request: what Slack changed meanwhile may be missing from its answer.
        fetched_at = self._clock.now()
        value = await self._load(key)
        self._evict_expired(fetched_at)
        self._entries[key] = (fetched_at, value)
        return value

    def _evict_expired(self, now: datetime) -> None:
        self._entries = {key: entry for key, entry in self._entries.items() if now - entry[0] < CACHE_TTL}

    def _on_fetched(self, key: str, task: asyncio.Task[Value]) -> None:
        self._pending.pop(key, None)
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not log it where every caller was cancelled
