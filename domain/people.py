"""People and their roles. A person is identified by user id and team id together, never by name."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Role(StrEnum):
    """What a person may do in an environment. Each role includes those before it, except ``security``, which is separate."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    DEPLOYER = "deployer"
    APPROVER = "approver"
    SRE = "sre"
    ADMIN = "admin"
    SECURITY = "security"

    @property
    def rank(self) -> int:
        """The role's position in that order; -1 for ``security``, which includes no other role."""
        return -1 if self is Role.SECURITY else list(Role).index(self)


@dataclass(frozen=True, slots=True, order=True)
class Person:
    """A Slack account. A user id is unique only together with the workspace's id."""

    user_id: str
    team_id: str

    def __str__(self) -> str:
        return f"{self.team_id}/{self.user_id}"


BOT = Person("deepecho", "deepecho")
"""The bot itself, as the author of what no person asked for: a scale that is reverted, a lock that expires."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person's profile in the workspace."""

    person: Person
    name: str
    guest: bool = False
    stranger: bool = False
    """The person belongs to another workspace and is here through a shared channel, or has no account any more."""
    deactivated: bool = False
    """The account was switched off. It is a stranger's, too."""
    time_zone: str = "UTC"
    groups: frozenset[str] = frozenset()
    """Ids of the user groups the person belongs to."""
    other_ids: frozenset[str] = frozenset()
    """Further user ids of this account: on Enterprise Grid it has one in the organisation, and may have one in a workspace."""

    @property
    def user_ids(self) -> frozenset[str]:
        """Every user id of this account."""
        return self.other_ids | {self.person.user_id}

    def is_same_account(self, other: "Member") -> bool:
        """Whether both are one account. A stranger's ids may be another person's."""
        return not self.stranger and not other.stranger and bool(self.user_ids & other.user_ids)


class Directory(Protocol):
    """Looks up profiles and user groups of people."""

    async def member(self, person: Person) -> Member:
        """The person's profile, at most 5 minutes old. Raises ``TemporaryError`` if Slack does not answer."""
        ...

    async def fresh_member(self, person: Person) -> Member:
        """The person's profile as Slack has it now: for decisions. Raises ``TemporaryError`` if Slack does not answer."""
        ...


Grants = Mapping[Role, Collection[str]]
"""For each role the user ids and user-group ids that hold it; ``*`` is every full member."""


def roles_held(member: Member, *grants: Grants) -> frozenset[Role]:
    """Every role that these grants give the member. Guests and strangers hold none."""
    if member.guest or member.stranger:
        return frozenset()
    keys = {*member.user_ids, *member.groups, "*"}
    return frozenset(role for grant in grants for role, holders in grant.items() if keys & set(holders))


def allows(roles: Collection[Role], needed: Role) -> bool:
    """Whether these roles include the needed one."""
    if needed is Role.SECURITY:
        return Role.SECURITY in roles
    return any(role.rank >= needed.rank for role in roles)


def highest_role(roles: Collection[Role]) -> Role | None:
    """The highest role but ``security``, to show it; None without one."""
    ladder = [role for role in roles if role is not Role.SECURITY]
    return max(ladder, key=lambda role: role.rank, default=None)
