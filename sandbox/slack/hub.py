"""The gateway's parts, in one place for those who handle requests."""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.slack.call_log import Journal
from sandbox.slack.change_counter import Changes
from sandbox.slack.channels import Rooms
from sandbox.slack.config import SlackTokens
from sandbox.slack.deliveries import Deliveries
from sandbox.slack.faults import Faults
from sandbox.slack.issued_tokens import Tickets
from sandbox.slack.messages import Messages
from sandbox.slack.pages import Pages
from sandbox.slack.rate_limits import Rates
from sandbox.slack.schedule import Schedule
from sandbox.slack.sockets import Sockets
from sandbox.slack.upstream import Upstream
from sandbox.slack.views import Views


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """``public`` is the gateway's own address; ``now`` gives Unix seconds."""

    public: str
    tokens: SlackTokens
    now: Callable[[], float]
    upstream: Upstream
    rooms: Rooms
    messages: Messages
    views: Views
    tickets: Tickets
    faults: Faults
    rates: Rates
    journal: Journal
    sockets: Sockets
    deliveries: Deliveries
    pages: Pages
    schedule: Schedule
    changes: Changes

    def response_url(self, *, channel: str, user: str, message: dict[str, str | None] | None = None) -> str:
        """A new address for `respond()`."""
        origin = message or {}
        key = self.tickets.new_response(
            channel=channel, user=user, message_ts=origin.get("ts"), thread_ts=origin.get("thread_ts")
        )
        return f"{self.public}/response/{key}"
