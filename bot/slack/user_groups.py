"""User groups in Slack: ``runbooks.oncall.groups.UserGroups`` over the Web API."""

from collections.abc import Mapping, Sequence

from bot.slack.api import SlackApi
from bot.slack.errors import SlackRefused
from domain.errors import NotFound
from domain.oncall.groups import GroupMembers

_DONE = frozenset({"already_disabled", "already_enabled", "subteam_already_disabled", "subteam_already_enabled"})
"""What Slack may say of a group that is as it should be. It names no such codes; calls of that kind have them elsewhere."""


class SlackUserGroups:
    """Reads and replaces the members of groups as the bot."""

    def __init__(self, slack: SlackApi) -> None:
        self._slack = slack

    async def read_group(self, group_id: str) -> GroupMembers:
        """The group's members. Raises ``NotFound`` where there is no such group."""
        groups = await self.read_groups()
        if group_id not in groups:
            raise NotFound(f"Slack has no user group {group_id}.")
        return groups[group_id]

    async def read_groups(self) -> Mapping[str, GroupMembers]:
        """Every group by its id, also disabled ones, in one request."""
        answer = await self._slack.read("usergroups.list", {"include_users": True, "include_disabled": True})
        return {
            group["id"]: GroupMembers(frozenset(group.get("users") or ()), not group.get("date_delete"))
            for group in answer["usergroups"]
        }

    async def set_group_members(self, group_id: str, users: Sequence[str]) -> None:
        """Replace all members. Slack refuses an empty list, and one with guests or bots in it."""
        await self._slack.write("usergroups.users.update", {"usergroup": group_id, "users": ",".join(users)})

    async def set_group_enabled(self, group_id: str, *, enabled: bool) -> None:
        """Enable or disable the group."""
        try:
            await self._slack.write(f"usergroups.{'enable' if enabled else 'disable'}", {"usergroup": group_id})
        except SlackRefused as refused:
            if refused.code not in _DONE:
                raise
