"""What incidents ask of the system that has their channels.

Every call may be repeated: what is done already counts as done. All raise ``TemporaryError`` where the system did not answer
properly (``UnknownOutcome`` if the call may have been carried out) and ``PermanentError`` where it refused; the sentence is a
clause that says why. Calls on an existing channel raise ``ChannelArchived`` and ``ChannelMissing``, too.
"""

from dataclasses import dataclass
from typing import Protocol

from domain.errors import Conflict, NotFound, PermanentError
from domain.incidents.channel import Bookmark, ChannelAddress, IncidentChannel
from domain.people import Person


class ChannelNameTaken(Conflict):
    """A channel has this name already, perhaps an archived one. Nothing was created."""


class ChannelArchived(PermanentError):
    """The channel is archived: nothing in it can be changed."""


class ChannelMissing(NotFound):
    """The channel was deleted, or the bot was removed from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundChannel:
    """A channel as it was found by its name. ``is_own``: the bot created it."""

    address: ChannelAddress
    is_own: bool
    purpose: str


class ChannelApi(Protocol):
    """The calls of ``channel_setup``; implemented by ``bot.slack.channels``."""

    async def create(self, name: str, *, is_private: bool) -> ChannelAddress:
        """Create a channel. Raises ``ChannelNameTaken``."""
        ...

    async def find(self, name: str) -> FoundChannel | None:
        """The channel with this name, archived or not, among those that the bot is in; None if there is none."""
        ...

    async def set_purpose(self, channel: IncidentChannel, text: str) -> None:
        """Set the purpose."""
        ...

    async def set_topic(self, channel: IncidentChannel, text: str) -> None:
        """Set the topic."""
        ...

    async def invite(self, channel: IncidentChannel, person: Person) -> None:
        """Invite one person, who may be in the channel already."""
        ...

    async def pin(self, channel: IncidentChannel, message: str) -> None:
        """Pin a message of the channel."""
        ...

    async def set_bookmark(self, channel: IncidentChannel, bookmark: Bookmark) -> None:
        """Add a bookmark, or change the link of the one with this title."""
        ...

    async def archive(self, channel: IncidentChannel) -> None:
        """Archive the channel."""
        ...

    async def unarchive(self, channel: IncidentChannel) -> None:
        """Bring an archived channel back."""
        ...
