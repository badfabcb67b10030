"""Cached directory of people: user groups, guests and time zones, from Slack. Entries expire after five minutes.

Decisions do not use the cache. Slack's events drop what they change at once, on the replica that receives them. Where Slack does
not answer, ``TemporaryError`` is raised, so nobody gains a role through an outage.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from bot.slack.api import Account, Identity, SlackApi
from bot.slack.errors import SlackRefused
from bot.slack.ttl_cache import TtlCache
from domain.clock import Clock
from domain.errors import TemporaryError
from domain.people import Member, Person

CACHE_TTL = timedelta(minutes=5)
UNKNOWN_USER_CODES = frozenset({"user_not_found", "user_not_visible"})
_ONLY_KEY = ""
"""Cache key of what exists once."""

Groups = Mapping[str, frozenset[str]]


class SlackDirectory:
    """``domain.people.Directory`` over the workspace of the bot's token."""

    def __init__(self, slack: SlackApi, clock: Clock) -> None:
        self._slack = slack
        self._workspace = TtlCache(lambda _: slack.identity(), clock, CACHE_TTL)
        self._accounts = TtlCache(self._account, clock, CACHE_TTL)
        self._groups = TtlCache(lambda _: slack.groups(), clock, CACHE_TTL)

    async def member(self, person: Person) -> Member:
        """The person as a member of the workspace. Raises ``TemporaryError`` where Slack does not answer.

        Bots, deactivated accounts, people of other workspaces and people unknown to Slack are strangers.
        """
        try:
            workspace, account = await asyncio.gather(self._workspace.get(_ONLY_KEY), self._accounts.get(person.user_id))
            if account is None or _is_stranger(person, account, workspace):
                return _stranger(person, account)
            return _member(person, account, await self._groups.get(_ONLY_KEY))
        except SlackRefused as refused:
            raise _unanswered(refused) from refused

    async def fresh_member(self, person: Person) -> Member:
        """The same, of answers that Slack gave after this call: for decisions."""
        try:
            workspace, account, groups = await asyncio.gather(
                self._workspace.get(_ONLY_KEY), self._accounts.fresh(person.user_id), self._groups.fresh(_ONLY_KEY)
            )
        except SlackRefused as refused:
            raise _unanswered(refused) from refused
        if account is None or _is_stranger(person, account, workspace):
            return _stranger(person, account)
        return _member(person, account, groups)

    def forget_account(self, user_id: str) -> None:
        """Slack says that this account has changed: the next look-up asks again, by whichever of its ids."""
        self._accounts.forget(
            lambda key, account: user_id == key or (account is not None and user_id in _user_ids(account)),
        )

    def forget_groups(self) -> None:
        """Slack says that a user group has changed."""
        self._groups.forget()

    async def _account(self, user: str) -> Account | None:
        try:
            return await self._slack.member(user)
        except SlackRefused as refused:
            if refused.code in UNKNOWN_USER_CODES:
                return None
            raise


def _member(person: Person, account: Account, groups: Groups) -> Member:
    user_ids = _user_ids(account) | {person.user_id}
    return Member(
        person=person,
        name=account.name,
        guest=account.guest,
        time_zone=account.zone,
        groups=frozenset(group for group, members in groups.items() if user_ids & members),
        other_ids=user_ids - {person.user_id},
    )


def _stranger(person: Person, account: Account | None) -> Member:
    name = account.name if account else person.user_id
    return Member(person=person, name=name, stranger=True, deactivated=account is not None and account.deleted)


def _user_ids(account: Account) -> frozenset[str]:
    return frozenset({account.user_id, account.organisation_user_id} - {""})


def _unanswered(refused: SlackRefused) -> TemporaryError:
    return TemporaryError(refused.sentence)


def _is_stranger(person: Person, account: Account, workspace: Identity) -> bool:
    """Whether the account is of another workspace, a bot or deactivated.

    In an Enterprise organisation an account's own workspace may differ from the bot's though it is a member of both. A payload
    names either the workspace or the organisation.
    """
    here = account.team_id == workspace.team_id or workspace.team_id in account.teams
    known_as = {workspace.team_id, account.team_id, *account.teams, *({workspace.enterprise_id} - {""})}
    return not here or person.team_id not in known_as or account.stranger or account.bot or account.deleted
