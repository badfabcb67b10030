"""Every Bolt listener there is: one for each kind of payload, in one file.

A listener reads the payload, keeps it and acknowledges; the work is done elsewhere. One regular expression matches a whole kind,
so the cost of a command does not grow with their number. (Bolt gives None to a parameter it does not know: hence one file.)
"""

import logging
import re
from collections.abc import Callable
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.intake import Intake
from bot.slack import modals, payloads
from bot.views import forms
from domain.errors import UsageError

ENVELOPE_KEY = "envelope"
"""Under this name the door leaves the delivery's id in Bolt's context; over HTTP the payload's own ``trigger_id`` names it."""

MATCH_ALL = re.compile("")
FormText = Callable[[str, dict[str, str]], str]
"""The command that a submitted form stands for, from its name and what was filled in. Raises ``UsageError``."""

Json = dict[str, Any]


def build_app(intake: Intake, form_text: FormText) -> AsyncApp:
    """The Bolt app. Both doors have checked who calls before Bolt sees anything."""

    async def authorize() -> AuthorizeResult:
        # Bolt's default asks Slack who it is before the first acknowledgement; no listener here calls Slack through Bolt.
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token="unused")  # noqa: S106

    app = AsyncApp(
        name="deepecho",
        logger=logging.getLogger("slack_bolt"),
        client=AsyncWebClient(),
        authorize=authorize,
        # Its default looks every 10 ms whether the listener has acknowledged; this way it simply waits for it.
        process_before_response=True,
        request_verification_enabled=False,
        ignoring_self_events_enabled=False,
        ssl_check_enabled=False,
        url_verification_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
    _register_stored(app, intake, form_text)
    _register_ack_only(app)
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
        name, channel = forms.command_and_channel(view["private_metadata"])
        try:
            text = form_text(name, filled)
        except UsageError as error:
            await ack(response_action="errors", errors={_first_input(view): f"{error} {error.hint}".strip()})
            return
        response_url, key = modals.response_url_of(view["private_metadata"]), _key(body, context)
        inbound = payloads.inbound_form(body, text=text, channel=channel, response_url=response_url, key=key, at=intake.now())
        await intake.accept(inbound)
        await ack()

    @app.event("app_home_opened")
    async def home_opened(body: Json, ack: AsyncAck) -> None:
        if body["event"].get("tab") == "home":
            await intake.accept(
                payloads.inbound_home_opened(body["event"], body.get("team_id", ""), body.get("event_id", ""), intake.now())
            )
        await ack()


def _register_ack_only(app: AsyncApp) -> None:
    """What means nothing to us: unacknowledged, Slack would send it again."""

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
    async def shortcut(ack: AsyncAck) -> None:
        await ack()


def _key(body: Json, context: AsyncBoltContext) -> str:
    return str(context.get(ENVELOPE_KEY) or body.get("trigger_id") or "")


def _first_input(view: Json) -> str:
    return next((str(block["block_id"]) for block in view.get("blocks", ()) if block.get("type") == "input"), "form")
