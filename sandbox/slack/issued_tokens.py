"""What Slack hands out once and for a short time: trigger ids, response addresses, socket addresses."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.slack.errors import Refused

TRIGGER_SECONDS = 3.0
RESPONSE_SECONDS = 1800.0
RESPONSE_USES = 5


@dataclass(slots=True, kw_only=True)
class Trigger:
    user: str
    at: float
    used: bool = False


@dataclass(slots=True, kw_only=True)
class ResponseAddress:
    """Where `respond()` posts to: the channel, the person, and the message or thread it came from."""

    channel: str
    user: str
    at: float
    message_ts: str | None = None
    thread_ts: str | None = None
    uses: int = 0


class Tickets:
    """Everything handed out; ``now`` gives Unix seconds and is replaced in tests."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._triggers: dict[str, Trigger] = {}
        self._responses: dict[str, ResponseAddress] = {}
        self._sockets: set[str] = set()

    def new_trigger(self, user: str) -> str:
        trigger_id = f"{len(self._triggers) + 1}.{int(self._now())}.{uuid.uuid4().hex}"
        self._triggers[trigger_id] = Trigger(user=user, at=self._now())
        return trigger_id

    def exchange(self, trigger_id: str | None) -> str:
        """The person behind a trigger id, once. Raises Slack's three words for a bad one."""
        trigger = self._triggers.get(trigger_id or "")
        if trigger is None:
            raise Refused("invalid_trigger_id")
        if trigger.used:
            raise Refused("exchanged_trigger_id")
        if self._now() - trigger.at > TRIGGER_SECONDS:
            raise Refused("expired_trigger_id")
        trigger.used = True
        return trigger.user

    def expire_triggers(self) -> int:
        """Age every unused trigger past its three seconds; how many."""
        unused = [trigger for trigger in self._triggers.values() if not trigger.used]
        for trigger in unused:
            trigger.at -= TRIGGER_SECONDS + 1
        return len(unused)

    def new_response(self, *, channel: str, user: str, message_ts: str | None = None, thread_ts: str | None = None) -> str:
        key = uuid.uuid4().hex
        self._responses[key] = ResponseAddress(
            channel=channel, user=user, at=self._now(), message_ts=message_ts, thread_ts=thread_ts
        )
        return key

    def use_response(self, key: str) -> ResponseAddress:
        """Use a response address: five times within half an hour. Raises `expired_url` and `used_url`."""
        address = self._responses.get(key)
        if address is None or self._now() - address.at > RESPONSE_SECONDS:
            raise Refused("expired_url")
        if address.uses >= RESPONSE_USES:
            raise Refused("used_url")
        address.uses += 1
        return address

    def new_socket(self) -> str:
        ticket = uuid.uuid4().hex
        self._sockets.add(ticket)
        return ticket

    def enter_socket(self, ticket: str) -> bool:
        """Whether the ticket opens a socket; each opens one."""
        if ticket not in self._sockets:
            return False
        self._sockets.remove(ticket)
        return True
