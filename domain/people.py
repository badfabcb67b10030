"""Who somebody is and what they may do. People are known by user id and team id together, never by name."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Role(StrEnum):
    """What a person may do in an environment; each role includes the ones before it. ``security`` stands beside them."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    DEPLOYER = "deployer"
    APPROVER = "approver"
    SRE = "sre"
    ADMIN = "admin"
    SECURITY = "security"

    @property
    def rank(self) -> int:
        """The place in the ladder; -1 for ``security``, which includes nothing."""
        return -1 if self is Role.SECURITY else list(Role).index(self)


@dataclass(frozen=True, slots=True, order=True)
class Person:
    """A Slack account: the user's id is unique only together with the workspace's."""

    user_id: str
    team_id: str

    def __str__(self) -> str:
        return f"{self.team_id}/{self.user_id}"


BOT = Person("deepecho", "deepecho")
"""The bot itself, where nobody asked: a scale that ends, a lock that runs out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What the workspace says of a person."""

    person: Person
    name: str
    guest: bool = False
    stranger: bool = False
    """Of another workspace, seen here through a shared channel."""
    time_zone: str = "UTC"
    groups: frozenset[str] = frozenset()
    """Ids of the user groups the person belongs to."""


class Directory(Protocol):
    """Groups, guests and time zones of people. Answers are at most 5 minutes old."""

    async def member(self, person: Person) -> Member:
        """What the workspace says of this person. Raises ``TemporaryError`` where it cannot be asked."""
        ...


Grants = Mapping[Role, Collection[str]]
"""Role to the user ids, user-group ids, or ``*`` (every full member) that hold it."""


def roles_held(member: Member, *grants: Grants) -> frozenset[Role]:
    """Every role that these grants give the member. Guests and strangers hold none but what lets them look."""
    if member.guest or member.stranger:
        return frozenset()
    keys = {member.person.user_id, *member.groups, "*"}
    return frozenset(role for each in grants for role, holders in each.items() if keys & set(holders))


def allows(roles: Collection[Role], needed: Role) -> bool:
    """Whether somebody with these roles may do what needs this one."""
    if needed is Role.SECURITY:
        return Role.SECURITY in roles
    return any(role.rank >= needed.rank for role in roles)


def highest_role(roles: Collection[Role]) -> Role | None:
    """The highest role on the ladder, for showing."""
    ladder = [role for role in roles if role is not Role.SECURITY]
    return max(ladder, key=lambda role: role.rank, default=None)
