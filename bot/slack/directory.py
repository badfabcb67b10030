"""Groups, guests and time zones of people, as Slack tells them. Remembered for at most five minutes, asked for once at a time.

Where Slack cannot be asked there is no answer, so nobody gains a role by its silence.
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

LASTS = timedelta(minutes=5)
UNKNOWN = frozenset({"user_not_found", "user_not_visible"})
_HOME = ""
"""The only key of what exists once."""

Value = TypeVar("Value")


class SlackDirectory:
    """``domain.people.Directory`` over the workspace of the bot's token."""

    def __init__(self, slack: SlackApi, clock: Clock) -> None:
        self._slack = slack
        self._home = _Remembered(lambda _: slack.identity(), clock)
        self._accounts = _Remembered(self._account, clock)
        self._groups = _Remembered(lambda _: slack.groups(), clock)

    async def member(self, person: Person) -> Member:
        """What the workspace says of this person. Raises ``TemporaryError`` where it cannot be asked.

        Bots, deactivated accounts, people of other workspaces and people whom Slack does not know are strangers.
        """
        try:
            home, account = await asyncio.gather(self._home.get(_HOME), self._accounts.get(person.user_id))
            if account is None or _is_stranger(person, account, home):
                return Member(person=person, name=account.name if account else person.user_id, stranger=True)
            groups = await self._groups.get(_HOME)
        except SlackRefused as refused:
            raise TemporaryError(f"Slack could not be asked who you are. Nothing was changed. {refused}") from refused
        return Member(
            person=person,
            name=account.name,
            guest=account.guest,
            zone=account.zone,
            groups=frozenset(group for group, members in groups.items() if person.user_id in members),
        )

    async def _account(self, user: str) -> Account | None:
        try:
            return await self._slack.member(user)
        except SlackRefused as refused:
            if refused.code in UNKNOWN:
                return None
            raise


def _is_stranger(person: Person, account: Account, home: Identity) -> bool:
    """Whether the account is of another workspace, or no living person's.

    An organisation has many workspaces: the account's may be another than the bot's and it may still be a member here. What
    arrived may name the workspace or the organisation.
    """
    here = account.team_id == home.team_id or home.team_id in account.teams
    known_as = {home.team_id, account.team_id, *account.teams, *({home.enterprise_id} - {""})}
    return not here or person.team_id not in known_as or account.stranger or account.bot or account.deleted


class _Remembered(Generic[Value]):
    """Answers by key, each at most ``LASTS`` old, and at most one question under way for each."""

    def __init__(self, ask: Callable[[str], Awaitable[Value]], clock: Clock) -> None:
        self._ask, self._clock = ask, clock
        self._known: dict[str, tuple[datetime, Value]] = {}
        self._asking: dict[str, asyncio.Task[Value]] = {}

    async def get(self, key: str) -> Value:
        """The answer. Who stops waiting does not stop the question that others wait for too."""
        asked_at, value = self._known.get(key, (None, None))
        if asked_at is not None and self._clock.now() - asked_at < LASTS:
            return value  # type: ignore[return-value]  # there is a value where there is a time
        if key not in self._asking:
            task = asyncio.create_task(self._learn(key), name=f"directory-{key}")
            self._asking[key] = task
            task.add_done_callback(lambda done: self._answered(key, done))
        return await asyncio.shield(self._asking[key])

    async def _learn(self, key: str) -> Value:
        asked_at = self._clock.now()
        value = await self._ask(key)
        self._drop_old(asked_at)
        self._known[key] = (asked_at, value)
        return value

    def _drop_old(self, now: datetime) -> None:
        self._known = {key: known for key, known in self._known.items() if now - known[0] < LASTS}

    def _answered(self, key: str, task: asyncio.Task[Value]) -> None:
        self._asking.pop(key, None)
        if not task.cancelled():
            task.exception()  # looked at, in case nobody waits for it any more
