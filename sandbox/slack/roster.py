"""What an administrator of the workspace changes: accounts that are deactivated or made guests, members of user groups."""

from dataclasses import replace

from sandbox.slack import people
from sandbox.slack.errors import Json
from sandbox.slack.people import SeedUserGroup


class Roster:
    """Changes since the workspace was seeded."""

    def __init__(self) -> None:
        self._accounts: dict[str, Json] = {}
        self._members: dict[str, tuple[str, ...]] = {}

    def change_account(self, user_id: str, fields: Json) -> None:
        """Set fields of the account's user object: ``{"deleted": true}``, ``{"is_restricted": true}``."""
        self._accounts[user_id] = self._accounts.get(user_id, {}) | fields

    def set_members(self, group_id: str, user_ids: tuple[str, ...]) -> None:
        """Give a user group exactly these members."""
        self._members[group_id] = user_ids

    def account(self, user_object: Json) -> Json:
        """The user object with its changes."""
        return user_object | self._accounts.get(user_object["id"], {})

    @property
    def groups(self) -> tuple[SeedUserGroup, ...]:
        """The user groups with their members now."""
        return tuple(replace(group, users=self._members.get(group.id, group.users)) for group in people.GROUPS)

    def clear(self) -> None:
        """The workspace as it was seeded."""
        self._accounts.clear()
        self._members.clear()
