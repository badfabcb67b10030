"""What people do with channels and with messages in them, for tests and scripts."""

from sandbox.slack.control_client import ControlClient
from sandbox.slack.errors import Json
from sandbox.slack.message_views import MessageView
from sandbox.slack.observer import channel_id, user_id


class ChannelUsers:
    """People are given by user id, first name or role, channels by id or name. Each returns when the bot has acknowledged."""

    def __init__(self, control: ControlClient) -> None:
        self._control = control

    async def unpin(self, user: str, message: MessageView) -> None:
        await self._post("unpin", user, message.channel, ts=message.ts)

    async def edit(self, user: str, message: MessageView, text: str) -> None:
        await self._post("edit", user, message.channel, ts=message.ts, text=text)

    async def delete(self, user: str, message: MessageView) -> None:
        await self._post("delete", user, message.channel, ts=message.ts)

    async def shortcut(self, user: str, message: MessageView, callback_id: str) -> Json:
        """Choose an entry of the bot in a message's menu; how the bot acknowledged."""
        answer = await self._post("shortcut", user, message.channel, ts=message.ts, callback_id=callback_id)
        ack: Json = answer["ack"]
        return ack

    async def join(self, user: str, channel: str, *, inviter: str = "") -> None:
        await self._post("join", user, channel, inviter=user_id(inviter) if inviter else "")

    async def archive(self, user: str, channel: str) -> None:
        await self._post("archive", user, channel)

    async def unarchive(self, user: str, channel: str) -> None:
        await self._post("unarchive", user, channel)

    async def rename(self, user: str, channel: str, name: str) -> None:
        await self._post("rename", user, channel, name=name)

    async def remove_bot(self, user: str, channel: str) -> None:
        await self._post("remove-bot", user, channel)

    async def delete_channel(self, user: str, channel: str) -> None:
        await self._post("delete-channel", user, channel)

    async def _post(self, verb: str, user: str, channel: str, **more: object) -> Json:
        return await self._control.post(verb, {"user": user_id(user), "channel": channel_id(channel), **more})
