"""A count of changes to messages, so that those who wait need not read everything again and again."""

import json
from dataclasses import dataclass

from aiohttp import ClientWebSocketResponse

from sandbox.slack.text_frames import Connect, text_frames

_COUNTED_FRAMES = {"init", "message", "message_update", "message_delete"}


@dataclass(slots=True)
class ChangeCounter:
    """``count`` grows after every change, a moment later than the change itself can be read."""

    count: int = 0

    async def listen(self, socket: ClientWebSocketResponse, connect: Connect) -> None:
        """Count what the local Slack tells its pages. A new connection begins with a change, for what was missed."""
        async for _, text in text_frames(socket, connect):
            if json.loads(text)["t"] in _COUNTED_FRAMES:
                self.count += 1
