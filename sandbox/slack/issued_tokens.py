"""What Slack hands out once and for a short time: trigger ids, response addresses, socket addresses."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.slack.errors import WebApiError

TRIGGER_SECONDS = 3.0
RESPONSE_SECONDS = 1800.0
RESPONSE_USES = 5


@dataclass(slots=True, kw_only=True)
class Trigger:
    user: str
    issued_at: float
    used: bool = False


@dataclass(slots=True, kw_only=True)
class ResponseUrl:
    """Where `respond()` posts to: the channel, the person, and the message or thread it came from."""

    channel: str
    user: str
    issued_at: float
    message_ts: str | None = None
    thread_ts: str | None = None
    uses: int = 0


class IssuedTokens:
    """Everything handed out; ``now`` gives Unix seconds and is replaced in tests."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._triggers: dict[str, Trigger] = {}
        self._responses: dict[str, ResponseUrl] = {}
        self._sockets: set[str] = set()

    def new_trigger(self, user: str) -> str:
        trigger_id = f"{len(self._triggers) + 1}.{int(self._now())}.{uuid.uuid4().hex}"
        self._triggers[trigger_id] = Trigger(user=user, issued_at=self._now())
        return trigger_id

    def exchange_trigger(self, trigger_id: str | None) -> str:
        """The person behind a trigger id, once. Raises Slack's three words for a bad one."""
        trigger = self._triggers.get(trigger_id or "")
        if trigger is None:
            raise WebApiError("invalid_trigger_id")
        if trigger.used:
            raise WebApiError("exchanged_trigger_id")
        if self._now() - trigger.issued_at > TRIGGER_SECONDS:
            raise WebApiError("expired_trigger_id")
        trigger.used = True
        return trigger.user

    def expire_triggers(self) -> int:
        """Age every unused trigger past its three seconds; how many."""
        unused = [trigger for trigger in self._triggers.values() if not trigger.used]
        for trigger in unused:
            trigger.issued_at -= TRIGGER_SECONDS + 1
        return len(unused)

    def new_response_url(self, *, channel: str, user: str, message_ts: str | None = None, thread_ts: str | None = None) -> str:
        key = uuid.uuid4().hex
        self._responses[key] = ResponseUrl(
            channel=channel, user=user, issued_at=self._now(), message_ts=message_ts, thread_ts=thread_ts
        )
        return key

    def use_response_url(self, key: str) -> ResponseUrl:
        """Use a response address: five times within half an hour. Raises `expired_url` and `used_url`."""
        address = self._responses.get(key)
        if address is None or self._now() - address.issued_at > RESPONSE_SECONDS:
            raise WebApiError("expired_url")
        if address.uses >= RESPONSE_USES:
            raise WebApiError("used_url")
        address.uses += 1
        return address

    def new_socket_ticket(self) -> str:
        ticket = uuid.uuid4().hex
        self._sockets.add(ticket)
        return ticket

    def redeem_socket_ticket(self, ticket: str) -> bool:
        """Whether the ticket opens a socket; each opens one."""
        if ticket not in self._sockets:
            return False
        self._sockets.remove(ticket)
        return True
