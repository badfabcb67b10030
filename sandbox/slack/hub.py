"""The gateway's parts, in one place for those who handle requests."""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.slack.call_log import CallLog
from sandbox.slack.change_counter import ChangeCounter
from sandbox.slack.channels import Channels
from sandbox.slack.config import SlackTokens
from sandbox.slack.deliveries import PayloadDelivery
from sandbox.slack.errors import Json
from sandbox.slack.faults import FaultQueue
from sandbox.slack.issued_tokens import IssuedTokens
from sandbox.slack.messages import MessageStore
from sandbox.slack.pages import BrowserPages
from sandbox.slack.rate_limits import RateLimiter
from sandbox.slack.roster import Roster
from sandbox.slack.schedule import ScheduledMessages
from sandbox.slack.sockets import SocketModeServer
from sandbox.slack.upstream import Upstream
from sandbox.slack.views import ViewStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """``public_url`` is the gateway's own address; ``now`` returns Unix seconds."""

    public_url: str
    tokens: SlackTokens
    now: Callable[[], float]
    upstream: Upstream
    channels: Channels
    messages: MessageStore
    views: ViewStore
    roster: Roster
    issued_tokens: IssuedTokens
    faults: FaultQueue
    rates: RateLimiter
    call_log: CallLog
    sockets: SocketModeServer
    deliveries: PayloadDelivery
    pages: BrowserPages
    schedule: ScheduledMessages
    changes: ChangeCounter
    announce: Callable[[Json], None]
    """Tells the bot an event, without waiting for its acknowledgement."""

    def response_url(self, *, channel: str, user: str, message: dict[str, str | None] | None = None) -> str:
        """A new address for `respond()`."""
        origin = message or {}
        key = self.issued_tokens.new_response_url(
            channel=channel, user=user, message_ts=origin.get("ts"), thread_ts=origin.get("thread_ts")
        )
        return f"{self.public_url}/response/{key}"
