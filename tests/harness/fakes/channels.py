"""A system of channels in memory, as strict as Slack: a name exists once, what is done twice is counted."""

from dataclasses import dataclass, field, replace

from domain.incidents.channel import Bookmark, ChannelAddress, IncidentChannel
from domain.people import Person
from runbooks.incidents.channel_api import ChannelArchived, ChannelMissing, ChannelNameTaken, FoundChannel


@dataclass
class MemoryChannel:
    """One channel, and what was done to it."""

    address: ChannelAddress
    name: str
    is_own: bool = True
    purpose: str = ""
    topic: str = ""
    members: list[Person] = field(default_factory=list)
    pins: list[str] = field(default_factory=list)
    bookmarks: dict[str, str] = field(default_factory=dict)
    is_archived: bool = False


@dataclass
class MemoryChannels:
    """``errors`` are raised by call, the first one first; of ``errors_after`` the call is carried out and its answer lost."""

    channels: dict[str, MemoryChannel] = field(default_factory=dict)
    errors: dict[str, list[Exception]] = field(default_factory=dict)
    errors_after: dict[str, list[Exception]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    """Names that exist and are not listed."""
    calls: list[str] = field(default_factory=list)
    is_down: Exception | None = None

    @property
    def own(self) -> list[MemoryChannel]:
        """The channels of the bot."""
        return [channel for channel in self.channels.values() if channel.is_own]

    def add(self, name: str, **more: object) -> MemoryChannel:
        """A channel that exists already."""
        channel_id = f"C{len(self.channels)}"
        address = ChannelAddress(id=channel_id, permalink=f"https://example.com/{channel_id}")
        self.channels[channel_id] = MemoryChannel(address, name, **more)  # type: ignore[arg-type]
        return self.channels[channel_id]

    async def create(self, name: str, *, is_private: bool) -> ChannelAddress:
        self._begin("create")
        if any(channel.name == name for channel in self.channels.values()):
            raise ChannelNameTaken("its name is taken")
        channel = self.add(name)
        channel.address = replace(channel.address, is_private=is_private)
        self._end("create")
        return channel.address

    async def find(self, name: str) -> FoundChannel | None:
        self._begin("find")
        for channel in self.channels.values():
            if channel.name == name and name not in self.hidden:
                return FoundChannel(address=channel.address, is_own=channel.is_own, purpose=channel.purpose)
        return None

    async def set_purpose(self, channel: IncidentChannel, text: str) -> None:
        self._open("set_purpose", channel).purpose = text
        self._end("set_purpose")

    async def set_topic(self, channel: IncidentChannel, text: str) -> None:
        self._open("set_topic", channel).topic = text
        self._end("set_topic")

    async def invite(self, channel: IncidentChannel, person: Person) -> None:
        self._open("invite", channel).members.append(person)
        self._end("invite")

    async def pin(self, channel: IncidentChannel, message: str) -> None:
        self._open("pin", channel).pins.append(message)
        self._end("pin")

    async def set_bookmark(self, channel: IncidentChannel, bookmark: Bookmark) -> None:
        self._open("set_bookmark", channel).bookmarks[bookmark.title] = bookmark.url
        self._end("set_bookmark")

    async def archive(self, channel: IncidentChannel) -> None:
        self._find("archive", channel).is_archived = True
        self._end("archive")

    async def unarchive(self, channel: IncidentChannel) -> None:
        self._find("unarchive", channel).is_archived = False
        self._end("unarchive")

    def _open(self, call: str, channel: IncidentChannel) -> MemoryChannel:
        found = self._find(call, channel)
        if found.is_archived:
            raise ChannelArchived("the channel is archived")
        return found

    def _find(self, call: str, channel: IncidentChannel) -> MemoryChannel:
        self._begin(call)
        if channel.id not in self.channels:
            raise ChannelMissing("there is no such channel")
        return self.channels[channel.id]

    def _begin(self, call: str) -> None:
        self.calls.append(call)
        if self.is_down is not None:
            raise self.is_down
        if self.errors.get(call):
            raise self.errors[call].pop(0)

    def _end(self, call: str) -> None:
        if self.errors_after.get(call):
            raise self.errors_after[call].pop(0)
