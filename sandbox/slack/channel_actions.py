"""What people do with channels and with messages in them, and what the bot is told of it."""

from sandbox.slack import channel_events, payloads, people
from sandbox.slack.channels import Channel
from sandbox.slack.deliveries import Ack
from sandbox.slack.errors import Json, WebApiError
from sandbox.slack.hub import Hub


class ChannelActions:
    """Each act changes the channel and delivers its event. Bodies are `{user, channel, …}`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def pin(self, body: Json) -> Ack:
        """Pin a message, as a person does from its menu."""
        room, ts = await self._room(body), str(body["ts"])
        message = await self._hub.messages.find(room.id, ts)
        room.pins[ts] = {"created": int(self._hub.now()), "created_by": body["user"]}
        return await self._tell(channel_events.pinned(room, message, body["user"]))

    async def unpin(self, body: Json) -> Ack:
        """Remove a pin."""
        room, ts = await self._room(body), str(body["ts"])
        message = await self._hub.messages.find(room.id, ts)
        if room.pins.pop(ts, None) is None:
            raise WebApiError("no_pin")
        return await self._tell(channel_events.pinned(room, message, body["user"], is_removed=True))

    async def edit(self, body: Json) -> None:
        """`{…, ts, text}`: edit one's message. The local Slack tells the bot by itself."""
        room = await self._room(body)
        await self._hub.upstream.post_control("edit-message", {**body, "channel": room.id})

    async def delete(self, body: Json) -> None:
        """`{…, ts}`: delete one's message. The local Slack tells the bot by itself."""
        room = await self._room(body)
        await self._hub.upstream.post_control("delete-message", {**body, "channel": room.id})

    async def join(self, body: Json) -> Ack:
        """Come into a channel; with ``inviter``, because somebody asked."""
        room = await self._room(body)
        if body["user"] not in room.members:
            room.members.append(body["user"])
        await self._hub.pages.refresh()
        return await self._tell(channel_events.joined(room, body["user"], str(body.get("inviter") or "")))

    async def archive(self, body: Json) -> Ack:
        """Archive a channel by hand."""
        return await self._set_archived(body, is_archived=True)

    async def unarchive(self, body: Json) -> Ack:
        """Bring it back."""
        return await self._set_archived(body, is_archived=False)

    async def rename(self, body: Json) -> Ack:
        """`{…, name}`"""
        room = await self._room(body)
        room.name = str(body["name"])
        await self._hub.pages.refresh()
        return await self._tell(channel_events.renamed(room))

    async def remove_bot(self, body: Json) -> Ack:
        """Take the bot out of a channel."""
        room = await self._room(body)
        room.members.remove(people.BOT_USER_ID)
        return await self._tell(channel_events.bot_removed(room, body["user"]))

    async def delete_channel(self, body: Json) -> Ack:
        """Delete a channel for good."""
        room = await self._room(body)
        self._hub.channels.remove(room)
        await self._hub.pages.refresh()
        return await self._tell(channel_events.changed(room, "deleted", body["user"]))

    async def shortcut(self, body: Json) -> Ack:
        """`{…, ts, callback_id}`: choose an entry of the app in a message's menu."""
        room = await self._room(body)
        message = await self._hub.messages.find(room.id, str(body["ts"]))
        payload = payloads.message_shortcut(
            user=body["user"],
            room=room,
            message=message,
            callback_id=str(body["callback_id"]),
            trigger_id=self._hub.issued_tokens.new_trigger(body["user"]),
            response_url=self._hub.response_url(channel=room.id, user=body["user"]),
        )
        return await self._hub.deliveries.deliver("interactive", payload)

    async def _set_archived(self, body: Json, *, is_archived: bool) -> Ack:
        room = await self._room(body)
        room.archived = is_archived
        await self._hub.pages.refresh()
        return await self._tell(channel_events.changed(room, "archive" if is_archived else "unarchive", body["user"]))

    async def _room(self, body: Json) -> Channel:
        return await self._hub.channels.find(body["channel"])

    async def _tell(self, inner: Json) -> Ack:
        return await self._hub.deliveries.deliver("events_api", payloads.event(inner))
