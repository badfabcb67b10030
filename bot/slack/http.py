"""Slack's HTTP endpoint: verify the signature, store the delivery, acknowledge.

Slash commands and clicks are stored without Bolt, at a third of its cost. Payloads whose acknowledgement carries an answer
(submitted forms, suggestions) go through Bolt.
"""

from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.core.intake import Intake
from bot.slack import payloads
from bot.slack.payload_shapes import InvalidPayload
from bot.slack.signatures import BadSignature, Signatures
from bot.web.bodies import BodyReader, BodyRefused
from domain.errors import TemporaryError

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp

COMMANDS_PATH, INTERACTIONS_PATH, EVENTS_PATH = "/slack/commands", "/slack/interactions", "/slack/events"
SLACK_PATHS = (COMMANDS_PATH, INTERACTIONS_PATH, EVENTS_PATH)
"""Paths that the app's manifest names."""

MAX_BODY_BYTES = 512 * 1024
"""Slack's largest payload, a view with 100 blocks, is less than half of this."""
MAX_BYTES_IN_FLIGHT = 8 * MAX_BODY_BYTES
"""Of all bodies together: whether a signature is right is known only when its body is complete."""


class SlackHttpEndpoint:
    """Serves Slack's three paths. ``bolt`` handles payloads whose acknowledgement carries an answer."""

    def __init__(self, signatures: Signatures, intake: Intake, bolt: "AsyncApp") -> None:
        self._signatures, self._intake, self._bolt = signatures, intake, bolt
        self._bodies = BodyReader(max_bytes=MAX_BODY_BYTES, max_total=MAX_BYTES_IN_FLIGHT)
        self._handlers = {COMMANDS_PATH: self._command, INTERACTIONS_PATH: self._interaction, EVENTS_PATH: self._combined}
        self.refused = 0

    async def serve(self, request: web.Request) -> web.Response:
        """Verify, store, acknowledge. 401 and other 4xx store nothing and are final; after 503 Slack retries."""
        headers = request.headers
        stamp, signature = headers.get("X-Slack-Request-Timestamp", ""), headers.get("X-Slack-Signature", "")
        try:
            self._signatures.check_headers(stamp, signature, self._intake.now())
            async with self._bodies.reading(request) as body:
                self._signatures.check(stamp, signature, body, self._intake.now())
                return await self._handlers[request.path](body)
        except BadSignature as error:
            self.refused += 1
            return web.Response(status=401, text=str(error))
        except InvalidPayload as error:
            return web.Response(status=400, text=str(error))
        except BodyRefused as error:
            return web.Response(status=error.status, text=str(error), headers=error.headers)
        except TemporaryError as error:
            return web.Response(status=503, text=str(error), headers={"Retry-After": "5"})

    async def _command(self, body: bytes) -> web.Response:
        """Store a slash command and acknowledge it with an empty body; the answer is sent separately."""
        await self._intake.accept(payloads.inbound_form_command(body, self._intake.now()))
        return web.Response()

    async def _interaction(self, body: bytes) -> web.Response:
        """Store and acknowledge a click; Bolt handles all other interactions."""
        payload = payloads.form_payload(body)
        if payload.get("type") != "block_actions":
            return await self._through_bolt(payload)
        key = str(payload.get("trigger_id") or "")
        await self._intake.accept(payloads.inbound_action(payload, key, self._intake.now()))
        return web.Response()

    async def _combined(self, body: bytes) -> web.Response:
        """The events path takes every kind, as Bolt's own server does: events are JSON, the others are forms."""
        if body.startswith(b"payload="):
            return await self._interaction(body)
        return await self._command(body) if body.startswith((b"token=", b"command=")) else await self._event(body)

    async def _event(self, body: bytes) -> web.Response:
        """Handle an event, or Slack's challenge that verifies the URL."""
        payload = payloads.parse_payload(body)
        if payload.get("type") == "url_verification":
            return web.json_response({"challenge": str(payload.get("challenge", ""))})
        return await self._through_bolt(payload)

    async def _through_bolt(self, payload: dict[str, Any]) -> web.Response:
        from slack_bolt.request.async_request import AsyncBoltRequest

        # In this mode Bolt takes what is parsed already; a second parser could read something else in the same bytes.
        response = await self._bolt.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=payload))
        # Bolt answers 404 where no listener matches. Slack would count that as a failure and retry.
        status = 200 if response.status == 404 else response.status
        content_type = response.first_headers().get("content-type", "text/plain").split(";")[0]
        return web.Response(status=status, text=response.body or "", content_type=content_type)
