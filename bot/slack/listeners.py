"""All Bolt listeners, one for each kind of payload.

A listener stores the payload and acknowledges it; the dispatcher does the work. One regular expression matches a whole kind, so
the cost of a command does not grow with their number. Bolt injects by parameter name and passes None for an unknown one.
"""

import logging
import re
from collections.abc import Callable, Collection
from typing import Any, Protocol

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.intake import Intake
from bot.slack import modals, payloads
from bot.slack.channel_events import CHANNEL_EVENTS, channel_of, read_event
from bot.slack.payload_shapes import InvalidPayload
from bot.views import forms
from bot.views.markup.spans import line
from bot.views.markup.terminal import line_text
from domain.errors import TemporaryError, UsageError
from domain.incidents.channel_events import ChannelEvent

ENVELOPE_KEY = "envelope"
"""Key of the Socket Mode envelope's id in Bolt's context. HTTP has none; there the payload's ``trigger_id`` is the key."""

MATCH_ALL = re.compile("")
FormText = Callable[[str, dict[str, str]], str]
"""Returns the command text of a submitted form, from its name and its values by field id. Raises ``UsageError``."""

Json = dict[str, Any]

log = structlog.get_logger()


ACCOUNT_EVENTS = ("team_join", "user_change", "user_profile_changed")
"""Events about one account: among them that it was deactivated, made a guest or let in again. Others cost one look-up."""
GROUP_EVENTS = ("subteam_created", "subteam_members_changed", "subteam_updated")
"""Events about user groups: members, and whether the group is enabled."""


class DirectoryCache(Protocol):
    """What is remembered about people, as far as events outdate it."""

    def forget_account(self, user_id: str) -> None:
        """An account has changed."""
        ...

    def forget_groups(self) -> None:
        """A user group has changed."""
        ...


class ChannelEventStore(Protocol):
    """Who takes events of incident channels; ``runbooks.incidents.stored_events`` does."""

    async def incident_of(self, channel_id: str) -> str:
        """The id of the channel's incident; empty for any other channel."""
        ...

    async def accept(self, event: ChannelEvent, key: str) -> None:
        """Store an event. Raises ``TemporaryError``."""
        ...


def build_app(
    intake: Intake,
    form_text: FormText,
    directory: DirectoryCache,
    channel_events: ChannelEventStore | None = None,
    shortcuts: Collection[str] = (),
) -> AsyncApp:
    """Build the Bolt app. Socket Mode and the HTTP endpoint authenticate payloads before Bolt sees them.

    ``shortcuts`` are the callback ids of ours in a message's menu.
    """

    async def authorize() -> AuthorizeResult:
        # Bolt's default calls ``auth.test`` before the first acknowledgement; no listener here calls Slack through Bolt.
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token="unused")  # noqa: S106

    app = AsyncApp(
        name="deepecho",
        logger=logging.getLogger("slack_bolt"),
        client=AsyncWebClient(),
        authorize=authorize,
        # Otherwise Bolt polls every 10 ms for the listener's acknowledgement; with this it awaits the listener.
        process_before_response=True,
        request_verification_enabled=False,
        ignoring_self_events_enabled=False,
        ssl_check_enabled=False,
        url_verification_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
    _register_stored(app, intake, form_text)
    if shortcuts:
        _register_shortcuts(app, intake, _any_of(shortcuts))
    _register_directory_events(app, directory)
    if channel_events is not None:
        _register_channel_events(app, channel_events)
    _register_ack_only(app)

    @app.error
    async def failed(error: Exception) -> BoltResponse:
        if isinstance(error, InvalidPayload):
            return BoltResponse(status=400, body=str(error))
        if isinstance(error, TemporaryError):
            return BoltResponse(status=503, body=str(error))
        log.error("listener failed", exc_info=error)
        return BoltResponse(status=500, body="Something went wrong here.")

    return app


def _register_stored(app: AsyncApp, intake: Intake, form_text: FormText) -> None:
    @app.command(MATCH_ALL)
    async def command(body: Json, context: AsyncBoltContext, ack: AsyncAck) -> None:
        await intake.accept(payloads.inbound_command(body, _key(body, context), intake.now()))
        await ack()

    @app.action(MATCH_ALL)
    async def action(body: Json, context: AsyncBoltContext, ack: AsyncAck) -> None:
        await intake.accept(payloads.inbound_action(body, _key(body, context), intake.now()))
        await ack()

    @app.view_submission(MATCH_ALL)
    async def submitted(body: Json, context: AsyncBoltContext, ack: AsyncAck) -> None:
        view = body.get("view") or {}
        filled = forms.values_of(view.get("state") or {})
        name, channel = payloads.form_metadata(view.get("private_metadata") or "")
        try:
            text = form_text(name, filled)
        except UsageError as error:
            await ack(
                response_action="errors", errors={_first_input(view): line_text(line(error.sentence, " ", error.hint)).strip()}
            )
            return
        response_url, key = modals.response_url_of(view["private_metadata"]), _key(body, context)
        inbound = payloads.inbound_form(body, text=text, channel=channel, response_url=response_url, key=key, at=intake.now())
        await intake.accept(inbound)
        await ack()

    @app.event("app_home_opened")
    async def home_opened(body: Json, ack: AsyncAck) -> None:
        if body["event"].get("tab") == "home":
            await intake.accept(
                payloads.inbound_home_opened(body["event"], body.get("team_id") or "", body.get("event_id") or "", intake.now())
            )
        await ack()


def _register_shortcuts(app: AsyncApp, intake: Intake, callbacks: re.Pattern[str]) -> None:
    @app.message_shortcut(callbacks)
    async def shortcut(body: Json, context: AsyncBoltContext, ack: AsyncAck) -> None:
        await intake.accept(payloads.inbound_shortcut(body, _key(body, context), intake.now()))
        await ack()


def _register_directory_events(app: AsyncApp, directory: DirectoryCache) -> None:
    """Forget what Slack says has changed about people. Nothing is stored: the cache is memory, and decisions do not use it."""

    @app.event(_any_of(ACCOUNT_EVENTS))
    async def account_changed(body: Json, ack: AsyncAck) -> None:
        user = body["event"].get("user") or {}
        directory.forget_account(str(user.get("id") or "") if isinstance(user, dict) else str(user))
        await ack()

    @app.event(_any_of(GROUP_EVENTS))
    async def group_changed(ack: AsyncAck) -> None:
        directory.forget_groups()
        await ack()


def _register_channel_events(app: AsyncApp, store: ChannelEventStore) -> None:
    """Store what happens in incident channels. Slack sends it of every channel that the bot is in, many times a second."""

    @app.event(_any_of(("message", *CHANNEL_EVENTS)))
    async def channel_event(body: Json, ack: AsyncAck) -> None:
        channel_id = channel_of(body["event"])
        incident_id = await store.incident_of(channel_id) if channel_id else ""
        event = read_event(body, incident_id) if incident_id else None
        if event is not None:
            await store.accept(event, payloads.event_key(body))
        await ack()


def _any_of(names: Collection[str]) -> re.Pattern[str]:
    return re.compile(f"^(?:{'|'.join(map(re.escape, names))})$")


def _register_ack_only(app: AsyncApp) -> None:
    """Acknowledge payloads that we do not use: Slack would retry them otherwise."""

    @app.event(MATCH_ALL)
    async def other_event(ack: AsyncAck) -> None:
        await ack()

    @app.view_closed(MATCH_ALL)
    async def closed(ack: AsyncAck) -> None:
        await ack()

    @app.options(MATCH_ALL)
    async def suggestions(ack: AsyncAck) -> None:
        await ack(options=[])

    @app.shortcut(MATCH_ALL)
    async def other_shortcut(ack: AsyncAck) -> None:
        await ack()


def _key(body: Json, context: AsyncBoltContext) -> str:
    return str(context.get(ENVELOPE_KEY) or body.get("trigger_id") or "")


def _first_input(view: Json) -> str:
    inputs = (block.get("block_id") for block in view.get("blocks", ()) if block.get("type") == "input")
    return next((str(block_id) for block_id in inputs if block_id), "form")
