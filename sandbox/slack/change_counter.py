"""A count of changes to messages, so that those who wait need not read everything again and again."""

import json
from dataclasses import dataclass

from aiohttp import ClientWebSocketResponse, WSMsgType

_COUNTED_FRAMES = {"init", "message", "message_update", "message_delete"}


@dataclass(slots=True)
class ChangeCounter:
    """``count`` grows after every change, a moment later than the change itself can be read."""

    count: int = 0

    async def listen(self, socket: ClientWebSocketResponse) -> None:
        """Count what the local Slack tells its pages, until it stops."""
        async for message in socket:
            if message.type is WSMsgType.TEXT and json.loads(message.data)["t"] in _COUNTED_FRAMES:
                self.count += 1
