"""What the local Slack tells a bot by itself (messages, mentions, reactions), brought to the bot by the gateway."""

import json

from aiohttp import ClientWebSocketResponse

from sandbox.slack import people
from sandbox.slack.errors import Json
from sandbox.slack.hub import Hub
from sandbox.slack.text_frames import text_frames
from sandbox.slack.user_actions import BackgroundActions, UserActions


class EventForwarder:
    """The gateway's own socket at the local Slack."""

    def __init__(self, hub: Hub, actions: UserActions, background: BackgroundActions) -> None:
        self._hub = hub
        self._actions = actions
        self._background = background

    async def listen(self, socket: ClientWebSocketResponse) -> None:
        """Until the local Slack stops. Every envelope is acknowledged at once: the bot's answer goes elsewhere."""
        async for connection, text in text_frames(socket, self._hub.upstream.bot_socket):
            envelope: Json = json.loads(text)
            if "envelope_id" not in envelope:
                continue
            await connection.send_str(json.dumps({"envelope_id": envelope["envelope_id"]}))
            self._forward(envelope["type"], self._hub.upstream.rewrite(envelope["payload"]))

    def _forward(self, kind: str, payload: Json) -> None:
        if kind == "events_api":
            payload["event"] |= _team_fields(payload["event"])
            self._background.start(self._hub.deliveries.deliver("events_api", payload))
        elif kind == "slash_commands":
            self._background.start(
                self._actions.command(
                    user=payload["user_id"],
                    command=payload["command"],
                    text=payload["text"],
                    channel=payload["channel_id"],
                )
            )
        elif payload.get("type") == "block_actions" and payload.get("message"):
            action = {key: value for key, value in payload["actions"][0].items() if value is not None}
            self._background.start(
                self._actions.click(
                    user=payload["user"]["id"],
                    channel=payload["channel"]["id"],
                    ts=payload["message"]["ts"],
                    action=action,
                )
            )


def _team_fields(event: Json) -> Json:
    """Which workspace the event happened in, and which one its author is from."""
    author = people.find_user(str(event.get("user")))
    return {"team": people.TEAM_ID, "user_team": author.team_id if author else people.TEAM_ID}
