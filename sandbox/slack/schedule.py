"""Messages that are to be posted later."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from sandbox.slack.errors import Json, WebApiError


@dataclass(slots=True)
class ScheduledMessages:
    """Scheduled messages by id; each is a task that sleeps until its time."""

    pending: dict[str, Json] = field(default_factory=dict)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def add(self, args: Json, post_at: int, post: Callable[[Json], Awaitable[object]]) -> str:
        """Keep a message until ``post_at`` (Unix seconds), then ``post`` it; its id."""
        key = f"Q{uuid.uuid4().hex[:10].upper()}"
        self.pending[key] = {**args, "post_at": post_at}

        async def later() -> None:
            await asyncio.sleep(max(0.0, post_at - time.time()))
            await post(self.pending.pop(key))
            self._tasks.pop(key, None)

        self._tasks[key] = asyncio.create_task(later())
        return key

    def remove(self, key: str) -> None:
        """Raises `invalid_scheduled_message_id`."""
        if self.pending.pop(key, None) is None:
            raise WebApiError("invalid_scheduled_message_id")
        self._tasks.pop(key).cancel()

    def clear(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()
        self.pending.clear()
