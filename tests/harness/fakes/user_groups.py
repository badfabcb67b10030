"""Slack's user groups in memory: one that the catalogue names."""

from collections.abc import Mapping, Sequence

from domain.errors import DeepechoError
from domain.oncall.groups import GroupMembers

GROUP_ID = "S0ONCALL"


class MemoryGroups:
    """A group that refuses an empty list and fails as a test wants."""

    def __init__(self) -> None:
        self.users: frozenset[str] = frozenset({"U0BYHAND"})
        self.is_enabled = True
        self.is_there = True
        self.failures: list[DeepechoError] = []
        self.read_failure: DeepechoError | None = None
        self.writes = 0

    async def read_group(self, group_id: str) -> GroupMembers:
        return (await self.read_groups())[group_id]

    async def read_groups(self) -> Mapping[str, GroupMembers]:
        if self.read_failure is not None:
            raise self.read_failure
        return {GROUP_ID: GroupMembers(self.users, self.is_enabled)} if self.is_there else {}

    async def set_group_members(self, group_id: str, users: Sequence[str]) -> None:
        assert group_id == GROUP_ID
        assert users
        if self.failures:
            raise self.failures.pop(0)
        self.users, self.writes = frozenset(users), self.writes + 1

    async def set_group_enabled(self, group_id: str, *, enabled: bool) -> None:
        assert group_id == GROUP_ID
        self.is_enabled = enabled
